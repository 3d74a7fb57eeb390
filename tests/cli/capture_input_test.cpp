#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

#include "cli/run_cginit.hpp"
#include "core/text.hpp"
#include "kernel/support/test_cgroups.hpp"
#include "unit/temp_root.hpp"

namespace cginit {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kMountinfo =
    "140 121 0:42 / / rw,relatime - overlay overlay rw\n"
    "141 140 0:45 / /proc rw - proc proc rw\n"
    "144 140 0:48 / /sys ro - sysfs sysfs ro\n"
    "145 144 0:38 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw\n";
constexpr const char* kStatus = "Name:\tcginit\nCapEff:\t00000000a82425fb\n";

/// A capture of a container on a v2 host.
void make_capture(const TempRoot& root) {
    root.file("/proc/self/mountinfo", kMountinfo);
    root.file("/proc/self/cgroup", "0::/\n");
    root.file("/proc/self/status", kStatus);
    root.file("/proc/self/ns/cgroup", "cgroup:[4026532601]\n");
    root.file("/sys/fs/cgroup/cgroup.procs", "");
    root.file("/sys/fs/cgroup/cgroup.type", "domain\n");
}

Finished plan_for(const TempRoot& root, const Strings& options = {}) {
    Strings argv{CGINIT_BINARY, "--root", root.path(), "--dry-run"};
    argv.insert(argv.end(), options.begin(), options.end());
    return run_program(argv);
}

TEST(CaptureInput, GoodOneIsPlanned) {
    const TempRoot root;
    make_capture(root);
    const Finished finished = plan_for(root);
    EXPECT_EQ(finished.status, 0) << finished.errors;
    EXPECT_EQ(finished.errors, "");
    EXPECT_NE(finished.output.find("move mount /proc/driver/new to /sys/fs/cgroup"), std::string::npos);
    EXPECT_EQ(plan_for(root).output, finished.output);
}

/// As tar, busybox and Python write them, with names that hardly fit and links.
TEST(CaptureInput, ArchivesAreReadAsTheyAre) {
    const TempRoot root;
    make_capture(root);
    root.file(concat({"/sys/fs/cgroup/", std::string(90, 'n'), "/", std::string(60, 'n'), "/cgroup.procs"}), "");
    std::filesystem::remove(root.path() + "/proc/self/ns/cgroup");
    root.link("/proc/self/ns/cgroup", "cgroup:[4026532601]");
    const Finished wanted = plan_for(root);
    EXPECT_EQ(wanted.status, 0) << wanted.errors;
    const TempRoot elsewhere;
    const std::string archive = elsewhere.path() + "/report.tar";
    const std::string python =
        "import sys, tarfile\nwith tarfile.open(sys.argv[1], 'w') as archive: archive.add(sys.argv[2], '')";
    for (const Strings& program : {Strings{"/bin/tar", "-cf", archive, "-C", root.path(), "."},
                                   {"/bin/tar", "--format=ustar", "-cf", archive, "-C", root.path(), "proc", "sys"},
                                   {"/bin/tar", "--format=posix", "-cf", archive, "-C", root.path(), "proc", "sys"},
                                   {"/usr/bin/busybox", "tar", "-cf", archive, "-C", root.path(), "."},
                                   {"/usr/bin/python3", "-c", python, archive, root.path()}}) {
        SCOPED_TRACE(testing::PrintToString(program));
        const Finished packed = run_program(program, {"PATH=/usr/bin:/bin"});
        EXPECT_EQ(packed.status, 0) << packed.errors;
        const Finished read = run_program({CGINIT_BINARY, "--root=" + archive, "--dry-run"});
        EXPECT_EQ(read.errors, "");
        EXPECT_EQ(read.output, wanted.output);
        for (const std::size_t size : {600U, 700U, 1024U}) {
            elsewhere.file("/cut.tar", read_text(archive).substr(0, size));
            expect_error(run_program({CGINIT_BINARY, "--root=" + elsewhere.path() + "/cut.tar", "--dry-run"}), 125,
                         {elsewhere.path() + "/cut.tar: at byte ", "it is cut off", "cginit --capture writes one"});
        }
    }
}

TEST(CaptureInput, TheViewIsDrawnForTheReader) {
    const TempRoot root;
    make_capture(root);
    const std::string command =
        concat({CGINIT_BINARY, " --root ", root.path(), " --init-traits systemd:252 --dry-run"});
    const auto run = [&command](const Strings& environment) {
        return run_program({"/bin/sh", "-c", command}, environment).output;
    };
    // script(1) of Debian's bsdutils gives it a terminal.
    const auto run_on_terminal = [&command](Strings environment) {
        environment.emplace_back("SHELL=/bin/sh");
        return run_program({"/usr/bin/script", "-qec", command, "/dev/null"}, environment).output;
    };
    const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
    EXPECT_TRUE(has(run({"LANG=C"}), "  `- lock "));
    EXPECT_TRUE(has(run({"LANG=C.UTF-8", "TERM=xterm"}), "  └─ lock "));
    EXPECT_FALSE(has(run({"TERM=xterm"}), "\033"));
    EXPECT_TRUE(has(run_on_terminal({"TERM=xterm"}), "\033[32mrw tmpfs\033[0m"));
    EXPECT_TRUE(has(run_on_terminal({"TERM=xterm", "NO_COLOR=1"}), " * rw tmpfs\r\n"));
}

TEST(CaptureInput, BadFilesAreRefusedWithFileAndLine) {
    struct Case {
        const char* name;
        std::function<void(const TempRoot&)> spoil;
        Strings parts;
    };
    const auto remove = [](const std::string& path) {
        return [path](const TempRoot& root) { std::filesystem::remove(root.path() + path); };
    };
    const auto write = [](const std::string& path, const std::string& text) {
        return [path, text](const TempRoot& root) { root.file(path, text); };
    };
    const std::string mountinfo = "/proc/self/mountinfo";
    const std::string good = kMountinfo;
    const std::string cure = "mount a proc file system of this container at /proc";
    const std::vector<Case> cases{
        {"no mountinfo", remove(mountinfo), {"open /proc/self/mountinfo: No such file or directory", "at /proc"}},
        {"no cgroup", remove("/proc/self/cgroup"), {"open /proc/self/cgroup: No such file or directory", "at /proc"}},
        {"no status", remove("/proc/self/status"), {"open /proc/self/status: No such file or directory", "at /proc"}},
        {"mountinfo cannot be read",
         [mountinfo](const TempRoot& root) {
             std::filesystem::remove(root.path() + mountinfo);
             root.directory(mountinfo);
         },
         {"read /proc/self/mountinfo: Is a directory"}},
        {"empty mountinfo", write(mountinfo, ""), {"/proc/self/mountinfo: empty", cure}},
        {"truncated mountinfo",
         write(mountinfo, good.substr(0, good.size() - 20)),
         {"/proc/self/mountinfo", "cut off"}},
        {"garbage line",
         write(mountinfo, good + "this is no mount\n" + good),
         {"/proc/self/mountinfo:5: not a mountinfo line", cure}},
        {"line without a dash",
         write(mountinfo, good + "1 0 0:1 / / rw overlay overlay rw\n"),
         {"/proc/self/mountinfo:5: not a mountinfo line"}},
        {"binary", write(mountinfo, good + std::string("\x00\xff\x7f\n", 4)), {"/proc/self/mountinfo"}},
        {"empty cgroup", write("/proc/self/cgroup", ""), {"/proc/self/cgroup: empty"}},
        {"truncated cgroup", write("/proc/self/cgroup", "1:name=systemd:/\n0:"), {"/proc/self/cgroup:2: ", cure}},
        {"garbage in cgroup",
         write("/proc/self/cgroup", "0::/\nnonsense\n"),
         {"/proc/self/cgroup:2: ", "nonsense", cure}},
        {"status without capabilities",
         write("/proc/self/status", "Name:\tx\n"),
         {"/proc/self/status", "CapEff is missing"}},
        {"status with garbage", write("/proc/self/status", "CapEff:\tlots\n"), {"/proc/self/status:1: ", "lots"}},
        {"facts of another kind",
         write("/cginit/facts", "pid 1\nmood good\nplace /run nowhere\n"),
         {"/cginit/facts:3: not a fact, or a second one: place /run nowhere", "cginit --capture writes this file"}},
        {"no cgroups in sight, and no cgroup namespaces",
         [mountinfo, good](const TempRoot& root) {
             root.file(mountinfo, good.substr(0, good.find("145 ")));
             std::filesystem::remove(root.path() + "/proc/self/ns/cgroup");
             root.file("/proc/self/ns/mnt", "mnt:[4026532600]\n");
         },
         {"no cgroup file system is visible at /sys/fs/cgroup", "add -v /sys/fs/cgroup:/sys/fs/cgroup:ro"}},
        {"no capability", write("/proc/self/status", "CapEff:\t0\n"), {"CAP_SYS_ADMIN", "--cap-add SYS_ADMIN"}},
        {"real root", write("/proc/self/ns/cgroup", "cgroup:[4026531835]\n"), {"host's root", "cgroup of its own"}},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        const TempRoot root;
        make_capture(root);
        c.spoil(root);
        expect_error(plan_for(root), 125, c.parts);
    }
}

std::string tmpfs_at(int id, int parent, const std::string& point, const std::string& options = "rw") {
    return concat({std::to_string(id), " ", std::to_string(parent), " 0:99 / ", point, " rw,relatime - tmpfs tmpfs ",
                   options, "\n"});
}

std::string many(int count, const std::function<std::string(int)>& line) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        text += line(i);
    }
    return text;
}

