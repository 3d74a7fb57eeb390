#include "decide/choose_layout.hpp"

#include <gtest/gtest.h>

#include "cginit/plan.hpp"
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
    for (const Case& expected :
         {Case{247, View::legacy, View::legacy}, Case{252, View::legacy, View::legacy},
          Case{255, View::legacy, View::legacy}, Case{256, View::unified, View::legacy},
          Case{257, View::legacy, View::legacy}, Case{std::nullopt, View::legacy, View::legacy}}) {
        EXPECT_EQ(layout_of(docker_hybrid(expected.version)).layout, expected.hybrid_host)
            << expected.version.value_or(0);
        EXPECT_EQ(layout_of(docker_pure_v1(expected.version)).layout, expected.v1_host) << expected.version.value_or(0);
    }
}

TEST(ChooseLayout, SystemdThatRefusesV1GetsItsOwnV2Cgroup) {
    const Decision decision = layout_of(docker_hybrid(262));
    EXPECT_EQ(decision.layout, View::unified);
    EXPECT_EQ(decision.layout_reason, "systemd 262 refuses v1");
    ASSERT_EQ(decision.warnings.size(), 1U);
    EXPECT_NE(decision.warnings[0].find("MemoryMax="), std::string::npos);
    EXPECT_EQ(refusal_of(docker_pure_v1(258)),
              "systemd 258 refuses cgroup v1, and the container sits at the host's v2 root; boot the host with "
              "systemd.unified_cgroup_hierarchy=1 (v2), or take an image with systemd 257 or older");
    Snapshot without = docker_v1();
    without.init = {InitKind::systemd, 258, ""};
    EXPECT_NE(refusal_of(without).find("this kernel has no cgroup2"), std::string::npos);
    Options bind;
    bind.method = Method::bind;
    EXPECT_NE(refusal_of(docker_hybrid(258), bind).find("without a cgroup namespace"), std::string::npos);
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

TEST(ChooseLayout, WhatIsAskedForWinsWhereTheKernelCanGiveIt) {
    Options options;
    options.layout = Layout::unified;
    EXPECT_EQ(layout_of(docker_hybrid(252), options).layout, View::unified);
    EXPECT_NE(refusal_of(docker_pure_v1(252), options).find("the container sits at the host's v2 root"),
              std::string::npos);
    options.layout = Layout::hybrid;
    EXPECT_EQ(layout_of(docker_hybrid(252), options).layout, View::hybrid);
    options.layout = Layout::legacy;
    EXPECT_EQ(layout_of(docker_hybrid(262), options).layout, View::legacy);
    EXPECT_NE(refusal_of(docker_v2(), options).find("this container's view is unified"), std::string::npos);
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

}  // namespace
}  // namespace cginit
