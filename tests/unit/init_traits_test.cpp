#include "read/gather.hpp"

#include <gtest/gtest.h>

#include "unit/elf_image.hpp"
#include "unit/temp_root.hpp"

namespace cginit {
namespace {

TEST(InitTraits, Parse) {
    const std::optional<InitTraits> systemd = parse_init_traits("systemd:252");
    ASSERT_TRUE(systemd);
    EXPECT_EQ(systemd->kind, InitKind::systemd);
    EXPECT_EQ(systemd->version, 252);
    EXPECT_EQ(systemd->path, "");
    EXPECT_EQ(parse_init_traits("systemd")->version, std::nullopt);
    for (const char* bad : {"", ":", ":252", "systemd:", "systemd:0", "systemd:252a", "systemd:-1", "systemd:99999999",
                            "systemd:252:1", "busybox:1", "Systemd", "upstart", "systemd "}) {
        EXPECT_EQ(parse_init_traits(bad), std::nullopt) << bad;
    }
}

TEST(InitTraits, EveryKindHasANameThatParses) {
    for (int i = 0; i <= static_cast<int>(InitKind::unknown); ++i) {
        const auto kind = static_cast<InitKind>(i);
        const std::optional<InitTraits> traits = parse_init_traits(to_string(kind));
        ASSERT_TRUE(traits) << to_string(kind);
        EXPECT_EQ(traits->kind, kind);
    }
}

TEST(InitTraits, Describe) {
    EXPECT_EQ(describe({InitKind::systemd, 252, ""}), "systemd 252");
    EXPECT_EQ(describe({InitKind::systemd, std::nullopt, ""}), "systemd of unknown version");
    EXPECT_EQ(describe({InitKind::busybox, std::nullopt, ""}), "busybox");
    EXPECT_EQ(describe({InitKind::unknown, std::nullopt, ""}), "an unknown init");
}

struct VersionCase {
    const char* what;
    std::vector<const char*> libraries;
    std::optional<int> version;
};

TEST(DetectInitTraits, SystemdVersion) {
    const VersionCase cases[] = {
        {"bullseye", {"/usr/lib/systemd/libsystemd-shared-247.so"}, 247},
        {"bookworm", {"/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so"}, 252},
        {"arm", {"/usr/lib/arm-linux-gnueabihf/systemd/libsystemd-shared-257.so"}, 257},
        {"fedora", {"/usr/lib/systemd/libsystemd-shared-251.2-1.fc37.so"}, 251},
        {"rhel lib64", {"/usr/lib64/systemd/libsystemd-shared-239.so"}, 239},
        {"backport", {"/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.38-1~deb12u1.so"}, 252},
        {"candidate", {"/usr/lib/systemd/libsystemd-shared-258~rc1.so"}, 258},
        {"usr-merged path twice", {"/lib/systemd/libsystemd-shared-249.so"}, 249},
        {"the same twice",
         {"/usr/lib/systemd/libsystemd-shared-252.1.so", "/usr/lib64/systemd/libsystemd-shared-252.2.so"},
         252},
        {"two versions",
         {"/usr/lib/systemd/libsystemd-shared-247.so", "/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so"},
         std::nullopt},
        {"none: before 231", {"/usr/lib/systemd/libsystemd-other-219.so"}, std::nullopt},
        {"no version", {"/usr/lib/systemd/libsystemd-shared.so"}, std::nullopt},
        {"no digits", {"/usr/lib/systemd/libsystemd-shared-.so"}, std::nullopt},
        {"before the library was", {"/usr/lib/systemd/libsystemd-shared-219.so"}, std::nullopt},
        {"letters", {"/usr/lib/systemd/libsystemd-shared-252x.so"}, std::nullopt},
        {"debug file", {"/usr/lib/systemd/libsystemd-shared-252.so.debug"}, std::nullopt},
        {"huge", {"/usr/lib/systemd/libsystemd-shared-99999999999999999999.so"}, std::nullopt},
        {"elsewhere", {"/usr/lib/python3/systemd/libsystemd-shared-252.so"}, std::nullopt},
    };
    for (const VersionCase& c : cases) {
        const TempRoot root;
        root.directory("/usr/lib");
        root.link("/lib", "usr/lib");
        root.file("/usr/lib/systemd/systemd", elf_image(), 0755);
        for (const char* library : c.libraries) {
            root.file(library, "");
        }
        const InitTraits found = detect_init_traits(root.source(), "/usr/lib/systemd/systemd");
        EXPECT_EQ(found.kind, InitKind::systemd) << c.what;
        EXPECT_EQ(found.version, c.version) << c.what;
        EXPECT_EQ(found.path, "/usr/lib/systemd/systemd") << c.what;
        EXPECT_EQ(found.version_unknown_because.empty(), c.version.has_value()) << c.what;
    }
}

TEST(DetectInitTraits, BeforeTheLibraryTheProgramItselfTellsItsVersion) {
    struct Case {
        const char* text;
        std::optional<int> version;
    };
    for (const Case& c : {Case{"systemd 219 running in %ssystem mode. (+PAM)", 219},
                          Case{"now running in\n, systemd 229 running in %ssystem mode. (+PAM)", 229},
                          Case{"systemd 252 running in %ssystem mode", std::nullopt},
                          Case{"systemd %s running in %ssystem mode", std::nullopt},
                          Case{"notsystem 219 running in a", std::nullopt}, Case{" running in ", std::nullopt}}) {
        const TempRoot root;
        root.file("/usr/lib/systemd/systemd", elf_image() + std::string("\0", 1) + c.text, 0755);
        const InitTraits found = detect_init_traits(root.source(), "/usr/lib/systemd/systemd");
        EXPECT_EQ(found.version, c.version) << c.text;
        EXPECT_EQ(found.version_unknown_because,
                  c.version ? "" : "there is no libsystemd-shared, and /usr/lib/systemd/systemd names no older one");
    }
}

TEST(DetectInitTraits, TwoLibrariesAreAsGoodAsNone) {
    const TempRoot root;
    root.file("/usr/lib/systemd/systemd", elf_image(), 0755);
    root.file("/usr/lib/systemd/libsystemd-shared-247.so", "");
    root.file("/usr/lib/systemd/libsystemd-shared-252.so", "");
    EXPECT_EQ(detect_init_traits(root.source(), "/usr/lib/systemd/systemd").version_unknown_because,
              "there is a libsystemd-shared of each of 247, 252");
}

TEST(DetectInitTraits, SystemdElsewhereHasItsLibraryBesideIt) {
    const TempRoot root;
    root.file("/nix/store/x-systemd/lib/systemd/systemd", elf_image(), 0755);
    root.file("/nix/store/x-systemd/lib/systemd/libsystemd-shared-255.so", "");
    root.file("/usr/lib/systemd/libsystemd-shared-247.so", "");
    EXPECT_EQ(detect_init_traits(root.source(), "/nix/store/x-systemd/lib/systemd/systemd").version, 255);
}

struct KindCase {
    const char* file;
    InitKind kind;
};

TEST(DetectInitTraits, NameOfItsOwn) {
    for (const KindCase& c : {KindCase{"/usr/lib/systemd/systemd", InitKind::systemd},
                              {"/bin/busybox", InitKind::busybox},
                              {"/sbin/openrc-init", InitKind::openrc},
                              {"/usr/bin/runit-init", InitKind::runit},
                              {"/usr/sbin/runit", InitKind::runit},
                              {"/command/s6-svscan", InitKind::s6},
                              {"/usr/bin/s6-linux-init", InitKind::s6},
                              {"/sbin/finit", InitKind::finit},
                              {"/sbin/dinit", InitKind::dinit},
                              {"/usr/bin/dockerd", InitKind::dockerd},
                              {"/usr/bin/podman", InitKind::podman},
                              {"/bin/k3s", InitKind::k3s},
                              {"/usr/bin/bash", InitKind::other},
                              {"/usr/bin/systemd-nspawn", InitKind::other},
                              {"/sbin/busybox.real", InitKind::busybox},
                              {"/lib/systemd/systemd.distrib", InitKind::systemd},
                              {"/sbin/init", InitKind::other},
                              {"/.real", InitKind::other}}) {
        const TempRoot root;
        root.file(c.file, elf_image(), 0755);
        EXPECT_EQ(detect_init_traits(root.source(), c.file).kind, c.kind) << c.file;
    }
}

TEST(DetectInitTraits, PlainInitByItsNeighbours) {
    const TempRoot linked;
    linked.file("/sbin/init", elf_image(), 0755);
    linked.link("/sbin/telinit", "init");
    EXPECT_EQ(detect_init_traits(linked.source(), "/sbin/init").kind, InitKind::sysvinit);

    const TempRoot wrapped;
    wrapped.file("/sbin/init.distrib", elf_image(), 0755);
    wrapped.file("/etc/inittab", "id:2:initdefault:\n");
    EXPECT_EQ(detect_init_traits(wrapped.source(), "/sbin/init.distrib").kind, InitKind::sysvinit);

    const TempRoot upstart;
    upstart.file("/sbin/init", elf_image(), 0755);
    upstart.file("/sbin/telinit", elf_image(), 0755);
    EXPECT_EQ(detect_init_traits(upstart.source(), "/sbin/init").kind, InitKind::other);

    const TempRoot finit;
    finit.file("/sbin/init", elf_image(), 0755);
    finit.file("/etc/finit.conf", "");
    EXPECT_EQ(detect_init_traits(finit.source(), "/sbin/init").kind, InitKind::finit);
}

TEST(DetectInitTraits, ScriptsAreOtherButForThoseOfS6) {
    const TempRoot root;
    for (const char* file : {"/sbin/init", "/init", "/usr/bin/dockerd", "/usr/local/bin/dockerd-entrypoint.sh",
                             "/etc/s6-linux-init/current/bin/init"}) {
        root.file(file, "#!/bin/sh\n", 0755);
    }
    root.file("/etc/inittab", "");
    const auto kind = [&](const char* file) { return detect_init_traits(root.source(), file).kind; };
    EXPECT_EQ(kind("/sbin/init"), InitKind::other);
    EXPECT_EQ(kind("/init"), InitKind::other);
    EXPECT_EQ(kind("/usr/bin/dockerd"), InitKind::other);
    EXPECT_EQ(kind("/usr/local/bin/dockerd-entrypoint.sh"), InitKind::dockerd);
    EXPECT_EQ(kind("/etc/s6-linux-init/current/bin/init"), InitKind::s6);
    root.directory("/package/admin/s6-overlay");
    EXPECT_EQ(kind("/init"), InitKind::s6);
}

TEST(DetectInitTraits, WhatIsNoFileIsUnknown) {
    const TempRoot root;
    root.directory("/sbin/init");
    root.fifo("/sbin/systemd");
    EXPECT_EQ(detect_init_traits(root.source(), "/sbin/init").kind, InitKind::unknown);
    EXPECT_EQ(detect_init_traits(root.source(), "/sbin/systemd").kind, InitKind::unknown);
    EXPECT_EQ(detect_init_traits(root.source(), "/none").kind, InitKind::unknown);
    EXPECT_EQ(detect_init_traits(root.source(), "").kind, InitKind::unknown);
}

}  // namespace
}  // namespace cginit
