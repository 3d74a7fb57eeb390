#include "handoff/init_lookup.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "handoff/program_check.hpp"
#include "unit/elf_image.hpp"
#include "unit/temp_root.hpp"

namespace cginit {
namespace {

using Strings = std::vector<std::string>;

Invocation started_as(const Strings& argv, const std::string& self = "/cginit", const Strings& environment = {}) {
    return {argv, environment, self};
}

Options wanting(const Strings& init_argv) {
    Options options;
    options.init = NamedInit{init_argv};
    return options;
}

Options wrapping(const Strings& arguments = {}) {
    Options options;
    options.init = WrappedInit{arguments};
    return options;
}

/// "FILE: ARGV..." or the error with its exit status.
std::string told(const Result<InitCommand>& found) {
    if (!found) {
        return std::to_string(exit_status(found.error().kind)) + " " + found.error().message();
    }
    std::string text = found->file + ":";
    for (const std::string& argument : found->argv) {
        text += " " + argument;
    }
    return text;
}

class InitLookup : public ::testing::Test {
protected:
    [[nodiscard]] std::string find(const Options& options,
                                   const Invocation& invocation = started_as({"/cginit"})) const {
        return told(find_init(root_.source(), options, invocation));
    }
    void program(const std::string& path) const { root_.file(path, elf_image(), 0755); }

