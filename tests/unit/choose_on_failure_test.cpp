#include <gtest/gtest.h>

#include "cginit/decision.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

Options proceeding() {
    Options options;
    options.on_failure = OnFailure::proceed;
    return options;
}

Snapshot without_sys_admin(Snapshot snapshot) {
    snapshot.status.effective_capabilities = 0;
    return snapshot;
}

/// As with --privileged: the engine's own mounts are writable.
Snapshot writable(Snapshot snapshot) {
    for (MountEntry& mount : snapshot.mounts) {
        mount.flags.read_only = false;
    }
    return snapshot;
}

/// Without the hierarchy in which the container sits at the host's root.
Snapshot without_misc(Snapshot snapshot) {
    std::erase_if(snapshot.mounts, [](const MountEntry& mount) { return mount.point == "/sys/fs/cgroup/misc"; });
    std::erase_if(snapshot.cgroups,
                  [](const CgroupEntry& entry) { return entry.path == "/" && entry.hierarchy_id == 5; });
    return snapshot;
}

Snapshot running(Snapshot snapshot, InitKind kind, std::optional<int> version = std::nullopt) {
    snapshot.init = {kind, version, ""};
    return snapshot;
}

Snapshot sealed(Snapshot snapshot) {
    for (MountEntry& mount : snapshot.mounts) {
        mount.flags.read_only = mount.flags.read_only || mount.point == kCgroupRoot;
    }
    return snapshot;
}

/// Podman's systemd mode, where the engine gives a private v1 view that can be written, and a v2 cgroup beside it.
Snapshot private_v1(Tri v2_real_root) {
    Snapshot snapshot = writable(without_misc(docker_v1_private()));
    snapshot.cgroups.push_back({0, {}, "/"});
    if (v2_real_root != Tri::unknown) {
        snapshot.mounts.push_back(*visible_mount_at(docker_v2().mounts, kCgroupRoot));
        snapshot.mounts.back().id = 90;
        snapshot.mounts.back().parent = 20;
        snapshot.mounts.back().flags.read_only = false;
        snapshot.mounts.back().point = "/sys/fs/cgroup/unified";
        snapshot.directories["/sys/fs/cgroup/unified"].has_parent_files = v2_real_root == Tri::yes ? Tri::no : Tri::yes;
    }
    return snapshot;
}

struct Case {
    const char* name;
    Snapshot snapshot;
    const char* reason;  ///< its beginning
    bool taken = false;
};

void PrintTo(const Case& which, std::ostream* out) { *out << which.name; }

