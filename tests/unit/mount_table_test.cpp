#include "cginit/mount_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace cginit {
namespace {

MountEntry mount(int id, int parent, const std::string& point) {
    MountEntry entry;
    entry.id = id;
    entry.parent = parent;
    entry.root = "/";
    entry.point = point;
    entry.fstype = "tmpfs";
    return entry;
}

int id_of(const MountEntry* entry) { return entry == nullptr ? 0 : entry->id; }

std::vector<int> ids_of(const std::vector<const MountEntry*>& entries) {
    std::vector<int> ids;
    for (const MountEntry* entry : entries) {
        ids.push_back(entry->id);
    }
    return ids;
}

TEST(MountTable, IsCgroup) {
    MountEntry entry = mount(1, 1, "/");
    EXPECT_FALSE(is_cgroup(entry));
    for (const char* type : {"cgroup", "cgroup2"}) {
        entry.fstype = type;
        EXPECT_TRUE(is_cgroup(entry));
    }
    for (const char* type : {"", "cgroup3", "cgroupfs", "fuse.cgroup"}) {
        entry.fstype = type;
        EXPECT_FALSE(is_cgroup(entry)) << type;
    }
}

/// /, /sys, /sys/fs/cgroup with two hierarchies, one of them covered by another mount on the same point.
MountTable container() {
    return {mount(10, 1, "/"),
            mount(11, 10, "/sys"),
            mount(12, 11, "/sys/fs/cgroup"),
            mount(13, 12, "/sys/fs/cgroup/cpu"),
            mount(14, 12, "/sys/fs/cgroup/systemd"),
            mount(15, 14, "/sys/fs/cgroup/systemd"),
            mount(16, 10, "/run")};
}

struct WalkCase {
    const char* path;
    int visible;
    int holding;
    int below;
};

TEST(MountTable, Walk) {
    const MountTable table = container();
    for (const WalkCase& c : {
             WalkCase{"/", 10, 10, 10},
             {"/sys", 11, 11, 10},
             {"/sys/fs", 0, 11, 11},
             {"/sys/fs/cgroup", 12, 12, 11},
             {"/sys/fs/cgroup/cpu", 13, 13, 12},
             {"/sys/fs/cgroup/cpu/docker/3aef", 0, 13, 13},
             {"/sys/fs/cgroup/cpuacct", 0, 12, 12},
             {"/sys/fs/cgroup/systemd", 15, 15, 12},
             {"/sys/fs/cgroup/systemd/x", 0, 15, 15},
             {"/run/secrets", 0, 16, 16},
             {"/running", 0, 10, 10},
         }) {
        EXPECT_EQ(id_of(visible_mount_at(table, c.path)), c.visible) << c.path;
        EXPECT_EQ(id_of(mount_holding(table, c.path)), c.holding) << c.path;
        EXPECT_EQ(id_of(mount_below(table, c.path)), c.below) << c.path;
    }
}

TEST(MountTable, Stacks) {
    const MountTable table = container();
    EXPECT_EQ(ids_of(stack_at(table, "/sys/fs/cgroup/systemd")), std::vector<int>({15, 14}));
    EXPECT_EQ(ids_of(stack_at(table, "/sys/fs/cgroup")), std::vector<int>({12}));
    EXPECT_EQ(ids_of(stack_at(table, "/sys/fs")), std::vector<int>());
    EXPECT_EQ(ids_of(stack_at(table, "/")), std::vector<int>({10}));
    for (const MountEntry& entry : table) {
        EXPECT_TRUE(is_reachable(table, entry)) << entry.id;
    }
}

TEST(MountTable, AMountHigherUpHidesWhatIsBelow) {
    MountTable table = container();
    table.push_back(mount(20, 11, "/sys/fs"));
    EXPECT_EQ(id_of(visible_mount_at(table, "/sys/fs/cgroup")), 0);
    EXPECT_EQ(id_of(mount_holding(table, "/sys/fs/cgroup/cpu")), 20);
    for (const MountEntry& entry : table) {
        const bool hidden = entry.id >= 12 && entry.id <= 15;
        EXPECT_EQ(is_reachable(table, entry), !hidden) << entry.id;
    }
}

TEST(MountTable, AWholeNewSysHidesTheOldOne) {
    MountTable table = container();
    table.push_back(mount(20, 11, "/sys"));
    table.push_back(mount(21, 20, "/sys/fs/cgroup"));
    EXPECT_EQ(id_of(visible_mount_at(table, "/sys/fs/cgroup")), 21);
    EXPECT_EQ(ids_of(stack_at(table, "/sys/fs/cgroup")), std::vector<int>({21})) << "12 is below another /sys";
    EXPECT_EQ(ids_of(stack_at(table, "/sys")), std::vector<int>({20, 11}));
    EXPECT_FALSE(is_reachable(table, table[2]));
}

TEST(MountTable, TheLastOfTwoOnTheSameParentWins) {
    MountTable table = container();
    table.push_back(mount(20, 12, "/sys/fs/cgroup/cpu"));
    EXPECT_EQ(id_of(visible_mount_at(table, "/sys/fs/cgroup/cpu")), 20);
    EXPECT_FALSE(is_reachable(table, table[3]));
}

TEST(MountTable, RootsOfEveryKind) {
    // A chroot's table: the parent of the root mount is out of sight, or the mount is its own parent.
    EXPECT_EQ(id_of(visible_mount_at({mount(5, 5, "/"), mount(6, 5, "/a")}, "/a")), 6);
    // Over-mounted "/": the process keeps the root that it has. One that enters later has the upper one as its root,
    // and the lower one is not in its table.
    const MountTable stacked = {mount(5, 1, "/"), mount(6, 5, "/"), mount(7, 5, "/a"), mount(8, 6, "/b")};
    EXPECT_EQ(id_of(visible_mount_at(stacked, "/")), 5);
    EXPECT_EQ(ids_of(stack_at(stacked, "/")), std::vector<int>({5}));
    EXPECT_EQ(id_of(visible_mount_at(stacked, "/a")), 7);
    EXPECT_EQ(id_of(visible_mount_at(stacked, "/b")), 0);
    // No root at all: nothing is claimed.
    const MountTable rootless = {mount(7, 5, "/a")};
    EXPECT_EQ(visible_mount_at(rootless, "/a"), nullptr);
    EXPECT_EQ(mount_holding(rootless, "/a"), nullptr);
    EXPECT_EQ(mount_below(rootless, "/a"), nullptr);
    EXPECT_FALSE(is_reachable(rootless, rootless[0]));
    EXPECT_EQ(visible_mount_at({}, "/"), nullptr);
}

TEST(MountTable, AThousandDeep) {
    MountTable table = {mount(1, 0, "/")};
    for (int id = 2; id <= 1001; ++id) {
        table.push_back(mount(id, id - 1, "/sys/fs/cgroup"));
    }
    EXPECT_EQ(id_of(visible_mount_at(table, "/sys/fs/cgroup")), 1001);
    EXPECT_EQ(id_of(mount_below(table, "/sys/fs/cgroup")), 1);
    const std::vector<int> stack = ids_of(stack_at(table, "/sys/fs/cgroup"));
    ASSERT_EQ(stack.size(), 1000U);
    EXPECT_EQ(stack.front(), 1001);
    EXPECT_EQ(stack.back(), 2);
    EXPECT_TRUE(is_reachable(table, table[1]));
    // Moved mounts stand where they stood.
    std::reverse(table.begin(), table.end());
    EXPECT_EQ(ids_of(stack_at(table, "/sys/fs/cgroup")), stack);
}

TEST(MountTable, AThousandComponents) {
    std::string point;
    MountTable table = {mount(1, 0, "/")};
    for (int id = 2; id <= 1001; ++id) {
        point += "/d";
        table.push_back(mount(id, id - 1, point));
    }
    EXPECT_EQ(id_of(visible_mount_at(table, point)), 1001);
    EXPECT_EQ(id_of(mount_below(table, point)), 1000);
}

}  // namespace
}  // namespace cginit
