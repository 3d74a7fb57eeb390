#include "decide/view_facts.hpp"

#include <gtest/gtest.h>

#include "unit/world_builder.hpp"

namespace cginit {
namespace {

World made_by_cginit(Snapshot snapshot) {
    for (MountEntry& mount : snapshot.mounts) {
        if (mount.point.starts_with("/sys/fs/cgroup")) {
            mount.source = kOwnMark;
            mount.flags.read_only = mount.fstype == "tmpfs" || mount.point == "/sys/fs/cgroup/blkio";
        }
    }
    std::erase_if(snapshot.mounts, [](const MountEntry& mount) { return mount.point == "/sys/fs/cgroup/misc"; });
    return classify(snapshot);
}

TEST(ElsewhereMounts, OnlyWhatIsOutsideTheView) {
    EXPECT_TRUE(elsewhere_mounts(classify(docker_v1()), {}).empty());
    const std::string line = cgroup_line(30, 10, "/", "/host/memory", "ro", "memory");
    Snapshot snapshot = with_mount(docker_v1(), line);
    const std::vector<ElsewhereMount> found = elsewhere_mounts(classify(snapshot), {});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].point, "/host/memory");
    EXPECT_TRUE(found[0].read_only);
    EXPECT_TRUE(found[0].reachable);
    EXPECT_FALSE(found[0].kept);
    snapshot.mounts.back().source = kOwnMark;
    EXPECT_EQ(elsewhere_mounts(classify(snapshot), {}).size(), 1U) << "a volume may come from where cginit ran before";
}

TEST(ElsewhereMounts, AHiddenOneCountsAndCannotBeReached) {
    Snapshot snapshot = with_mount(docker_v1(), cgroup_line(30, 10, "/", "/host/memory", "rw", "memory"));
    snapshot = with_mount(snapshot, "31 10 0:50 / /host rw - tmpfs tmpfs rw\n");
    const std::vector<ElsewhereMount> found = elsewhere_mounts(classify(snapshot), {});
    ASSERT_EQ(found.size(), 1U) << "what could be uncovered counts";
    EXPECT_FALSE(found[0].read_only);
    EXPECT_FALSE(found[0].reachable);
}

TEST(ElsewhereMounts, ACoveredViewCounts) {
    const World world = classify(with_mount(docker_v1(), "30 12 0:50 / /sys/fs rw - tmpfs tmpfs rw\n"));
    EXPECT_EQ(elsewhere_mounts(world, {}).size(), 5U);
}

TEST(ElsewhereMounts, KeepMountNamesItOrADirectoryAbove) {
    const World world = classify(with_mount(docker_v1(), cgroup_line(30, 10, "/", "/host/sys/m", "rw", "memory")));
    for (const char* keep : {"/host/sys/m", "/host/sys", "/host", "/"}) {
        Options options;
        options.keep_mounts = {"/other", keep};
        EXPECT_TRUE(elsewhere_mounts(world, options).at(0).kept) << keep;
    }
    for (const char* keep : {"/host/sys/m/x", "/host/sy", "/hos"}) {
        Options options;
        options.keep_mounts = {keep};
        EXPECT_FALSE(elsewhere_mounts(world, options).at(0).kept) << keep;
    }
}

TEST(OwnView, EveryMountOfTheViewHasToBeOurs) {
    EXPECT_FALSE(is_own_view(classify(docker_v1())));
    EXPECT_FALSE(is_own_view(classify(docker_v2())));
    EXPECT_FALSE(is_own_view(classify(snapshot_of(base_mounts(), "0::/\n")))) << "nothing is nobody's";
    EXPECT_TRUE(is_own_view(made_by_cginit(docker_v1_private())));
    EXPECT_TRUE(is_own_view(made_by_cginit(docker_v2())));
    Snapshot covered = docker_v2();
    covered.mounts.back().source = kOwnMark;
    covered = with_mount(covered, cgroup_line(30, 20, "/", "/sys/fs/cgroup", "rw", "unified"));
    EXPECT_FALSE(is_own_view(classify(covered))) << "somebody mounted on top";
}

TEST(FindsItself, AtMountPointAndOwnPath) {
    EXPECT_TRUE(finds_itself(made_by_cginit(docker_v1_private())));
    EXPECT_TRUE(finds_itself(made_by_cginit(docker_v2())));
    // Made by a cginit in another cgroup namespace: there the path is `/`, here it is not.
    Snapshot seen_from_outside = docker_v2();
    seen_from_outside.mounts.back().root = "/cginit";
    seen_from_outside.cgroups.front().path = "/cginit";
    EXPECT_FALSE(finds_itself(made_by_cginit(seen_from_outside)));
    const std::string bound = cgroup_line(30, 20, "/cginit", "/sys/fs/cgroup/cginit", "rw", "unified");
    EXPECT_TRUE(finds_itself(made_by_cginit(with_mount(seen_from_outside, bound)))) << "--method=bind";
}

TEST(ViewDefect, NoneInWhatCginitMakes) {
    EXPECT_EQ(view_defect(made_by_cginit(docker_v1_private()), false), "") << "blkio may be read-only";
    EXPECT_EQ(view_defect(made_by_cginit(docker_v2()), false), "");
}

TEST(ViewDefect, ReadOnlyIsTheAnswerToMemoryThatIsNotKnownToBeHierarchical) {
    for (const auto& [hierarchical, defect] :
         {std::pair{Tri::unknown, ""}, {Tri::no, ""}, {Tri::yes, "/sys/fs/cgroup/memory is read-only"}}) {
        World world = made_by_cginit(docker_v1_private());
        for (Hierarchy& hierarchy : world.hierarchies) {
            if (hierarchy_name(hierarchy) == "memory") {
                hierarchy.memory_hierarchical = hierarchical;
                hierarchy.mounts.front().entry.flags.read_only = true;
            }
        }
        EXPECT_EQ(view_defect(world, false), defect) << to_string(hierarchical);
    }
}

TEST(ViewDefect, Reasons) {
    EXPECT_EQ(view_defect(classify(docker_v2()), false), "/sys/fs/cgroup is read-only");
    EXPECT_EQ(view_defect(classify(docker_v2()), true), "");
    EXPECT_EQ(view_defect(classify(docker_hybrid_volume()), true),
              "/sys/fs/cgroup/misc is the host's root of the hierarchy");
    Snapshot foreign = docker_v1_private();
    foreign.mounts[4].root = "/../..";
    EXPECT_EQ(view_defect(classify(foreign), true),
              "/sys/fs/cgroup/cpu,cpuacct shows more than the own cgroup (root /../..)");
    Snapshot host = docker_v2();
    host.namespaces["cgroup"] = kInitialCgroupNamespaceId;
    host.cgroups.front().path = "/docker/3aef";
    EXPECT_EQ(view_defect(classify(host), true), "/sys/fs/cgroup shows more than the own cgroup (root /)");
}

TEST(ViewDefect, WhatIsCoveredCountsToo) {
    Snapshot snapshot = docker_v2();
    snapshot.mounts.back().root = "/..";
    snapshot = with_mount(snapshot, cgroup_line(30, 20, "/", "/sys/fs/cgroup", "rw", "unified"));
    EXPECT_EQ(view_defect(classify(snapshot), false), "/sys/fs/cgroup shows more than the own cgroup (root /..)");
}

}  // namespace
}  // namespace cginit
