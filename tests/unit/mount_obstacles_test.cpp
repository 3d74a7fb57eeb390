#include "decide/stages.hpp"

#include <gtest/gtest.h>

#include "unit/world_builder.hpp"

namespace cginit {
namespace {

std::string refusal(const Snapshot& snapshot, const std::vector<std::string>& elsewhere = {},
                    Method method = Method::name_space) {
    Decision decision;
    set_method(decision, method);
    decision.detach_elsewhere = elsewhere;
    const Status status = refuse_mount_obstacles(classify(snapshot), decision);
    EXPECT_TRUE(status || !status.error().cures.empty());
    return status ? "" : status.error().frames.front();
}

std::string memory_over_memory() {
    const MountTable mounts = docker_v1().mounts;
    return cgroup_line(30, visible_mount_at(mounts, "/sys/fs/cgroup/memory")->id, "/", "/sys/fs/cgroup/memory", "ro",
                       "memory");
}

TEST(MountObstacles, NoneInAContainer) {
    EXPECT_EQ(refusal(docker_v1()), "");
    EXPECT_EQ(refusal(docker_v2()), "");
    EXPECT_EQ(refusal(with_mount(docker_v1(), memory_over_memory())), "") << "covered, but without peers";
}

TEST(MountObstacles, APeerThatNoPathLeadsTo) {
    Snapshot snapshot = docker_v1();
    for (MountEntry& mount : snapshot.mounts) {
        mount.propagation.shared = mount.point == "/sys/fs/cgroup/memory" ? 7 : 0;
    }
    EXPECT_EQ(refusal(snapshot), "") << "it can be cut off";
    snapshot = with_mount(snapshot, memory_over_memory());
    EXPECT_EQ(refusal(snapshot), "the mount at /sys/fs/cgroup/memory has peers and is covered by another");
    EXPECT_EQ(refusal(snapshot, {}, Method::bind), refusal(snapshot));
    EXPECT_EQ(refusal(snapshot, {}, Method::none), "") << "nothing is moved";
}

TEST(MountObstacles, TwoInOnePlace) {
    Snapshot snapshot = docker_v1();
    MountEntry twin = *visible_mount_at(snapshot.mounts, "/sys/fs/cgroup/memory");
    twin.id = 30;
    snapshot.mounts.push_back(twin);
    EXPECT_EQ(refusal(snapshot), "two mounts share the place at /sys/fs/cgroup/memory");
}

TEST(MountObstacles, WhatLiesOnAMountWouldGoWithIt) {
    Snapshot snapshot = with_mount(docker_v1(), cgroup_line(30, 10, "/", "/host/memory", "ro", "memory"));
    EXPECT_EQ(refusal(snapshot, {"/host/memory"}), "");
    snapshot = with_mount(snapshot, "31 30 0:50 / /host/memory/data rw - tmpfs tmpfs rw\n");
    EXPECT_EQ(refusal(snapshot, {"/host/memory"}), "other mounts lie on the cgroup mount at /host/memory");
}

}  // namespace
}  // namespace cginit
