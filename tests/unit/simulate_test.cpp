#include "plan/simulate.hpp"

#include <gtest/gtest.h>

#include "cginit/plan.hpp"
#include "read/proc_files.hpp"
#include "unit/normalized_table.hpp"

namespace cginit {
namespace {

constexpr const char* kTable =
    "10 1 0:10 / / rw,relatime - overlay overlay rw\n"
    "11 10 0:11 / /proc rw - proc proc rw\n"
    "12 10 0:12 / /run rw - tmpfs tmpfs rw\n"
    "13 12 0:13 / /run/a rw shared:3 - tmpfs tmpfs rw\n"
    "14 13 0:14 / /run/a/b ro - tmpfs tmpfs rw\n"
    "15 10 0:15 / /view ro,nosuid - cgroup2 cgroup rw\n"
    "16 15 0:15 /x /view ro - cgroup2 cgroup rw\n";

SimulatedMounts table() { return SimulatedMounts(parse_mountinfo(kTable, "mountinfo").value()); }

const MountEntry* at(const SimulatedMounts& mounts, const std::string& point) {
    return visible_mount_at(mounts.table(), point);
}

TEST(SimulatedMounts, Mount) {
    SimulatedMounts mounts = table();
    EXPECT_EQ(mounts.apply(MountFilesystem{"tmpfs", "/proc/driver", "mode=700", {.read_only = true}}), "");
    const MountEntry* made = at(mounts, "/proc/driver");
    ASSERT_NE(made, nullptr);
    EXPECT_EQ(made->parent, 11);
    EXPECT_EQ(made->root, "/");
    EXPECT_EQ(made->source, kMountSource);
    EXPECT_EQ(made->super_options, "mode=700");
    EXPECT_TRUE(made->flags.read_only);
}

TEST(SimulatedMounts, NewIdsAreNotThatOfTheRootsParent) {
    // What the container was given its root from is no mount of this namespace any more, but may be younger than all.
    SimulatedMounts mounts(parse_mountinfo("10 12 0:10 / / rw - overlay overlay rw\n"
                                           "11 10 0:11 / /proc rw - proc proc rw\n",
                                           "mountinfo")
                               .value());
    EXPECT_EQ(mounts.apply(MountFilesystem{"tmpfs", "/proc/driver", "", {}}), "");
    EXPECT_NE(at(mounts, "/proc/driver"), nullptr);
}

TEST(SimulatedMounts, BindHasRootAndFlagsOfItsSource) {
    SimulatedMounts mounts = table();
    EXPECT_EQ(mounts.apply(BindMount{"/view/own", "/proc/driver"}), "");
    const MountEntry* copy = at(mounts, "/proc/driver");
    ASSERT_NE(copy, nullptr);
    EXPECT_EQ(copy->root, "/x/own");  // what is stacked on /view is what a path walk sees
    EXPECT_TRUE(copy->flags.read_only);
    EXPECT_EQ(copy->source, "cgroup");
}

TEST(SimulatedMounts, BindLeavesWhatIsBelow) {
    SimulatedMounts mounts = table();
    EXPECT_EQ(mounts.apply(BindMount{"/run", "/proc/driver"}), "");
    EXPECT_EQ(at(mounts, "/proc/driver/a"), nullptr);
}

TEST(SimulatedMounts, MoveTakesTheTopmostAndWhatIsBelow) {
    SimulatedMounts mounts = table();
    EXPECT_EQ(mounts.apply(MoveMount{"/view", "/proc/driver"}), "");
    EXPECT_EQ(at(mounts, "/proc/driver")->id, 16);
    EXPECT_EQ(at(mounts, "/view")->id, 15);
    EXPECT_EQ(mounts.apply(MoveMount{"/run", "/mnt"}), "");
    EXPECT_EQ(at(mounts, "/mnt/a/b")->id, 14);
    EXPECT_EQ(at(mounts, "/run"), nullptr);
}

TEST(SimulatedMounts, DetachTakesTheTopmostAndWhatIsBelow) {
    SimulatedMounts mounts = table();
    EXPECT_EQ(mounts.apply(DetachMount{"/view"}), "");
    EXPECT_EQ(at(mounts, "/view")->id, 15);
    mounts.apply(SetPropagation{"/run/a", PropagationType::private_});
    EXPECT_EQ(mounts.apply(DetachMount{"/run"}), "");
    EXPECT_EQ(mounts.table().size(), 3U);
}

TEST(SimulatedMounts, RemountReplacesAllFlags) {
    SimulatedMounts mounts = table();
    EXPECT_EQ(mounts.apply(RemountBind{"/view", {.nodev = true}}), "");
    EXPECT_EQ(at(mounts, "/view")->flags, (MountFlags{.nodev = true}));
    EXPECT_EQ(mounts.table()[5].flags, (MountFlags{.read_only = true, .nosuid = true}));
}

TEST(SimulatedMounts, Propagation) {
    SimulatedMounts mounts(
        parse_mountinfo("10 1 0:10 / / rw - overlay o rw\n11 10 0:11 / /a rw shared:4 master:5 - tmpfs t rw\n", "m")
            .value());
    EXPECT_EQ(mounts.apply(SetPropagation{"/a", PropagationType::slave}), "");
    EXPECT_EQ(at(mounts, "/a")->propagation, (Propagation{0, 5, false}));
    EXPECT_EQ(mounts.apply(SetPropagation{"/a", PropagationType::shared}), "");
    EXPECT_NE(at(mounts, "/a")->propagation.shared, 0U);
    EXPECT_EQ(at(mounts, "/a")->propagation.master, 5U);
    EXPECT_EQ(mounts.apply(SetPropagation{"/a", PropagationType::private_}), "");
    EXPECT_EQ(at(mounts, "/a")->propagation, Propagation{});
}

/// Slaves stay slaves, and who has peers keeps them: shared mounts of the host do not get new ones.
TEST(SimulatedMounts, SharedWithAllBelow) {
    SimulatedMounts mounts(parse_mountinfo("10 1 0:10 / / rw - overlay o rw\n"
                                           "11 10 0:11 / /a rw shared:4 - tmpfs t rw\n"
                                           "12 11 0:12 / /a/b rw master:5 - tmpfs t rw\n"
                                           "13 10 0:13 / /c rw unbindable - tmpfs t rw\n",
                                           "m")
                               .value());
    EXPECT_EQ(mounts.apply(SetPropagation{"/a", PropagationType::shared, true}), "");
    EXPECT_EQ(at(mounts, "/")->propagation, Propagation{});
    EXPECT_EQ(mounts.apply(SetPropagation{"/", PropagationType::shared, true}), "");
    EXPECT_NE(at(mounts, "/")->propagation.shared, 0U);
    EXPECT_EQ(at(mounts, "/a")->propagation, (Propagation{4, 0, false}));
    EXPECT_NE(at(mounts, "/a/b")->propagation.shared, 0U);
    EXPECT_EQ(at(mounts, "/a/b")->propagation.master, 5U);
    EXPECT_NE(at(mounts, "/c")->propagation.shared, 0U);
    EXPECT_FALSE(at(mounts, "/c")->propagation.unbindable);
    EXPECT_EQ(mounts.apply(SetPropagation{"/", PropagationType::private_, true}), "");
    EXPECT_EQ(at(mounts, "/a/b")->propagation, Propagation{});
}

TEST(SimulatedMounts, RefusesWhatTheKernelRefusesAndWhatPeersWouldSee) {
    struct Case {
        Op op;
        const char* trouble;
    };
    for (const Case& c : std::vector<Case>{
             {MountFilesystem{"tmpfs", "/run/a/new", "", {}}, "a mount at /run/a/new would reach the peers of /run/a"},
             {BindMount{"/view", "/run/a/new"}, "a bind at /run/a/new would reach the peers of /run/a"},
             {MoveMount{"/run/a/b", "/mnt"}, "moving /run/a/b to /mnt would reach peers"},
             {MoveMount{"/view", "/run/a/new"}, "moving /view to /run/a/new would reach peers"},
             {MoveMount{"/mnt", "/proc/driver"}, "nothing is mounted at /mnt"},
             {DetachMount{"/run/a/b"}, "unmounting /run/a/b would reach peers"},
             {DetachMount{"/run"}, "unmounting below /run/a would reach peers"},
             {DetachMount{"/mnt"}, "nothing is mounted at /mnt"},
             {RemountBind{"/mnt", {}}, "nothing is mounted at /mnt"},
             {SetPropagation{"/mnt", PropagationType::private_}, "nothing is mounted at /mnt"}}) {
        SimulatedMounts mounts = table();
        EXPECT_EQ(mounts.apply(c.op), c.trouble) << describe(c.op);
        EXPECT_EQ(normalized(mounts.table()), normalized(table().table())) << describe(c.op);
    }
}

TEST(SimulatedMounts, OtherOpsChangeNothing) {
    for (const Op& op :
         std::vector<Op>{UnshareCgroupNamespace{}, RestoreCgroupNamespace{}, MakeDirectory{"/x"},
                         MakeSymlink{"a", "/b"}, MakeWhiteout{"/c"}, MakeCgroup{"/view/c"}, RemoveCgroup{"/view/c"},
                         AssertMember{"/view"}, ProbeCgroup{"/view"}, CloseDescriptors{}}) {
        SimulatedMounts mounts = table();
        EXPECT_EQ(mounts.apply(op), "") << describe(op);
        EXPECT_EQ(mounts.table(), table().table()) << describe(op);
    }
}

TEST(MountsAfter, AllStepsWithoutThoseThatTheKernelRefuses) {
    World world;
    world.mounts = table().table();
    Plan plan;
    for (const Op& op : std::vector<Op>{MountFilesystem{"tmpfs", "/proc/driver", "", {}},
                                        MoveMount{"/view", "/proc/driver/old"}, DetachMount{"/run/a/b"},
                                        RemountBind{"/run", {.read_only = true}}, DetachMount{"/proc/driver"}}) {
        plan.steps.emplace_back();
        plan.steps.back().op = op;
    }
    MountTable expected = world.mounts;
    expected.pop_back();
    expected[2].flags.read_only = true;
    EXPECT_EQ(mounts_after(world, plan), expected);
    EXPECT_EQ(mounts_after(world, {}), world.mounts);
}

}  // namespace
}  // namespace cginit