std::vector<Case> all_cases() {
    const Snapshot busybox = running(docker_v1(), InitKind::busybox);
    Snapshot child = docker_v2();
    child.pid = 7;
    Snapshot covered = with_mount(busybox, cgroup_line(30, 10, "/", "/host/memory", "rw", "memory"));
    covered = with_mount(covered, "31 10 0:50 / /host rw - tmpfs tmpfs rw\n");
    Snapshot nothing = docker_v2();
    std::erase_if(nothing.mounts, is_cgroup);
    const char* const safe = "the engine's view is safe for the host";
    const char* const limits = "the engine's view is safe for the host, but its limits are within reach";
    const char* const host = "systemd would mount hierarchies of the host's";
    return {
        {"any init, nothing writable", busybox, safe, true},
        {"any init, no cgroups at all", running(nothing, InitKind::busybox), safe, true},
        {"any init, the own cgroup writable", writable(without_misc(busybox)), limits, true},
        {"any init, at a host's root", writable(busybox), "/sys/fs/cgroup/misc may be the host's root", false},
        {"any init, may be a host's root", writable(private_v1(Tri::yes)), "/sys/fs/cgroup/unified may be", false},
        {"any init, the host's tree", running(without_misc(docker_hybrid_volume()), InitKind::busybox),
         "/sys/fs/cgroup/memory shows more than the own cgroup and is writable", false},
        {"any init, the host's tree under a cover", covered, "/host/memory shows more", false},
        {"systemd, v1, read-only", without_misc(docker_v1()), "systemd does not boot on read-only cgroups", false},
        {"systemd, v1, in the host's namespace", writable(without_misc(docker_v1())), host, false},
        {"the same, sealed", sealed(writable(without_misc(docker_v1()))), limits, true},
        {"the same without the capability", without_sys_admin(writable(without_misc(docker_v1()))), limits, true},
        {"systemd, private v1, no own v2", private_v1(Tri::unknown), "systemd would mount the host's v2 root", false},
        {"systemd, private hybrid", private_v1(Tri::no), limits, true},
        {"systemd that refuses v1", running(private_v1(Tri::no), InitKind::systemd, 258), "this systemd may refuse v1",
         false},
        {"systemd of unknown version on v1", running(private_v1(Tri::no), InitKind::systemd),
         "this systemd may refuse v1", false},
        {"systemd, v2, read-only", docker_v2(), "systemd does not boot on read-only cgroups", false},
        {"systemd, v2, writable", writable(docker_v2()), limits, true},
        {"systemd of unknown version on v2", running(writable(docker_v2()), InitKind::systemd), limits, true},
        {"systemd that knows only v1", running(writable(docker_v2()), InitKind::systemd, 229),
         "systemd 229 knows only v1", false},
        {"systemd as a child", writable(child), "systemd has to be PID 1", false},
        {"systemd without any cgroup", nothing, "systemd finds no cgroups", false},
        {"finit in the host's namespace", running(without_misc(docker_v1()), InitKind::finit),
         "finit would mount the host's v2 root", false},
        {"finit without the capability", without_sys_admin(running(without_misc(docker_v1()), InitKind::finit)), safe,
         true},
        {"finit on its own v2", running(docker_v2(), InitKind::finit), safe, true},
    };
}

class ChooseOnFailure : public testing::TestWithParam<Case> {};

TEST_P(ChooseOnFailure, GoesOnOnlyWhereTheEnginesViewIsSafe) {
    const Case& which = GetParam();
    const Measure go_on = choose_on_failure(classify(which.snapshot), proceeding());
    EXPECT_EQ(go_on.taken, which.taken) << go_on.reason;
    EXPECT_TRUE(go_on.taken ? go_on.reason == which.reason : go_on.reason.starts_with(which.reason)) << go_on.reason;
    EXPECT_EQ(choose_on_failure(classify(which.snapshot), {}), (Measure{false, "--on-failure=exit"}));
}

INSTANTIATE_TEST_SUITE_P(Views, ChooseOnFailure, testing::ValuesIn(all_cases()),
                         [](const auto& param) { return "n" + std::to_string(param.index); });

TEST(ChooseOnFailureOptions, WhatIsKeptIsNoDanger) {
    Options options = proceeding();
    const World world = classify(
        with_mount(running(docker_v1(), InitKind::busybox), cgroup_line(30, 10, "/", "/host/memory", "rw", "memory")));
    EXPECT_FALSE(choose_on_failure(world, options).taken);
    options.keep_mounts = {"/host"};
    EXPECT_TRUE(choose_on_failure(world, options).taken);
}

TEST(ChooseOnFailureOptions, DroppingCapabilitiesNeedsOne) {
    Options options = proceeding();
    options.drop_capabilities = {"cap_sys_admin"};
    Snapshot snapshot = running(docker_v1(), InitKind::busybox);
    EXPECT_EQ(choose_on_failure(classify(snapshot), options).reason, "--drop-cap needs CAP_SETPCAP");
    snapshot.status.effective_capabilities |= 1U << 8U;
    EXPECT_TRUE(choose_on_failure(classify(snapshot), options).taken);
}

TEST(ChooseOnFailureOptions, IsPartOfTheDecision) {
    const Result<Decision> decision = decide(classify(running(docker_v1(), InitKind::busybox)), proceeding());
    ASSERT_TRUE(decision);
    EXPECT_TRUE(decision->go_on.taken);
}

}  // namespace
}  // namespace cginit