/// As many mounts as the kernel permits (fs.mount-max), and lines as long as overlayfs makes them.
TEST(CaptureInput, HugeTablesArePlanned) {
    constexpr int kFirst = 1000;
    constexpr int kMegabyte = 1 << 20;
    const auto stacked = [](int i) {
        return concat({std::to_string(kFirst + i), " ", std::to_string(i == 0 ? 145 : kFirst + i - 1),
                       " 0:38 / /sys/fs/cgroup ro,relatime - cgroup2 cgroup rw\n"});
    };
    std::string deep = "/mnt";
    const auto nested = [&deep](int i) {
        deep += "/d";
        return tmpfs_at(kFirst + i, i == 0 ? 140 : kFirst + i - 1, deep);
    };
    const std::vector<std::pair<const char*, std::string>> tables{
        {"100,000 lines", many(100'000, [](int i) { return tmpfs_at(kFirst + i, 140, "/mnt/" + std::to_string(i)); })},
        {"1 MB of options", tmpfs_at(kFirst, 140, "/mnt", "rw,lowerdir=" + std::string(kMegabyte, 'x'))},
        {"1 MB of path", tmpfs_at(kFirst, 140, "/mnt/" + std::string(kMegabyte, 'x'))},
        {"1,000 at one point", many(1000, stacked)},
        {"1,000 within each other", many(1000, nested)},
        {"odd bytes", tmpfs_at(kFirst, 140, "/mnt/a\\040b\\011c\\012d\\134e\xff\xfe#")},
    };
    for (const auto& [name, lines] : tables) {
        SCOPED_TRACE(name);
        const TempRoot root;
        make_capture(root);
        root.file("/proc/self/mountinfo", kMountinfo + lines);
        const Finished finished =
            run_program({CGINIT_BINARY, "--root", root.path(), "--dry-run"}, {}, [] { ::alarm(280); });
        EXPECT_EQ(finished.status, 0) << finished.errors.substr(0, 500);
        EXPECT_NE(finished.output.find("move mount /proc/driver/new to /sys/fs/cgroup"), std::string::npos);
    }
    std::printf("%zu huge or odd inputs run\n", tables.size());
}

TEST(CaptureInput, ContradictionsAreRefused) {
    const TempRoot root;
    make_capture(root);
    struct Case {
        Strings options;
        Strings parts;
    };
    for (const Case& c :
         std::vector<Case>{{{"--layout=legacy", "--method=none"},
                            {"--layout=legacy", "this container's view is unified", "--layout=host"}},
                           {{"--layout=hybrid"}, {"--layout=hybrid", "unified"}},
                           {{"--method=none"}, {"--method=none", "--inner=never"}},
                           {{"--method=none", "--inner=never"}, {"/sys/fs/cgroup is read-only", "--method=auto"}}}) {
        SCOPED_TRACE(join(c.options, " "));
        expect_error(plan_for(root, c.options), 125, c.parts);
    }
}

TEST(CaptureInput, RootThatIsNotThere) {
    expect_error(run_program({CGINIT_BINARY, "--root=/no/such/capture", "--dry-run"}), 125,
                 {"open /no/such/capture: No such file or directory", "--root takes what cginit --capture wrote"});
}

TEST(CommandLine, IsRefusedBeforeAnythingIsRead) {
    struct Case {
        Strings arguments;
        Strings environment;
        Strings parts;
    };
    for (const Case& c : std::vector<Case>{
             {{"--nonsense"}, {}, {"unknown option --nonsense", "see cginit --help"}},
             {{"--layout=nonsense"}, {}, {"--layout: 'nonsense' is not auto, host, unified, hybrid or legacy"}},
             {{"--method", "userland"},
              {},
              {"--method: 'userland' is not auto, namespace, bind, remount, userns or none"}},
             {{"--layout"}, {}, {"--layout needs a value"}},
             {{"--keep-mount=relative"}, {}, {"--keep-mount", "an absolute path"}},
             {{"/sbin/init"}, {"CGINIT_INNER=maybe"}, {"CGINIT_INNER: 'maybe' is not auto or never"}},
             {{"--init-traits=systemd:252"}, {}, {"--init-traits", "--root=FILE"}},
             {{"--init-traits=nonsense", "--root=/x", "--dry-run"}, {}, {"--init-traits: 'nonsense'", "systemd:252"}},
             {{"--root=/x"}, {}, {"--root /x", "add --dry-run"}}}) {
        SCOPED_TRACE(join(c.arguments, " "));
        Strings argv{CGINIT_BINARY};
        argv.insert(argv.end(), c.arguments.begin(), c.arguments.end());
        expect_error(run_program(argv, c.environment), 125, c.parts);
    }
}

}  // namespace
}  // namespace cginit
