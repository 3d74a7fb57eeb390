#include "read/proc_files.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

using Strings = std::vector<std::string>;

struct CgroupCase {
    const char* line;
    CgroupEntry entry;
};

TEST(ProcCgroup, Lines) {
    for (const CgroupCase& c : {
             CgroupCase{"4:memory:/docker/3aef", {4, {"memory"}, "/docker/3aef"}},
             {"7:cpuacct,cpu:/", {7, {"cpu", "cpuacct"}, "/"}},
             {"1:name=systemd:/docker/3aef", {1, {"name=systemd"}, "/docker/3aef"}},
             {"0::/", {0, {}, "/"}},
             {"0::/../../x", {0, {}, "/../../x"}},
             {"61:perf_event:/a:b::c", {61, {"perf_event"}, "/a:b::c"}},
             {"9:name=a b:/with space", {9, {"name=a b"}, "/with space"}},
             {"2147483647:misc:/", {2147483647, {"misc"}, "/"}},
         }) {
        const auto entries = parse_proc_cgroup(std::string(c.line) + "\n", "cgroup");
        ASSERT_TRUE(entries) << c.line << ": " << entries.error().message();
        EXPECT_EQ(*entries, std::vector<CgroupEntry>{c.entry}) << c.line;
    }
}

TEST(ProcCgroup, OrderIsTheFiles) {
    const auto entries = parse_proc_cgroup("61:perf_event:/\n9:name=systemd:/\n0::/\n", "cgroup");
    ASSERT_TRUE(entries);
    ASSERT_EQ(entries->size(), 3U);
    EXPECT_EQ((*entries)[0].hierarchy_id, 61);
    EXPECT_EQ((*entries)[2].hierarchy_id, 0);
}

TEST(ProcCgroup, MalformedLinesAreRefusedWithTheirNumber) {
    for (const char* bad : {"garbage",
                            "4",
                            "4:memory",
                            ":memory:/",
                            "x:memory:/",
                            "-1:memory:/",
                            "4:memory:",
                            "4:memory:docker",
                            "4::/",
                            "0:memory:/",
                            "4:memory,:/",
                            "4:,:/",
                            "4:cpu,,cpuacct:/",
                            "2147483648:memory:/",
                            "99999999999999999999:memory:/",
                            "4:memory://a",
                            "4:memory:/a/",
                            "4:memory:/./a",
                            " 4:memory:/",
                            ""}) {
        const auto first = parse_proc_cgroup(std::string(bad) + "\n1:cpu:/\n", "/proc/self/cgroup");
        ASSERT_FALSE(first) << bad;
        EXPECT_EQ(first.error().frames.front(), "/proc/self/cgroup:1: not ID:CONTROLLERS:PATH: " + std::string(bad));
        const auto second = parse_proc_cgroup("1:cpu:/\n" + std::string(bad) + "\n", "/proc/self/cgroup");
        ASSERT_FALSE(second) << bad;
        EXPECT_EQ(second.error().frames.front(), "/proc/self/cgroup:2: not ID:CONTROLLERS:PATH: " + std::string(bad));
    }
}

TEST(ProcCgroup, AHierarchyIsThereOnce) {
    for (const char* again : {"5:cpu,memory:/", "5:memory:/b", "4:pids:/"}) {
        const auto entries = parse_proc_cgroup("4:memory:/a\n0::/\n" + std::string(again) + "\n", "cgroup");
        ASSERT_FALSE(entries) << again;
        EXPECT_EQ(entries.error().frames.front(), "cgroup:3: the hierarchy is there twice: " + std::string(again));
    }
    EXPECT_FALSE(parse_proc_cgroup("0::/\n0::/a\n", "cgroup"));
}

TEST(ProcCgroup, TruncatedAndEmpty) {
    EXPECT_EQ(parse_proc_cgroup("4:memory:/\n3:cpu:/dock", "cgroup").error().frames.front(),
              "cgroup:2: the last line is cut off");
    EXPECT_EQ(parse_proc_cgroup("", "cgroup").error().frames.front().substr(0, 14), "cgroup: empty:");
}

