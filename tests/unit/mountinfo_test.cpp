#include "read/proc_files.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

constexpr const char* kRoot = "115 91 0:39 / / rw,relatime master:2 - overlay overlay rw,lowerdir=/a:/b\n";

MountEntry only(const std::string& line) {
    const Result<MountTable> table = parse_mountinfo(line, "mountinfo");
    if (!table) {
        ADD_FAILURE() << table.error().message();
        return {};
    }
    EXPECT_EQ(table->size(), 1U);
    return table->front();
}

std::string refusal(const std::string& text) {
    const Result<MountTable> table = parse_mountinfo(text, "/proc/self/mountinfo");
    return table ? "accepted " + std::to_string(table->size()) : table.error().frames.front();
}

TEST(Mountinfo, EveryField) {
    const MountEntry expected = {121,
                                 120,
                                 "/docker/3aef",
                                 "/sys/fs/cgroup/cpu,cpuacct",
                                 {true, true, true, true, "relatime"},
                                 {31, 2, false},
                                 "cgroup",
                                 "cgroup",
                                 "rw,cpu,cpuacct"};
    EXPECT_EQ(only("121 120 0:29 /docker/3aef /sys/fs/cgroup/cpu,cpuacct ro,nosuid,nodev,noexec,relatime shared:31 "
                   "master:2 - cgroup cgroup rw,cpu,cpuacct\n"),
              expected);
}

struct FlagCase {
    const char* options;
    MountFlags flags;
};

TEST(Mountinfo, Flags) {
    for (const FlagCase& c :
         {FlagCase{"rw", {}},
          {"ro", {.read_only = true}},
          {"rw,noatime", {.atime = "noatime"}},
          {"rw,nosuid,nodev,noexec,relatime", {.nosuid = true, .nodev = true, .noexec = true, .atime = "relatime"}},
          {"rw,nodiratime,nosymfollow", {}}}) {
        EXPECT_EQ(only("10 1 0:39 / / " + std::string(c.options) + " - overlay overlay ro\n").flags, c.flags)
            << c.options << ": a superblock's ro is not the mount's";
    }
}

struct PropagationCase {
    const char* fields;
    Propagation propagation;
};

TEST(Mountinfo, Propagation) {
    for (const PropagationCase& c : {PropagationCase{"", {}},
                                     {"shared:7 ", {7, 0, false}},
                                     {"master:8 ", {0, 8, false}},
                                     {"shared:7 master:8 ", {7, 8, false}},
                                     {"master:8 propagate_from:3 ", {0, 8, false}},
                                     {"unbindable ", {0, 0, true}},
                                     {"shared:4294967295 ", {4294967295U, 0, false}},
                                     {"newfangled:9 shared:7 ", {7, 0, false}}}) {
        EXPECT_EQ(only("10 1 0:39 / / rw " + std::string(c.fields) + "- overlay overlay rw\n").propagation,
                  c.propagation)
            << c.fields;
    }
}

TEST(Mountinfo, EscapedCharacters) {
    const MountEntry entry =
        only("10 1 0:39 /a\\040b\\134040 /mnt/tab\\011new\\012line rw - tmpfs my\\040disk rw,lowerdir=/x\\040y\n");
    EXPECT_EQ(entry.root, "/a b\\040");
    EXPECT_EQ(entry.point, "/mnt/tab\tnew\nline");
    EXPECT_EQ(entry.source, "my disk");
    EXPECT_EQ(
        only("10 1 0:39 /\\377 /mnt rw - 9p C:\\134 rw,aname=drvfs;path=C:\\;uid=0;x=\\8\\19\\12\n").super_options,
        "rw,aname=drvfs;path=C:\\;uid=0;x=\\8\\19\\12")
        << "a backslash before anything but three octal digits is itself";
}

TEST(Mountinfo, UnusualButValid) {
    EXPECT_EQ(only("10 1 0:39 /docker/3aef//deleted /mnt rw - tmpfs tmpfs rw\n").root, "/docker/3aef//deleted");
    EXPECT_EQ(only("10 1 0:4 net:[4026531840] /run/netns/x rw shared:9 - nsfs nsfs rw\n").root, "net:[4026531840]");
    EXPECT_EQ(only("10 1 0:4 / / rw - rootfs none rw\n").source, "none");
    EXPECT_EQ(only("10 10 0:4 / / rw - rootfs rootfs rw\n").parent, 10);
}