    TempRoot root_;
};

TEST_F(InitLookup, DefaultIsTheFirstRealInit) {
    program("/usr/lib/systemd/systemd");
    EXPECT_EQ(find({}), "/usr/lib/systemd/systemd: /usr/lib/systemd/systemd");
    program("/bin/busybox");
    root_.link("/sbin/init", "/bin/busybox");
    EXPECT_EQ(find({}), "/bin/busybox: /sbin/init") << "busybox finds its applet in argv[0]";
}

TEST_F(InitLookup, DefaultSkipsADanglingLink) {
    root_.link("/sbin/init", "../lib/systemd/none");
    program("/etc/init");
    EXPECT_EQ(find({}), "/etc/init: /etc/init");
}

TEST_F(InitLookup, DefaultNeverTakesAShell) {
    program("/bin/sh");
    EXPECT_EQ(find({}).substr(0, 34), "127 no init found: tried /sbin/ini");
}

TEST_F(InitLookup, DefaultTellsWhatIsBroken) {
    root_.file("/sbin/init", elf_image(), 0644);
    EXPECT_EQ(find({}), "126 /sbin/init is not executable: Permission denied");
    program("/bin/init");
    EXPECT_EQ(find({}), "/bin/init: /bin/init");
}

TEST_F(InitLookup, WantedKeepsArgvAsWritten) {
    program("/usr/lib/systemd/systemd");
    root_.link("/lib", "usr/lib");
    root_.link("/sbin/init", "/lib/systemd/systemd");
    EXPECT_EQ(find(wanting({"/sbin/init", "3", "--log-level=debug"})),
              "/usr/lib/systemd/systemd: /sbin/init 3 --log-level=debug");
}

TEST_F(InitLookup, RelativePathStartsAtTheWorkingDirectory) {
    program("/opt/run");
    root_.link("/proc/self/cwd", "/opt");
    EXPECT_EQ(find(wanting({"./run"})), "/opt/run: ./run");
    EXPECT_EQ(find(wanting({"../opt/run"})), "/opt/run: ../opt/run");
}

TEST_F(InitLookup, NameIsSearchedInPath) {
    program("/usr/sbin/finit");
    program("/opt/finit");
    root_.file("/first/finit", elf_image(), 0644);
    const auto with_path = [&](const char* path) { return started_as({"/cginit"}, "/cginit", {path}); };
    EXPECT_EQ(find(wanting({"finit"})), "/usr/sbin/finit: finit");
    EXPECT_EQ(find(wanting({"finit"}), with_path("PATH=/none:/first:/opt")), "/opt/finit: finit");
    EXPECT_EQ(find(wanting({"finit"}), with_path("PATH=/first")),
              "126 /first/finit is not executable: Permission denied");
    EXPECT_EQ(find(wanting({"finit"}), with_path("PATH=/none")),
              "127 finit: not found in PATH; name the init after cginit's options: cginit /sbin/init");
    root_.link("/proc/self/cwd", "/opt");
    EXPECT_EQ(find(wanting({"finit"}), with_path("PATH=/none:")), "/opt/finit: finit");
}

TEST_F(InitLookup, WantedErrors) {
    root_.directory("/directory");
    root_.file("/plain", elf_image(), 0644);
    root_.file("/foreign", elf_image(kForeignMachine), 0755);
    root_.file("/text", "hello\n", 0755);
    root_.file("/empty", "", 0755);
    root_.file("/script", "#!/bin/none -e\n", 0755);
    root_.link("/loop", "loop");
    root_.link("/link", "text");
    root_.link("/outside", "../../../../../../bin/sh");
    root_.fifo("/fifo");
    struct Case {
        const char *init, *told;
    };
    for (const Case& c : {
             Case{"/none", "127 /none: No such file or directory"},
             {"/plain/init", "127 /plain/init: Not a directory"},
             {"/directory", "126 /directory: Is a directory"},
             {"/plain", "126 /plain is not executable: Permission denied"},
             {"/fifo", "126 /fifo is not a regular file"},
             {"/text", "126 /text is neither an ELF file nor a script with `#!`: Exec format error"},
             {"/link", "126 /link: /text is neither an ELF file nor a script with `#!`: Exec format error"},
             {"/empty", "126 /empty is neither an ELF file nor a script with `#!`: Exec format error"},
             {"/script", "127 /script is a script for the interpreter /bin/none: No such file or directory"},
             {"/loop", "126 /loop: Too many levels of symbolic links"},
             {"/outside", "127 /outside: No such file or directory"},
             {"/../../bin/sh", "127 /../../bin/sh: No such file or directory"},
             {"", "127 the name of the init is empty; name the init after cginit's options: cginit /sbin/init"},
         }) {
        EXPECT_EQ(find(wanting({c.init})), c.told);
    }
}

TEST_F(InitLookup, WrapperFindsTheInitBesideIt) {
    program("/sbin/init");
    program("/bin/busybox");
    root_.link("/sbin/init.real", "/bin/busybox");
    const Invocation invocation = started_as({"/sbin/init", "3"}, "/sbin/init");
    EXPECT_EQ(find(wrapping({"3"}), invocation), "/bin/busybox: /sbin/init 3");
    EXPECT_EQ(find(wrapping(), started_as({"init"}, "/sbin/init")), "/bin/busybox: init");
    EXPECT_EQ(find(wanting({"/sbin/init"}), invocation), "/bin/busybox: /sbin/init");
    EXPECT_EQ(find({}, invocation), "/bin/busybox: /sbin/init") << "by default, too";
}

TEST_F(InitLookup, WrapperPlaces) {
    program("/usr/bin/cginit");
    root_.link("/sbin/init", "/usr/bin/cginit");
    const Invocation invocation = started_as({"/sbin/init"}, "/usr/bin/cginit");
    EXPECT_EQ(find(wrapping(), invocation),
              "125 /sbin/init is cginit itself, and the init that it wraps is not beside it; "
              "keep the real init as /sbin/init.real, or mount cginit at a path where nothing is, such as "
              "/usr/local/sbin/init");
    program("/usr/lib/systemd/systemd");
    EXPECT_EQ(find(wrapping(), invocation), "/usr/lib/systemd/systemd: /sbin/init");
    program("/usr/bin/init.distrib");
    EXPECT_EQ(find(wrapping(), invocation), "/usr/bin/init.distrib: /sbin/init") << "beside the link's target";
    program("/sbin/init.distrib");
    EXPECT_EQ(find(wrapping(), invocation), "/sbin/init.distrib: /sbin/init");
    root_.link("/sbin/init.real", "init");
    EXPECT_EQ(find(wrapping(), invocation), "/sbin/init.distrib: /sbin/init") << "init.real is cginit itself";
}

TEST_F(InitLookup, WrapperAtAPathOfItsOwn) {
    program("/usr/local/sbin/init");
    program("/sbin/init");
    const std::string self = "/usr/local/sbin/init";
    EXPECT_EQ(find(wrapping({"3"}), started_as({self, "3"}, self)), "/sbin/init: /usr/local/sbin/init 3");
}

TEST_F(InitLookup, WrapperOverSystemdItself) {
    program("/lib/systemd/systemd");
    program("/lib/systemd/systemd.real");
    EXPECT_EQ(find(wrapping(), started_as({"/lib/systemd/systemd"}, "/lib/systemd/systemd")),
              "/lib/systemd/systemd.real: /lib/systemd/systemd");
}

TEST_F(InitLookup, SecondCginitIsNamedOnPurpose) {
    program("/cginit");
    EXPECT_EQ(find(wanting({"/cginit", "--", "/sbin/init"})), "/cginit: /cginit -- /sbin/init");
}

TEST(ProgramCheck, Loader) {
    const TempRoot root;
    root.file("/init", elf_image(kOwnMachine, "/lib64/ld.so"), 0755);
    const Result<Program> missing = check_program(root.source(), "/init");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message(), "/init needs the program loader /lib64/ld.so, which does not exist");
    EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
    root.link("/lib64", "usr/lib");
    root.file("/usr/lib/ld.so", elf_image(), 0755);
    EXPECT_EQ(check_program(root.source(), "/init").value().needs, std::vector<std::string>{"/usr/lib/ld.so"});
    root.file("/script", "#!/init -x\n", 0755);
    EXPECT_EQ(check_program(root.source(), "/script").value().needs,
              (std::vector<std::string>{"/init", "/usr/lib/ld.so"}));
}

/// qemu-user, Wine, Java: what the kernel hands to another program, where the host registered that.
TEST(ProgramCheck, FormatsThatOnlyBinfmtMiscKnows) {
    const TempRoot root;
    root.file("/own", elf_image(), 0755);
    root.file("/foreign", elf_image(kForeignMachine), 0755);
    root.file("/script", "#!/foreign\n", 0755);
    root.file("/run.exe", std::string("MZ\0\0", 4), 0755);
    root.file("/text", "echo no shebang\n", 0755);
    const auto refusal = [&root](const char* file) {
        const Program program = check_program(root.source(), file).value();
        return program.unless_registered ? program.unless_registered->message() : "";
    };
    EXPECT_EQ(refusal("/own"), "");
    EXPECT_EQ(refusal("/foreign").substr(0, 57), "/foreign is an ELF file for another machine than this one");
    EXPECT_EQ(refusal("/script"), refusal("/foreign"));
    const std::string no_format = " is neither an ELF file nor a script with `#!`: Exec format error";
    EXPECT_EQ(refusal("/run.exe"), "/run.exe" + no_format);
    EXPECT_FALSE(check_program(root.source(), "/text"));
}

TEST(ProgramCheck, DamagedElf) {
    const TempRoot root;
    const std::string image = elf_image(kOwnMachine, "/lib64/ld.so");
    root.file("/lib64/ld.so", elf_image(), 0755);
    for (std::size_t size = 0; size <= image.size(); ++size) {
        root.file("/init", image.substr(0, size), 0755);
        EXPECT_EQ(static_cast<bool>(check_program(root.source(), "/init")), size >= 20) << size;
    }
    Elf64_Ehdr header;
    std::memcpy(&header, image.data(), sizeof header);
    for (const Elf64_Off offset : {Elf64_Off{4095}, ~Elf64_Off{0}, ~Elf64_Off{0} - sizeof(Elf64_Phdr) + 1}) {
        header.e_phoff = offset;
        header.e_phnum = 0xffff;
        std::string damaged = image;
        std::memcpy(damaged.data(), &header, sizeof header);
        root.file("/init", damaged, 0755);
        EXPECT_TRUE(check_program(root.source(), "/init")) << "execve(2) has the last word";
    }
}

#if defined(__x86_64__)
TEST(ProgramCheck, X86OfThirtyTwoBitIsLeftToTheKernel) {
    const TempRoot root;
    root.file("/init", elf32_image(), 0755);
    EXPECT_TRUE(check_program(root.source(), "/init"));
}
#endif

TEST(ProgramCheck, Scripts) {
    const TempRoot root;
    root.file("/bin/sh", elf_image(), 0755);
    root.file("/bin/foreign", elf_image(kForeignMachine), 0755);
    root.file("/bin/plain", elf_image(), 0644);
    root.file("/bin/nested", "#!/bin/sh\n", 0755);
    root.file("/bin/loop", "#!/bin/loop\n", 0755);
    struct Case {
        const char* script;
        int status;  // 0 = can be run
    };
    for (const Case& c : {Case{"#!/bin/sh\n", 0},
                          {"#! /bin/sh -e\n", 0},
                          {"#!\t/bin/sh\t-e", 0},
                          {"#!/bin/nested\n", 0},
                          {"#!", 126},
                          {"#!\n/bin/sh\n", 126},
                          {"#!   \n", 126},
                          {"#!/bin/none\n", 127},
                          {"#!/bin/sh\r\n", 0},
                          {"#!/bin/plain\n", 126},
                          {"#!/bin\n", 126},
                          {"#!/bin/loop\n", 126}}) {
        root.file("/init", c.script, 0755);
        const Result<Program> status = check_program(root.source(), "/init");
        EXPECT_EQ(status ? 0 : exit_status(status.error().kind), c.status) << c.script;
    }
}

}  // namespace
}  // namespace cginit
