#include <gtest/gtest.h>

#include "cginit/world.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

const HierarchyMount& mount_at(const World& world, const std::string& point) {
    for (const Hierarchy& hierarchy : world.hierarchies) {
        for (const HierarchyMount& mount : hierarchy.mounts) {
            if (mount.entry.point == point) {
                return mount;
            }
        }
    }
    throw std::runtime_error("no cgroup mount at " + point);
}

TEST(Classify, DockerOnV1) {
    const World world = classify(docker_v1());
    EXPECT_EQ(world.view, View::legacy);
    EXPECT_EQ(world.namespaced, Tri::no);
    EXPECT_EQ(world.cgroup_namespaces, Tri::yes);
    EXPECT_TRUE(world.has_sys_admin);
    EXPECT_TRUE(world.is_pid1);
    EXPECT_EQ(world.engine, Engine::docker);
    EXPECT_EQ(world.container_id, kId);
    ASSERT_EQ(world.hierarchies.size(), 5U);
    EXPECT_EQ(hierarchy_name(world.hierarchies[0]), "misc") << "the order is that of /proc/self/cgroup";
    const Hierarchy& cpu = hierarchy_of(world, "cpu,cpuacct");
    EXPECT_EQ(cpu.own_path, std::string("/docker/") + kId);
    EXPECT_EQ(cpu.real_root, Tri::no);
    ASSERT_NE(view_mount(cpu), nullptr);
    EXPECT_EQ(view_mount(cpu)->exposure, Exposure::own_subtree);
    EXPECT_FALSE(view_mount(cpu)->ours);
    EXPECT_EQ(hierarchy_of(world, "misc").real_root, Tri::yes) << "`/` in the host's namespace is the root";
    EXPECT_EQ(hierarchy_of(world, "memory").memory_hierarchical, Tri::yes) << "Linux 6.1";
    EXPECT_EQ(hierarchy_of(world, "blkio").memory_hierarchical, Tri::unknown);
}

TEST(Classify, JoinsBySetAndNotByOrderNameOrSource) {
    const World world =
        classify(snapshot_of(base_mounts() + "20 12 0:46 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
                                 "21 20 0:30 / /sys/fs/cgroup/memory rw - cgroup memory rw,cpuacct,cpu\n" +
                                 "22 20 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup name=systemd rw,memory\n",
                             "2:cpu,cpuacct:/a\n1:memory:/b\n"));
    EXPECT_EQ(view_mount(hierarchy_of(world, "cpu,cpuacct"))->entry.point, "/sys/fs/cgroup/memory");
    EXPECT_EQ(view_mount(hierarchy_of(world, "memory"))->entry.point, "/sys/fs/cgroup/cpu,cpuacct");
}

TEST(Classify, HierarchiesWithoutAMountAndMountsWithoutAHierarchy) {
    const World world = classify(snapshot_of(
        base_mounts() + cgroup_line(21, 12, "/", "/sys/fs/cgroup/odd", "rw", "odd"), "1:memory:/a\n0::/\n"));
    EXPECT_EQ(view_mount(hierarchy_of(world, "memory")), nullptr);
    EXPECT_TRUE(hierarchy_of(world, "unified").mounts.empty());
    ASSERT_EQ(world.hierarchies.size(), 3U);
    const Hierarchy& stranger = world.hierarchies.back();
    EXPECT_EQ(stranger.id, -1);
    EXPECT_EQ(stranger.own_path, "");
    EXPECT_EQ(stranger.mounts.front().exposure, Exposure::whole_tree);
}

struct ExposureCase {
    const char* what;
    const char* root;
    const char* own_path;
    std::uint64_t cgroup_namespace;
    Exposure exposure;
};