TEST(EnabledControllers, LastColumn) {
    EXPECT_EQ(parse_enabled_controllers("#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t7\t18\t1\n"
                                        "memory\t0\t1\t0\npids\t6\t20\t1\n"),
              (std::vector<std::string>{"cpu", "pids"}));
    EXPECT_EQ(parse_enabled_controllers(""), std::vector<std::string>());
    EXPECT_EQ(parse_enabled_controllers("memory 0 1 1\nmemory\t1\n\n"), std::vector<std::string>());
}

TEST(Status, ReadsItsFacts) {
    const auto status = parse_status(
        "Name:\tcat\nUid:\t0\t1000\t0\t0\nCapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\n"
        "CapEff:\t00000000a82425fb\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n",
        "status");
    ASSERT_TRUE(status);
    EXPECT_EQ(status->effective_capabilities, 0xa82425fbU);
    EXPECT_EQ(status->bounding_capabilities, 0xa80425fbU);
    EXPECT_EQ(status->uid, 1000U) << "the effective one";
    EXPECT_EQ(status->no_new_privileges, Tri::yes);
    EXPECT_EQ(status->seccomp_filter, Tri::yes);
}

TEST(Status, OldKernelsLeaveFactsUnknown) {
    const auto status = parse_status("CapEff:\t0\n", "status");
    ASSERT_TRUE(status);
    EXPECT_EQ(*status, (ProcessStatus{0, 0, {}, Tri::unknown, Tri::unknown}));
}

TEST(Status, NoIsNotUnknown) {
    const auto status = parse_status("CapEff:\tffffffffffffffff\nNoNewPrivs:\t0\nSeccomp:\t0\n", "status");
    ASSERT_TRUE(status);
    EXPECT_EQ(*status, (ProcessStatus{0xffffffffffffffffU, 0, {}, Tri::no, Tri::no}));
}

TEST(Status, NamesDoNotForgeFacts) {
    // A newline in a process name is written as \n, proc(5).
    const auto status = parse_status("Name:\tCapEff:\\nCapEff:\t1\nCapEff:\t2\n", "status");
    ASSERT_TRUE(status);
    EXPECT_EQ(status->effective_capabilities, 2U);
}

TEST(Status, Malformed) {
    struct Case {
        const char* text;
        const char* error;
    };
    for (const Case& c :
         {Case{"Name:\tx\nCapEff:\tgarbage\n", "status:2: CapEff is not a hexadecimal number: garbage"},
          {"CapEff:\n", "status:1: CapEff is not a hexadecimal number: "},
          {"CapEff:\t0x1\n", "status:1: CapEff is not a hexadecimal number: 0x1"},
          {"CapEff:\t11111111111111111\n", "status:1: CapEff is not a hexadecimal number: 11111111111111111"}}) {
        const auto status = parse_status(c.text, "status");
        ASSERT_FALSE(status) << c.text;
        EXPECT_EQ(status.error().frames.front(), c.error);
    }
    for (const char* text : {"", "Name:\tx\n", "Name:\tx\nCapPrm:\t1\nCapE\n"}) {
        const auto status = parse_status(text, "status");
        ASSERT_FALSE(status) << text;
        EXPECT_NE(status.error().message().find("CapEff is missing"), std::string::npos) << status.error().message();
    }
}

TEST(Status, CutOffNumberIsRefused) {
    const auto status = parse_status("Name:\tx\nCapEff:\t000000", "status");
    ASSERT_FALSE(status) << "a half-read number is another number";
    EXPECT_EQ(status.error().frames.front(), "status:2: the last line is cut off");
}

TEST(Filesystems, LastWord) {
    EXPECT_EQ(parse_filesystems("nodev\tsysfs\n\text4\nnodev\tcgroup2\n\n"), Strings({"sysfs", "ext4", "cgroup2"}));
    EXPECT_EQ(parse_filesystems(""), Strings());
    EXPECT_EQ(parse_filesystems("xfs"), Strings({"xfs"}));
}

TEST(NamespaceLink, Number) {
    EXPECT_EQ(parse_namespace_link("cgroup:[4026531835]"), 4026531835U);
    for (const char* bad : {"", "cgroup", "cgroup:4026531835", "cgroup:[]", "cgroup:[x]", "cgroup:[1", "]cgroup:[1",
                            "cgroup:[-1]", "cgroup:[99999999999999999999]"}) {
        EXPECT_EQ(parse_namespace_link(bad), std::nullopt) << bad;
    }
}

}  // namespace
}  // namespace cginit
