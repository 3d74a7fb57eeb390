#include "decide/stages.hpp"

#include <gtest/gtest.h>

#include "cginit/plan.hpp"
#include "cginit/prospect.hpp"
#include "world_builder.hpp"

namespace cginit {
namespace {

/// Docker on a hybrid host: it shows v1, and the container has a v2 cgroup of its own.
Snapshot docker_hybrid(std::optional<int> version) {
    Snapshot snapshot = docker_v1();
    snapshot.cgroups.push_back({0, {}, std::string("/docker/") + kId});
    snapshot.init = {InitKind::systemd, version, ""};
    return snapshot;
}

/// Docker on a pure v1 host: the container sits at the host's v2 root.
Snapshot docker_pure_v1(std::optional<int> version) {
    Snapshot snapshot = docker_hybrid(version);
    snapshot.cgroups.back().path = "/";
    return snapshot;
}

Decision layout_of(const Snapshot& snapshot, const Options& options = {}) {
    Decision decision;
    const Status status = choose_layout(classify(snapshot), options, decision);
    EXPECT_TRUE(status) << status.error().message();
    return decision;
}

std::string refusal_of(const Snapshot& snapshot, const Options& options = {}) {
    Decision decision;
    const Status status = choose_layout(classify(snapshot), options, decision);
    EXPECT_FALSE(status);
    return status ? "" : status.error().message();
}

TEST(ChooseLayout, FollowsWhatTheVersionCanLiveWith) {
    struct Case {
        std::optional<int> version;
        View hybrid_host;
        View v1_host;
    };
    for (const Case& expected : {Case{219, View::legacy, View::legacy}, Case{232, View::legacy, View::legacy},
                                 Case{233, View::hybrid, View::legacy}, Case{247, View::hybrid, View::legacy},
                                 Case{252, View::hybrid, View::legacy}, Case{255, View::hybrid, View::legacy},
                                 Case{256, View::unified, View::legacy}, Case{257, View::hybrid, View::legacy}}) {
        EXPECT_EQ(layout_of(docker_hybrid(expected.version)).layout, expected.hybrid_host)
            << expected.version.value_or(0);
        EXPECT_EQ(layout_of(docker_pure_v1(expected.version)).layout, expected.v1_host) << expected.version.value_or(0);
    }
}

TEST(ChooseLayout, AViewMadeForAnotherInitGetsV2WhereItIsBuiltAnew) {
    Snapshot snapshot = docker_hybrid(252);
    for (MountEntry& mount : snapshot.mounts) {
        mount.source = mount.point.starts_with("/sys/fs/cgroup") ? kOwnMark : mount.source;
    }
    EXPECT_EQ(layout_of(snapshot).layout, View::hybrid) << "made from another cgroup namespace";
    for (MountEntry& mount : snapshot.mounts) {
        mount.root = "/";
    }
    for (CgroupEntry& cgroup : snapshot.cgroups) {
        cgroup.path = "/";
    }
    snapshot.namespaces["cgroup"] = kPrivateCgroupNamespaceId;
    EXPECT_EQ(layout_of(snapshot).layout, View::legacy) << "it stays";
}

TEST(ChooseLayout, SystemdThatRefusesV1GetsItsOwnV2Cgroup) {
    const Decision decision = layout_of(docker_hybrid(262));
    EXPECT_EQ(decision.layout, View::unified);
    EXPECT_EQ(decision.layout_reason, "systemd 262 refuses v1");
    ASSERT_EQ(decision.warnings.size(), 1U);
    EXPECT_NE(decision.warnings[0].find("MemoryMax="), std::string::npos);
    EXPECT_EQ(refusal_of(docker_pure_v1(258)),
              "systemd 258 refuses v1, and the container sits at the host's v2 root, where a cgroup of its own "
              "could be made, but it would outlive the container; permit a cgroup at the host's root with "
              "--allow-host-cgroup, or boot the host "
              "with a v2 hierarchy (systemd.unified_cgroup_hierarchy=1), or take an image with systemd 257 or older");
    Snapshot without = docker_v1();
    without.init = {InitKind::systemd, 258, ""};
    EXPECT_NE(refusal_of(without).find("this kernel has no cgroup2"), std::string::npos);
    EXPECT_EQ(foresee(classify(without), {}).missing.front().code, ErrorCode::no_v2);
    Options bind;
    bind.method = Method::bind;
    EXPECT_NE(refusal_of(docker_hybrid(258), bind).find("without a cgroup namespace"), std::string::npos);
}

TEST(ChooseLayout, AtTheHostsRootOnlyWithPermission) {
    Options allowed;
    allowed.allow_host_cgroup = true;
    EXPECT_EQ(layout_of(docker_pure_v1(258), allowed).layout, View::unified);
    EXPECT_EQ(layout_of(docker_pure_v1(256), allowed).layout, View::unified) << "256 would wait 30 s on v1";
    EXPECT_EQ(layout_of(docker_pure_v1(252), allowed).layout, View::legacy) << "252 needs none";
    Options bind = allowed;
    bind.method = Method::bind;
    EXPECT_NE(refusal_of(docker_pure_v1(258), bind).find("without a cgroup namespace"), std::string::npos);
    Snapshot nameless = docker_pure_v1(258);
    for (CgroupEntry& cgroup : nameless.cgroups) {
        cgroup.path = "/";
    }
    EXPECT_NE(refusal_of(nameless, allowed).find("the container's id, which would name it, is not known"),
              std::string::npos);
    // The kernel has cgroup2, and nobody mounted it yet.
    Snapshot unused = docker_v1();
    unused.init = {InitKind::systemd, 258, ""};
    unused.filesystems = {"cgroup", "cgroup2"};
    EXPECT_NE(refusal_of(unused).find("--allow-host-cgroup"), std::string::npos);
    EXPECT_EQ(layout_of(unused, allowed).layout, View::unified);
    unused.init.version = 252;
    EXPECT_EQ(layout_of(unused, allowed).layout, View::legacy) << "a first mount shows in every /proc/PID/cgroup";
}

TEST(ChooseLayout, SystemdBefore230OnV2GetsAHierarchyOfItsOwn) {
    Snapshot snapshot = docker_v2();
    snapshot.init = {InitKind::systemd, 219, ""};
    EXPECT_EQ(refusal_of(snapshot),
              "systemd 219 needs a name=systemd hierarchy, which this v2 host does not show, but it would outlive the "
              "container; permit a cgroup at the host's root with --allow-host-cgroup, or take an image with systemd "
              "230 or newer");
    Options allowed;
    allowed.allow_host_cgroup = true;
    snapshot.cgroups.front().path = std::string("/docker/") + kId;
    EXPECT_NE(refusal_of(snapshot, allowed).find("--cgroupns=host"), std::string::npos);
    snapshot.namespaces["cgroup"] = kInitialCgroupNamespaceId;
    EXPECT_EQ(layout_of(snapshot, allowed).layout, View::legacy);
    snapshot.init.version = 230;
    EXPECT_EQ(layout_of(snapshot, allowed).layout, View::unified);
    allowed.layout = Layout::legacy;
    EXPECT_EQ(layout_of(snapshot, allowed).layout, View::legacy);
}

TEST(ChooseLayout, AnUnknownVersionIsRefusedWhereItMatters) {
    Snapshot snapshot = docker_hybrid(std::nullopt);
    snapshot.init.version_unknown_because = "there is a libsystemd-shared of each of 257, 258";
    EXPECT_EQ(refusal_of(snapshot),
              "the version of this systemd cannot be told (there is a libsystemd-shared of each of 257, 258), and on a "
              "host with v1 hierarchies the layout depends on it; say --layout=host for systemd 257 or older, "
              "--layout=unified for 258 or newer");
    Options told;
    told.layout = Layout::host;
    EXPECT_EQ(layout_of(snapshot, told).layout, View::legacy);
    Snapshot v2 = docker_v2();
    v2.init = {InitKind::systemd, std::nullopt, ""};
    EXPECT_EQ(layout_of(v2).layout, View::unified);
}

TEST(ChooseLayout, SomebodyElsesV2CgroupIsLeftAlone) {
    Snapshot snapshot = docker_hybrid(252);
    snapshot.cgroups.back().path = "/user.slice/session-1.scope";
    EXPECT_EQ(layout_of(snapshot).layout, View::legacy);
    snapshot.init.version = 258;
    EXPECT_NE(refusal_of(snapshot).find("(/user.slice/session-1.scope)"), std::string::npos);
}

TEST(ChooseLayout, OlderThanTodaysHybridGetsLegacy) {
    Snapshot snapshot = docker_hybrid_volume();
    snapshot.init = {InitKind::systemd, 232, ""};
    EXPECT_EQ(layout_of(snapshot).layout, View::legacy);
    snapshot.init.version = 233;
    EXPECT_EQ(layout_of(snapshot).layout, View::hybrid);
}

TEST(ChooseLayout, OtherInitsAndV2HostsKeepTheHosts) {
    Snapshot busybox = docker_hybrid(std::nullopt);
    busybox.init = {InitKind::busybox, std::nullopt, ""};
    EXPECT_EQ(layout_of(busybox).layout, View::legacy);
    Snapshot newest = docker_v2();
    newest.init = {InitKind::systemd, 262, ""};
    EXPECT_EQ(layout_of(newest).layout, View::unified);
    EXPECT_TRUE(layout_of(newest).warnings.empty());
}

TEST(ChooseLayout, FinitMountsV2Itself) {
    Snapshot snapshot = docker_hybrid(std::nullopt);
    snapshot.init = {InitKind::finit, std::nullopt, ""};
    EXPECT_EQ(layout_of(snapshot).layout, View::unified);
    snapshot.cgroups.back().path = "/";
    EXPECT_NE(refusal_of(snapshot).find("finit mounts v2 over whatever is at /sys/fs/cgroup"), std::string::npos);
    Options allowed;
    allowed.allow_host_cgroup = true;
    EXPECT_EQ(layout_of(snapshot, allowed).layout, View::unified);
}

TEST(ChooseLayout, WhatIsAskedForWinsWhereTheKernelCanGiveIt) {
    Options options;
    options.layout = Layout::unified;
    EXPECT_EQ(layout_of(docker_hybrid(252), options).layout, View::unified);
    EXPECT_NE(refusal_of(docker_pure_v1(252), options).find("the container sits at the host's v2 root"),
              std::string::npos);
    options.layout = Layout::hybrid;
    EXPECT_EQ(layout_of(docker_hybrid(252), options).layout, View::hybrid);
    options.layout = Layout::legacy;
    EXPECT_EQ(layout_of(docker_hybrid(257), options).layout, View::legacy);
    EXPECT_NE(refusal_of(docker_v2(), options).find("--layout=legacy needs a name=systemd hierarchy"),
              std::string::npos);
    Snapshot busybox = docker_v2();
    busybox.init = {InitKind::busybox, std::nullopt, ""};
    EXPECT_NE(refusal_of(busybox, options).find("this container's view is unified"), std::string::npos);
}

TEST(ChooseLayout, WhatThisSystemdFreezesOnIsRefusedThoughAskedFor) {
    const auto refusal_with = [](const Snapshot& snapshot, Layout layout, Method method = Method::automatic) {
        Options options;
        options.layout = layout;
        options.method = method;
        return refusal_of(snapshot, options);
    };
    Snapshot old = docker_v2();
    old.init = {InitKind::systemd, 219, ""};
    EXPECT_EQ(refusal_with(old, Layout::host),
              "--layout=host: systemd 219 does not boot on the unified layout; leave --layout to cginit");
    EXPECT_EQ(refusal_with(old, Layout::automatic, Method::remount),
              "--method=remount: systemd 219 does not boot on the unified layout; use --method=auto");
    EXPECT_NE(refusal_with(docker_hybrid(229), Layout::unified).find("systemd 229 does not boot"), std::string::npos);
    EXPECT_NE(refusal_with(docker_hybrid(262), Layout::legacy).find("systemd 262 does not boot"), std::string::npos);
}

TEST(ChooseLayout, TheHiddenHierarchyIsMountedAfreshBehindItsInnerLevel) {
    const World world = classify(docker_hybrid(262));
    const Result<Decision> decision = decide(world, {});
    ASSERT_TRUE(decision) << decision.error().message();
    const Plan plan = make_plan(world, *decision);
    EXPECT_EQ(check_plan(world, *decision, plan), std::vector<std::string>{});
    std::string ops;
    for (const Step& step : plan.steps) {
        ops += describe(step.op) + "\n";
    }
    EXPECT_NE(ops.find("mount cgroup2 on /proc/driver/new (rw"), std::string::npos) << ops;
    EXPECT_NE(ops.find("make cgroup /proc/driver/engine/unified/cginit"), std::string::npos) << ops;
    EXPECT_EQ(ops.find("/proc/driver/new/"), std::string::npos) << "the v1 hierarchies are not part of the view\n"
                                                                << ops;
    // But their limits are kept out of reach of whoever mounts them.
    EXPECT_NE(ops.find("make cgroup /proc/driver/engine/memory/cginit"), std::string::npos) << ops;
    EXPECT_EQ(ops.find("make cgroup /proc/driver/engine/blkio"), std::string::npos) << ops;
}

/// Alpine, WSL2: nobody mounted it. `v2` is what /proc/self/cgroup says of it.
Snapshot without_tracking(int version, const std::string& v2) {
    Snapshot snapshot =
        snapshot_of(base_mounts() + "20 12 0:46 / /sys/fs/cgroup ro - tmpfs tmpfs rw\n" +
                        cgroup_line(21, 20, "/docker/" + std::string(kId), "/sys/fs/cgroup/memory", "ro", "memory"),
                    "2:memory:/docker/" + std::string(kId) + "\n" + v2);
    snapshot.init.version = version;
    return snapshot;
}

TEST(ChooseLayout, AHostWithoutTheTrackingHierarchy) {
    const std::string own = "0::/docker/" + std::string(kId) + "\n";
    Options allowed;
    allowed.allow_host_cgroup = true;
    for (const int version : {230, 252, 257, 258}) {
        EXPECT_EQ(layout_of(without_tracking(version, own)).layout, View::unified) << version;
        EXPECT_EQ(layout_of(without_tracking(version, "0::/\n"), allowed).layout, View::unified) << version;
    }
    EXPECT_EQ(
        refusal_of(without_tracking(252, "0::/\n")),
        "systemd 252 finds no name=systemd hierarchy on this host, and the container sits at the host's v2 root, "
        "where a cgroup of its own could be made, but it would outlive the container; mount that hierarchy on the "
        "host before the container starts, or permit a cgroup at the host's root with --allow-host-cgroup, or boot "
        "the host with a v2 hierarchy (systemd.unified_cgroup_hierarchy=1)");
    EXPECT_EQ(
        refusal_of(without_tracking(219, own)),
        "systemd 219 finds no name=systemd hierarchy on this host, and knows no other; mount that hierarchy on the "
        "host before the container starts");
    World node = classify(without_tracking(252, "0::/\n"));
    node.engine = Engine::kubernetes;
    Decision decision;
    EXPECT_EQ(choose_layout(node, {}, decision).error().cures,
              (Cures{CureId::allow_host_cgroup, CureId::boot_v2, CureId::mount_tracking}))
        << "on a node nobody mounts by hand";
}

TEST(ChooseLayout, AtTheHostsRootNothingIsMadeFromAUserNamespaceThatDoesNotMapItsRoot) {
    Options allowed;
    allowed.allow_host_cgroup = true;
    Snapshot snapshot = docker_pure_v1(258);
    EXPECT_EQ(layout_of(snapshot, allowed).layout, View::unified);
    snapshot.uid_map = "         0    1000000       1000\n";
    EXPECT_EQ(
        refusal_of(snapshot, allowed),
        "systemd 258 refuses v1, and the container sits at the host's v2 root, where nothing can be made from this "
        "user namespace; leave the user namespace out (--userns=host), or boot the host with a v2 hierarchy "
        "(systemd.unified_cgroup_hierarchy=1), or take an image with systemd 257 or older");
    snapshot.uid_map = "         0          0       1000\n";
    EXPECT_EQ(layout_of(snapshot, allowed).layout, View::unified) << "maps it";
}

TEST(ChooseLayout, WithoutAnyHierarchyThereIsNone) {
    Snapshot snapshot = docker_v2();
    std::erase_if(snapshot.mounts, [](const MountEntry& mount) { return mount.point == kCgroupRoot; });
    snapshot.cgroups.clear();
    EXPECT_EQ(refusal_of(snapshot),
              "no cgroup hierarchy is in sight, neither at /sys/fs/cgroup nor in /proc/self/cgroup; boot a kernel with "
              "CONFIG_CGROUPS, or let an init that needs no cgroups start without (--on-failure=continue)");
    snapshot.mounts.front().fstype = "9p";
    snapshot.mounts.front().super_options = "rw,trans=fd,rfdno=4";
    EXPECT_TRUE(
        refusal_of(snapshot).starts_with("this is gVisor, which shows no cgroups here; start the container with "
                                         "another runtime"));
    snapshot.init = {InitKind::s6, {}, {}};
    Options options;
    options.on_failure = OnFailure::proceed;
    EXPECT_TRUE(choose_on_failure(classify(snapshot), options).taken) << "it needs none";
}

}  // namespace
}  // namespace cginit