TEST(Classify, Exposure) {
    for (const ExposureCase& c : {
             ExposureCase{"docker on v1", "/docker/a", "/docker/a", kInitialCgroupNamespaceId, Exposure::own_subtree},
             {"the host's volume", "/", "/docker/a", kInitialCgroupNamespaceId, Exposure::whole_tree},
             {"the parent", "/docker", "/docker/a", kInitialCgroupNamespaceId, Exposure::whole_tree},
             {"another container", "/docker/b", "/docker/a", kInitialCgroupNamespaceId, Exposure::whole_tree},
             {"one that starts alike", "/docker/a", "/docker/ab", kInitialCgroupNamespaceId, Exposure::whole_tree},
             {"below", "/docker/a/b", "/docker/a", kInitialCgroupNamespaceId, Exposure::below},
             {"the host's root as own cgroup", "/", "/", kInitialCgroupNamespaceId, Exposure::own_subtree},
             {"private", "/", "/", kPrivateCgroupNamespaceId, Exposure::namespaced},
             {"private, inner level", "/cginit", "/cginit", kPrivateCgroupNamespaceId, Exposure::own_subtree},
             {"private, below", "/a", "/", kPrivateCgroupNamespaceId, Exposure::below},
             {"private, the host's volume", "/../..", "/", kPrivateCgroupNamespaceId, Exposure::foreign},
             {"private, a neighbour", "/../b", "/", kPrivateCgroupNamespaceId, Exposure::foreign},
             {"private, exec'd from above", "/", "/..", kPrivateCgroupNamespaceId, Exposure::below},
             {"private, exec'd from further above", "/", "/../..", kPrivateCgroupNamespaceId, Exposure::below},
             {"private, moved out", "/", "/../b", kPrivateCgroupNamespaceId, Exposure::whole_tree},
         }) {
        Snapshot snapshot =
            snapshot_of(base_mounts() + cgroup_line(20, 12, c.root, "/sys/fs/cgroup/memory", "ro", "memory"),
                        std::string("1:memory:") + c.own_path + "\n");
        snapshot.namespaces["cgroup"] = c.cgroup_namespace;
        EXPECT_EQ(mount_at(classify(snapshot), "/sys/fs/cgroup/memory").exposure, c.exposure) << c.what;
    }
}

struct RealRootCase {
    const char* what;
    const char* own_path;
    Tri namespaced;
    const char* root;
    CgroupDirectory seen;
    Tri real_root;
};

Snapshot with_namespaced(Snapshot snapshot, Tri namespaced) {
    snapshot.namespaces["cgroup"] = namespaced == Tri::no ? kInitialCgroupNamespaceId : kPrivateCgroupNamespaceId;
    if (namespaced == Tri::unknown) {
        snapshot.namespaces.clear();
    }
    return snapshot;
}

TEST(Classify, RealRootOfV1) {
    const CgroupDirectory with_agent{Tri::yes, Tri::unknown, Tri::unknown};
    const CgroupDirectory without{Tri::no, Tri::unknown, Tri::unknown};
    for (const RealRootCase& c : {
             RealRootCase{"a path proves that it is not", "/a", Tri::no, "/a", with_agent, Tri::no},
             {"a path, namespace unknown", "/a", Tri::unknown, "/", {}, Tri::no},
             {"`/` in the initial namespace", "/", Tri::no, "/", without, Tri::yes},
             {"release_agent is there", "/", Tri::yes, "/", with_agent, Tri::yes},
             {"release_agent is not there", "/", Tri::yes, "/", without, Tri::no},
             {"not seen", "/", Tri::yes, "/", {}, Tri::unknown},
             {"not seen, namespace unknown", "/", Tri::unknown, "/", {}, Tri::unknown},
             {"seen, namespace unknown", "/", Tri::unknown, "/", with_agent, Tri::yes},
             {"something lies above", "/", Tri::yes, "/..", {}, Tri::no},
             {"the mount shows another cgroup", "/", Tri::yes, "/a", with_agent, Tri::unknown},
         }) {
        Snapshot snapshot =
            snapshot_of(base_mounts() + cgroup_line(20, 12, c.root, "/sys/fs/cgroup/memory", "ro", "memory"),
                        std::string("1:memory:") + c.own_path + "\n");
        snapshot = with_namespaced(std::move(snapshot), c.namespaced);
        snapshot.directories["/sys/fs/cgroup/memory"] = c.seen;
        EXPECT_EQ(hierarchy_of(classify(snapshot), "memory").real_root, c.real_root) << c.what;
    }
}

TEST(Classify, RealRootOfV2) {
    for (const RealRootCase& c : {
             RealRootCase{"cgroup.type", "/", Tri::yes, "/", {Tri::yes, Tri::yes, Tri::unknown}, Tri::no},
             {"no cgroup.type", "/", Tri::yes, "/", {Tri::no, Tri::no, Tri::unknown}, Tri::yes},
             {"not seen", "/", Tri::yes, "/", {}, Tri::unknown},
             {"v1 hosts have `0::/`", "/", Tri::no, "/", {}, Tri::yes},
             {"docker with cgroupns=host", "/docker/a", Tri::no, "/", {}, Tri::no},
         }) {
        Snapshot snapshot = snapshot_of(base_mounts() + cgroup_line(20, 12, c.root, "/sys/fs/cgroup", "ro", "unified"),
                                        std::string("0::") + c.own_path + "\n");
        snapshot = with_namespaced(std::move(snapshot), c.namespaced);
        snapshot.directories["/sys/fs/cgroup"] = c.seen;
        EXPECT_EQ(hierarchy_of(classify(snapshot), "unified").real_root, c.real_root) << c.what;
    }
}