TEST(Mountinfo, KeepsTheKernelsOrder) {
    std::string text = kRoot;
    for (int id = 900; id > 0; --id) {
        text += std::to_string(id + 1000) + " 115 0:1 / /mnt rw - tmpfs tmpfs rw\n";
    }
    const Result<MountTable> table = parse_mountinfo(text, "mountinfo");
    ASSERT_TRUE(table);
    ASSERT_EQ(table->size(), 901U);
    for (std::size_t i = 1; i < table->size(); ++i) {
        EXPECT_EQ((*table)[i].id, static_cast<int>(1901 - i)) << "the same mount point is no reason to leave one out";
    }
}

TEST(Mountinfo, MalformedLinesAreRefusedWithTheirNumber) {
    const std::string good = kRoot;
    for (const char* bad : {"garbage",
                            "116 115 0:42 /",
                            "116 115 0:42 / /proc rw",
                            "116 115 0:42 / /proc rw proc proc rw",
                            "116 115 0:42 / /proc rw -",
                            "116 115 / /proc rw - proc proc rw",
                            "116 x 0:42 / /proc rw - proc proc rw",
                            "-116 115 0:42 / /proc rw - proc proc rw",
                            "116 +115 0:42 / /proc rw - proc proc rw",
                            "116 2147483648 0:42 / /proc rw - proc proc rw",
                            "116  115 0:42 / /proc rw - proc proc rw",
                            "116 115 0:42 / /proc rw -  proc proc rw",
                            "116 115 0:42 / /proc  rw - proc proc rw",
                            "116 115 0:42 / /proc rw - proc proc nosuid",
                            "0 115 0:42 / /proc rw - proc proc rw",
                            "116 115 0:42 / /proc nosuid,rw - proc proc rw",
                            "116 115 0:42 / /proc/ rw - proc proc rw",
                            "116 115 0:42 / //proc rw - proc proc rw",
                            "116 115 0:42 / /proc rw shared:0 - proc proc rw",
                            "116 115 0:42 / /proc rw shared:4294967296 - proc proc rw",
                            "116 115 0:42 / /proc rw master:x - proc proc rw",
                            "116 115 0:42 / /proc rw - proc pr\toc rw",
                            "# 116 115 0:42 / /proc rw - proc proc rw",
                            "116 115 0:42 / /mnt rw - tmpfs tmpfs rw,size=65\\536k",
                            "116 115 0:42 / /mnt rw - tmpfs a\\400 rw",
                            "116 115 0:42 / /mnt rw - tm\\777pfs none rw",
                            "116 115 0:42 / /mnt\\500 rw - tmpfs none rw",
                            "116 115 0:42 /a\\000b /mnt rw - tmpfs none rw",
                            "116 115 0:42 / /mnt rw,\\477 - tmpfs none rw",
                            "",
                            " ",
                            "/dev/vda / ext4 rw 0 0"}) {
        const std::string line = std::string(bad) + "\n";
        EXPECT_EQ(refusal(good + line), "/proc/self/mountinfo:2: not a mountinfo line (proc(5))") << bad;
        EXPECT_EQ(refusal(line + good), "/proc/self/mountinfo:1: not a mountinfo line (proc(5))") << bad;
        EXPECT_EQ(refusal(good + good + line + good), "/proc/self/mountinfo:3: not a mountinfo line (proc(5))") << bad;
    }
}

TEST(Mountinfo, TruncatedAndEmpty) {
    const std::string good = kRoot;
    EXPECT_EQ(refusal(""), "/proc/self/mountinfo: empty");
    EXPECT_EQ(refusal(good.substr(0, good.size() - 1)), "/proc/self/mountinfo: the last line is cut off");
    for (std::size_t size = 1; size < good.size(); ++size) {
        EXPECT_EQ(refusal(good + good.substr(0, size)), "/proc/self/mountinfo: the last line is cut off") << size;
    }
    EXPECT_EQ(refusal("\n"), "/proc/self/mountinfo:1: not a mountinfo line (proc(5))");
}

TEST(Mountinfo, NulBytesHideNothing) {
    const std::string good = kRoot;
    std::string text = good + good + good;
    text[good.size() + 3] = '\0';
    EXPECT_EQ(refusal(text).substr(0, 21), "/proc/self/mountinfo:");
}

}  // namespace
}  // namespace cginit
