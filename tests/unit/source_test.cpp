#include "read/source.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "unit/temp_root.hpp"

namespace cginit {
namespace {

TEST(Source, OpensDirectoriesAndCaptures) {
    const TempRoot root;
    root.file("/file", "");
    root.fifo("/fifo");
    EXPECT_EQ(Source::open(root.path() + "/none").error().message(),
              "open " + root.path() + "/none: No such file or directory");
    EXPECT_EQ(Source::open(root.path() + "/file").error().message(),
              root.path() + "/file: no capture: no line is `-- PATH --`; cginit --capture writes such files");
    EXPECT_EQ(Source::open(root.path() + "/fifo").error().message(),
              root.path() + "/fifo is neither a capture's file nor a folder");
    EXPECT_EQ(Source::open("").error().errnum, ENOENT);
    EXPECT_FALSE(root.source().is_live());
    EXPECT_TRUE(Source::open("/").value().is_live());
}

TEST(Source, ReadsBelowItsRoot) {
    const TempRoot root;
    root.file("/proc/self/cgroup", "0::/\n");
    root.file("/empty", "");
    const std::string large(1234567, 'x');
    root.file("/large", large);
    const Source source = root.source();
    EXPECT_EQ(*source.read("/proc/self/cgroup"), "0::/\n");
    EXPECT_EQ(*source.read("/empty"), "");
    EXPECT_EQ(*source.read("/large"), large);
    EXPECT_EQ(source.read("/none").error().message(), "open /none: No such file or directory");
    EXPECT_EQ(source.read("/proc").error().message(), "read /proc: Is a directory");
}

/// The same questions to a folder, and to one file that holds the same.
TEST(Source, OneFileIsLikeAFolder) {
    const TempRoot root;
    root.file("/folder/proc/self/cgroup", "0::/\n");
    root.file("/folder/proc/self/ns/mnt", "mnt:[1]\n");
    root.file("/folder/proc/selfish", "");
    root.file("/capture", "words\n-- proc/self/cgroup --\n0::/\n-- proc/self/ns/mnt --\nmnt:[1]\n-- proc/selfish --\n");
    for (const char* name : {"/folder", "/capture"}) {
        std::map<std::string, std::string> texts;
        Source source = std::move(Source::open(root.path() + name).value());
        EXPECT_FALSE(source.is_live());
        source.note_texts(&texts);
        EXPECT_EQ(*source.read("/proc/self/cgroup"), "0::/\n");
        EXPECT_EQ(*source.read_settled("/proc/self/cgroup"), "0::/\n");
        EXPECT_EQ(*source.read_head("/proc/self/cgroup", 2), "0:");
        EXPECT_EQ(*source.read_if_exists("/proc/selfish"), "");
        EXPECT_EQ(*source.read_if_exists("/proc/none"), std::nullopt);
        EXPECT_EQ(source.read("/proc/none").error().message(), "open /proc/none: No such file or directory");
        EXPECT_EQ(source.read("/proc/self").error().message(), "read /proc/self: Is a directory");
        EXPECT_EQ(source.read_link_if_exists("/proc/self/ns/mnt"), "mnt:[1]");
        EXPECT_EQ(source.read_link_if_exists("/proc/self/ns/pid"), std::nullopt);
        EXPECT_EQ(source.peek_link("/proc/self/ns/mnt"), std::nullopt);
        EXPECT_EQ(source.type("/"), FileType::directory);
        EXPECT_EQ(source.type("/proc/self"), FileType::directory);
        EXPECT_EQ(source.type("/proc/selfish"), FileType::regular);
        EXPECT_EQ(source.type("/proc/sel"), FileType::absent);
        EXPECT_TRUE(source.exists("/proc/self/ns"));
        EXPECT_FALSE(source.is_executable("/proc/selfish"));
        EXPECT_FALSE(source.refuses_writing("/proc"));
        EXPECT_EQ(source.list("/proc"), (std::vector<std::string>{"self", "selfish"}));
        EXPECT_EQ(source.list("/proc/self"), (std::vector<std::string>{"cgroup", "ns"}));
        EXPECT_EQ(source.list("/proc/none"), std::vector<std::string>());
        EXPECT_TRUE(source.inherited_descriptors().empty());
        EXPECT_EQ(texts,
                  (std::map<std::string, std::string>{
                      {"/proc/self/cgroup", "0::/\n"}, {"/proc/self/ns/mnt", "mnt:[1]\n"}, {"/proc/selfish", ""}}));
    }
}

TEST(Source, ReadsFilesWithoutASize) {
    const Source source = std::move(Source::open("/").value());
    EXPECT_FALSE(source.read("/proc/self/mountinfo").value().empty());
}

TEST(Source, ReadIfExistsForgivesAbsenceOnly) {
    const TempRoot root;
    root.file("/file", "text");
    const Source source = root.source();
    EXPECT_EQ(source.read_if_exists("/file").value(), "text");
    EXPECT_EQ(source.read_if_exists("/none").value(), std::nullopt);
    EXPECT_EQ(source.read_if_exists("/file/below").value(), std::nullopt);
    EXPECT_EQ(source.read_if_exists("/").error().errnum, EISDIR);
}

TEST(Source, ACaptureHoldsNobodyUp) {
    const TempRoot root;
    root.fifo("/fifo");
    root.link("/link", "/proc/self/mountinfo");
    EXPECT_EQ(*root.source().read("/fifo"), "") << "must not wait for a writer";
    ASSERT_FALSE(root.source().read("/link"));
    EXPECT_EQ(root.source().read("/link").error().errnum, ELOOP) << "could as well be /dev/zero";
}

/// Whoever made it must not have his reader's own files shown, nor all memory taken.
TEST(Source, NoLinkOfACaptureLeadsOutOfIt) {
    const TempRoot root;
    root.file("/inner/file", "text");
    root.file("/inner/init", "", 0755);
    root.link("/within", "inner");
    root.link("/deep/link", "../inner/../within");
    root.link("/proc", "/proc");
    root.link("/up", "..");
    root.link("/deep/up", "../../etc");
    root.link("/loop", "loop");
    for (const Beneath beneath : {Beneath::by_kernel, Beneath::by_hand}) {
        const Source source = std::move(Source::open(root.path(), beneath).value());
        for (const char* path : {"/inner/file", "/within/file", "/deep/link/file", "/deep/./link//../inner/file"}) {
            EXPECT_EQ(*source.read(path), "text") << path;
            EXPECT_EQ(*source.read_head(path, 2), "te") << path;
            EXPECT_EQ(source.type(path), FileType::regular) << path;
            EXPECT_EQ(source.read_link_if_exists(path), "text") << path;
        }
        EXPECT_EQ(source.list("/deep/link"), (std::vector<std::string>{"file", "init"}));
        EXPECT_EQ(source.type("/proc"), FileType::symlink);
        EXPECT_EQ(source.read_link_if_exists("/proc"), "/proc");
        for (const char* path : {"/proc/self/mountinfo", "/up/etc/passwd", "/deep/up/passwd", "/../etc/passwd"}) {
            EXPECT_EQ(source.read(path).error().errnum, EXDEV) << path;
            EXPECT_EQ(source.read_head(path, 2).error().errnum, EXDEV) << path;
            EXPECT_FALSE(source.exists(path)) << path;
            EXPECT_EQ(source.read_link_if_exists(path), std::nullopt) << path;
        }
        for (const char* path : {"/proc", "/up", "/deep/up", "/proc/self/ns", "/loop"}) {
            EXPECT_TRUE(source.list(path).empty()) << path;
        }
        EXPECT_EQ(source.read("/loop").error().errnum, ELOOP);
        EXPECT_EQ(source.read("/loop/file").error().errnum, ELOOP);
        EXPECT_EQ(source.read("/inner/file/below").error().errnum, ENOTDIR);
        EXPECT_EQ(source.read("/inner/none").error().errnum, ENOENT);
    }
}

TEST(Source, AFileHasABound) {
    const TempRoot root;
    root.file("/sparse", "x");
    ASSERT_EQ(::truncate((root.path() + "/sparse").c_str(), 3L << 30U), 0);
    EXPECT_EQ(root.source().read("/sparse").error().message(), "read /sparse: File too large");
}

TEST(Source, NotesTextsWhileItIsToldTo) {
    const TempRoot root;
    root.file("/file", "text\n");
    root.file("/plain", "cgroup:[1]");
    root.file("/program", "#!/bin/sh\n");
    root.link("/link", "cgroup:[2]");
    std::map<std::string, std::string> texts;
    Source source = root.source();
    EXPECT_TRUE(source.read("/program"));
    source.note_texts(&texts);
    EXPECT_TRUE(source.read("/file") && source.read_if_exists("/none") && source.read_head("/program", 2));
    EXPECT_EQ(source.read_link_if_exists("/link"), "cgroup:[2]");
    EXPECT_EQ(source.read_link_if_exists("/plain"), "cgroup:[1]");
    EXPECT_TRUE(source.list("/").size() == 4 && source.exists("/program"));
    source.note_texts(nullptr);
    EXPECT_TRUE(source.read("/program"));
    EXPECT_EQ(texts, (std::map<std::string, std::string>{
                         {"/file", "text\n"}, {"/link", "cgroup:[2]\n"}, {"/plain", "cgroup:[1]"}}));
}

TEST(Source, ReadHead) {
    const TempRoot root;
    root.file("/file", "#!/bin/sh\n");
    root.fifo("/fifo");
    const Source source = root.source();
    EXPECT_EQ(*source.read_head("/file", 2), "#!");
    EXPECT_EQ(*source.read_head("/file", 4096), "#!/bin/sh\n");
    EXPECT_EQ(*source.read_head("/fifo", 2), "") << "must not wait for a writer";
    EXPECT_EQ(source.read_head("/none", 2).error().errnum, ENOENT);
}

TEST(Source, LinksAreLinksOrPlainFiles) {
    const TempRoot root;
    root.link("/live", "cgroup:[4026531835]");
    root.file("/captured", "cgroup:[4026531835]");
    root.file("/edited", "cgroup:[4026531835]\n");
    root.directory("/directory");
    const Source source = root.source();
    for (const char* path : {"/live", "/captured", "/edited"}) {
        EXPECT_EQ(source.read_link_if_exists(path), "cgroup:[4026531835]") << path;
    }
    EXPECT_EQ(source.read_link_if_exists("/none"), std::nullopt);
    EXPECT_EQ(source.read_link_if_exists("/directory"), std::nullopt);
}

TEST(Source, Type) {
    const TempRoot root;
    root.file("/file", "");
    root.link("/dangling", "none");
    root.fifo("/fifo");
    const Source source = root.source();
    EXPECT_EQ(source.type("/file"), FileType::regular);
    EXPECT_EQ(source.type("/"), FileType::directory);
    EXPECT_EQ(source.type("/dangling"), FileType::symlink);
    EXPECT_EQ(source.type("/fifo"), FileType::other);
    EXPECT_EQ(source.type("/none"), FileType::absent);
    EXPECT_TRUE(source.exists("/dangling"));
    EXPECT_FALSE(source.exists("/none"));
}

TEST(Source, IsExecutable) {
    const TempRoot root;
    root.file("/yes", "", 0755);
    root.file("/no", "", 0644);
    EXPECT_TRUE(root.source().is_executable("/yes"));
    EXPECT_FALSE(root.source().is_executable("/no"));
    EXPECT_FALSE(root.source().is_executable("/none"));
}

TEST(Source, ListIsSortedAndForgiving) {
    const TempRoot root;
    for (const char* name : {"/d/b", "/d/a", "/d/.c", "/d/B"}) {
        root.file(name, "");
    }
    EXPECT_EQ(root.source().list("/d"), std::vector<std::string>({".c", "B", "a", "b"}));
    EXPECT_TRUE(root.source().list("/none").empty());
    EXPECT_TRUE(root.source().list("/d/a").empty());
}

TEST(ResolvePath, StaysBelowTheRoot) {
    const TempRoot root;
    root.file("/usr/lib/systemd/systemd", "");
    root.link("/lib", "usr/lib");
    root.link("/usr/sbin/init", "../lib/systemd/systemd");
    root.link("/sbin", "/usr/sbin");
    root.link("/escape", "../../../../usr/lib/systemd/systemd");
    root.link("/host", "/usr/./lib//systemd/../systemd/systemd");
    for (const char* path : {"/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/sbin/init", "/usr/sbin/init",
                             "/escape", "/host", "/../sbin/./init", "//lib/../lib/systemd/systemd"}) {
        const Result<std::string> resolved = resolve_path(root.source(), path);
        ASSERT_TRUE(resolved) << resolved.error().message();
        EXPECT_EQ(*resolved, "/usr/lib/systemd/systemd") << path;
    }
    EXPECT_EQ(*resolve_path(root.source(), "/.."), "/");
    EXPECT_EQ(*resolve_path(root.source(), "/sbin/"), "/usr/sbin");
}

TEST(ResolvePath, Errors) {
    const TempRoot root;
    root.file("/file", "");
    root.link("/loop", "pool");
    root.link("/pool", "loop");
    root.link("/dangling", "/none");
    struct Case {
        const char* path;
        int errnum;
    };
    for (const Case& c : {Case{"/none", ENOENT},
                          {"/dangling", ENOENT},
                          {"/none/../file", ENOENT},
                          {"/loop", ELOOP},
                          {"/file/below", ENOTDIR},
                          {"/file/", ENOTDIR},
                          {"/file/..", ENOTDIR}}) {
        const Result<std::string> resolved = resolve_path(root.source(), c.path);
        ASSERT_FALSE(resolved) << c.path;
        EXPECT_EQ(resolved.error().errnum, c.errnum) << c.path;
    }
    EXPECT_EQ(resolve_path(root.source(), "/loop").error().message(),
              "resolve /loop: Too many levels of symbolic links");
}

TEST(ResolvePath, FortyLinks) {
    const TempRoot root;
    root.file("/l0", "");
    for (int i = 1; i <= 41; ++i) {
        root.link("/l" + std::to_string(i), "l" + std::to_string(i - 1));
    }
    EXPECT_TRUE(resolve_path(root.source(), "/l40"));
    EXPECT_FALSE(resolve_path(root.source(), "/l41"));
}

}  // namespace
}  // namespace cginit