TEST(Classify, UnmountedRealRootStaysUnknown) {
    EXPECT_EQ(
        hierarchy_of(classify(with_namespaced(snapshot_of(base_mounts(), "0::/\n"), Tri::yes)), "unified").real_root,
        Tri::unknown);
}

TEST(Classify, Views) {
    EXPECT_EQ(classify(docker_v2()).view, View::unified);
    EXPECT_EQ(classify(docker_v1_private()).view, View::legacy);
    EXPECT_EQ(classify(docker_hybrid_volume()).view, View::hybrid);
    EXPECT_TRUE(classify(docker_v2()).view_in_sight);
}

TEST(Classify, WhereNoViewIsInSightProcSelfCgroupTellsTheHosts) {
    const auto hidden = [](const std::string& cgroup) { return classify(snapshot_of(base_mounts(), cgroup)); };
    EXPECT_FALSE(hidden("0::/\n").view_in_sight);
    EXPECT_EQ(hidden("0::/\n").view, View::unified);
    EXPECT_EQ(hidden("1:memory:/a\n0::/\n").view, View::legacy);
    EXPECT_EQ(hidden("2:cpuacct,cpu:/a\n1:name=systemd:/a\n").view, View::legacy);
    EXPECT_EQ(hidden("1:net_cls:/\n0::/a\n").view, View::unified) << "left over on a v2 host";
    EXPECT_EQ(hidden("1:name=systemd:/a\n").view, View::legacy);
    for (const Snapshot& snapshot : {with_mount(docker_v2(), "30 20 0:50 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"),
                                     with_mount(snapshot_of(base_mounts(), "0::/\n"),
                                                cgroup_line(30, 10, "/", "/host/sys/fs/cgroup", "ro", "unified"))}) {
        const World world = classify(snapshot);
        EXPECT_FALSE(world.view_in_sight) << "covered, and elsewhere";
        EXPECT_EQ(world.view, View::unified);
    }
    Snapshot nowhere = with_mount(snapshot_of(base_mounts(), "0::/\n"),
                                  cgroup_line(30, 10, "/", "/host/sys/fs/cgroup", "ro", "memory"));
    nowhere.cgroups.clear();
    EXPECT_EQ(classify(nowhere).view, View::none) << "of no line of /proc/self/cgroup";
}

TEST(Classify, StackedMounts) {
    // Podman's systemd mode on v1: the host's root of name=systemd on top of the container's, its agent covered.
    Snapshot snapshot =
        with_mount(docker_v1(), cgroup_line(30, 24, "/", "/sys/fs/cgroup/systemd", "rw", "xattr,name=systemd"));
    snapshot = with_mount(snapshot, "31 30 0:5 /null /sys/fs/cgroup/systemd/release_agent ro - devtmpfs dev rw\n");
    const Hierarchy systemd = hierarchy_of(classify(snapshot), "name=systemd");
    ASSERT_EQ(systemd.mounts.size(), 2U);
    EXPECT_FALSE(systemd.mounts[0].visible);
    EXPECT_TRUE(systemd.mounts[0].reachable);
    EXPECT_TRUE(systemd.mounts[1].visible);
    EXPECT_EQ(systemd.mounts[1].exposure, Exposure::whole_tree);
    for (const HierarchyMount& mount : systemd.mounts) {
        EXPECT_TRUE(mount.in_view);
    }
    EXPECT_EQ(view_mount(systemd)->entry.id, 30);
}

TEST(Classify, HiddenMountsAreNotPartOfTheView) {
    const Snapshot hidden = with_mount(docker_v1(), "30 12 0:50 / /sys/fs rw - tmpfs tmpfs rw\n");
    const HierarchyMount memory = mount_at(classify(hidden), "/sys/fs/cgroup/memory");
    EXPECT_FALSE(memory.visible);
    EXPECT_FALSE(memory.reachable);
    EXPECT_FALSE(memory.in_view);
}

TEST(Classify, ManyStackedMounts) {
    Snapshot snapshot = docker_v2();
    for (int id = 21; id < 121; ++id) {
        snapshot = with_mount(snapshot, cgroup_line(id, id - 1, "/", "/sys/fs/cgroup", "rw", "unified"));
    }
    const Hierarchy unified = hierarchy_of(classify(snapshot), "unified");
    ASSERT_EQ(unified.mounts.size(), 101U);
    for (const HierarchyMount& mount : unified.mounts) {
        EXPECT_TRUE(mount.reachable);
        EXPECT_TRUE(mount.in_view);
        EXPECT_EQ(mount.visible, mount.entry.id == 120);
    }
}

TEST(Classify, OurOwnMounts) {
    Snapshot snapshot = docker_v2();
    snapshot.mounts.back().source = kOwnMark;
    EXPECT_TRUE(mount_at(classify(snapshot), "/sys/fs/cgroup").ours);
    // A bind keeps the engine's source: the tmpfs that holds it is ours.
    snapshot = docker_v1();
    snapshot.mounts[3].source = kOwnMark;
    EXPECT_TRUE(mount_at(classify(snapshot), "/sys/fs/cgroup/memory").ours);
    snapshot = with_mount(snapshot, cgroup_line(30, 10, "/", "/host", "ro", "memory"));
    EXPECT_FALSE(mount_at(classify(snapshot), "/host").ours);
}

/// A mount source is a label, which an outer container's cginit writes as well.
TEST(Classify, AMountIsOnlyOursBesidePid1AndWithTheMarkOfItsPidNamespace) {
    struct Row {
        const char* source;
        int pid;
        Tri pid1_mounts;
        bool ours;
    };
    for (const Row& row :
         {Row{kOwnMark, 1, Tri::unknown, true}, Row{kOwnMark, 7, Tri::yes, true}, Row{kOwnMark, 7, Tri::no, false},
          Row{kOwnMark, 7, Tri::unknown, false}, Row{"cginit", 1, Tri::unknown, false},
          Row{"cginit:[4026532498]", 1, Tri::unknown, false}, Row{"cginit:[]", 1, Tri::unknown, false}}) {
        Snapshot snapshot = docker_v2();
        snapshot.mounts.back().source = row.source;
        snapshot.pid = row.pid;
        snapshot.pid1_mounts = row.pid1_mounts;
        EXPECT_EQ(mount_at(classify(snapshot), "/sys/fs/cgroup").ours, row.ours) << row.source << " " << row.pid;
    }
    Snapshot unknown = docker_v2();
    unknown.mounts.back().source = kOwnMark;
    unknown.namespaces.erase("pid");
    EXPECT_FALSE(mount_at(classify(unknown), "/sys/fs/cgroup").ours);
}

TEST(Classify, AfterItsPlanCginitIsInTheContainerWhereItWas) {
    Snapshot snapshot = docker_v2();
    snapshot.mounts.back().source = kOwnMark;
    snapshot.pid = 7;
    snapshot.pid1_mounts = Tri::yes;
    const World before = classify(snapshot);
    snapshot.pid1_mounts = Tri::no;  // a user namespace has mounts of its own
    EXPECT_TRUE(mount_at(classify_again(snapshot, before), "/sys/fs/cgroup").ours);
}

TEST(Classify, InASharedPidNamespaceTheMarkIsTheMountNamespacesToo) {
    Snapshot snapshot = docker_v2();
    snapshot.pid = 7;
    snapshot.pid1_mounts = Tri::no;
    snapshot.namespaces["mnt"] = 4026532208;
    const World before = classify(snapshot);
    EXPECT_EQ(before.mount_mark, std::string(kOwnMark) + ":[4026532208]");
    snapshot.namespaces["mnt"] = 4026532300;  // that of the user namespace
    snapshot.mounts.back().source = before.mount_mark;
    EXPECT_TRUE(mount_at(classify_again(snapshot, before), "/sys/fs/cgroup").ours);
    EXPECT_FALSE(mount_at(classify(snapshot), "/sys/fs/cgroup").ours) << "another container's, with the same PID 1";
    snapshot.mounts.back().source = kOwnMark;
    EXPECT_FALSE(mount_at(classify_again(snapshot, before), "/sys/fs/cgroup").ours)
        << "that of the container with PID 1";
    snapshot.namespaces.erase("mnt");
    EXPECT_EQ(classify(snapshot).mount_mark, kMountSource) << "no mark that others could not have";
}

}  // namespace
}  // namespace cginit
