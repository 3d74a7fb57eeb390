#include <gtest/gtest.h>

#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"
#include "plan/simulate.hpp"
#include "unit/plan_scenes.hpp"

namespace cginit {
namespace {

using Lines = std::vector<std::string>;

class MakePlanForEach : public testing::TestWithParam<Scene> {};

INSTANTIATE_TEST_SUITE_P(Scenes, MakePlanForEach, testing::ValuesIn(scenes()), [](const auto& instance) {
    std::string name = instance.param.name;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

TEST_P(MakePlanForEach, PassesTheCheck) {
    const Planned planned = plan_of(GetParam());
    EXPECT_EQ(join(check_plan(planned.world, planned.decision, planned.plan), "\n"), "");
}

TEST_P(MakePlanForEach, SameInputSamePlan) { EXPECT_EQ(plan_of(GetParam()).plan, plan_of(GetParam()).plan); }

/// What the init can reach after fresh mounts: in the view only what cginit mounted, elsewhere only what was to be kept.
TEST_P(MakePlanForEach, LeavesNoCgroupMountOfTheEngineBehind) {
    const Planned planned = plan_of(GetParam());
    if (method_of(planned.decision) != Method::name_space) {
        return;
    }
    SimulatedMounts mounts(planned.world.mounts);
    for (const Step& step : planned.plan.steps) {
        EXPECT_EQ(mounts.apply(step.op), "") << describe(step.op);
    }
    const auto& kept = planned.decision.kept_elsewhere;
    for (const MountEntry& mount : mounts.table()) {
        if (is_cgroup(mount) && std::find(kept.begin(), kept.end(), mount.point) == kept.end()) {
            EXPECT_EQ(mount.source, planned.world.mount_mark) << mount.point;
            EXPECT_EQ(mount.root, "/") << mount.point;
        }
        EXPECT_FALSE(is_at_or_below(mount.point, kWorkbench)) << mount.point;
    }
}

TEST_P(MakePlanForEach, WhatOutlivesTheContainerIsSaid) {
    for (const Step& step : plan_of(GetParam()).plan.steps) {
        const bool persistent =
            std::holds_alternative<MakeCgroup>(step.op) || std::holds_alternative<MoveProcesses>(step.op) ||
            std::holds_alternative<EnableControllers>(step.op) || std::holds_alternative<LimitDescendants>(step.op);
        const bool written =
            std::holds_alternative<CopyCgroupFile>(step.op) || std::holds_alternative<CopyLimits>(step.op) ||
            std::holds_alternative<WriteCgroupFile>(step.op) || std::holds_alternative<JoinCgroup>(step.op);
        const bool told = step.scope == Scope::persistent || step.scope == Scope::host;
        EXPECT_EQ(told && !std::holds_alternative<MountFilesystem>(step.op), persistent || written)
            << describe(step.op);
        EXPECT_TRUE(!persistent || step.undo) << describe(step.op);
    }
}

Lines limits_copied(const Planned& planned) {
    Lines found;
    for (const Step& step : planned.plan.steps) {
        if (const auto* copy = std::get_if<CopyLimits>(&step.op)) {
            found.push_back(concat({copy->to, ": ", join(copy->files, " ")}));
        }
    }
    return found;
}

TEST(MakePlan, TheNumberOfCgroupsIsLimitedInTheEnginesCgroup) {
    struct Case {
        const char* scene;
        std::optional<unsigned long> cgroups;
        std::optional<unsigned long> depth;
        const char* expected;
    };
    for (const Case& c :
         {Case{"hybrid", 4096, 15, "limit what is below /proc/driver/engine/unified to 4096 cgroups and 15 levels"},
          Case{"userns-v2", 100, {}, "limit what is below /proc/driver/engine/unified to 100 cgroups"},
          Case{"unified-bind", {}, 4, "limit what is below /proc/driver/engine/unified to 4 levels"},
          Case{"unified-private", {}, {}, ""}, Case{"v1-host", 100, 15, ""}}) {
        const Planned planned = plan_of(scene(c.scene), [&c](World& /*world*/, Decision& decision) {
            decision.max_cgroups = c.cgroups;
            decision.max_depth = c.depth;
        });
        const Lines lines = op_lines(planned.plan);
        const std::size_t found = find_line(lines, "limit what is below");
        EXPECT_EQ(found == std::string::npos ? "" : lines[found], c.expected) << c.scene;
    }
}

TEST(MakePlan, LimitsAreCopiedWhereProgramsReadThem) {
    const std::string memory = "memory.limit_in_bytes memory.memsw.limit_in_bytes memory.soft_limit_in_bytes";
    const std::string v2 = "memory.min memory.low memory.high memory.max memory.swap.max pids.max cpu.max";
    const auto tracking_only = [](World& /*world*/, Decision& decision) { decision.enabled_controllers.reset(); };
    EXPECT_EQ(limits_copied(plan_of(scene("v1-host"))), Lines{concat({"/proc/driver/engine/memory/cginit: ", memory})});
    EXPECT_EQ(limits_copied(plan_of(scene("unified-private"))),
              Lines{concat({"/proc/driver/engine/unified/cginit: ", v2})});
    EXPECT_EQ(limits_copied(plan_of(scene("unified-private"), tracking_only)), Lines{});
    Scene without = scene("unified-private");
    without.options.copy_limits = LimitCopies::never;
    EXPECT_EQ(limits_copied(plan_of(without)), Lines{});
    without = scene("v1-host");
    without.options.copy_limits = LimitCopies::never;
    EXPECT_EQ(limits_copied(plan_of(without)), Lines{});
    // Beside v1 nothing is enabled for the init's v2 cgroup.
    EXPECT_EQ(limits_copied(plan_of(scene("hybrid"))), limits_copied(plan_of(scene("v1-private"))));
}

TEST(MakePlan, WhatCouldFailAfterTheCommitIsRehearsedBefore) {
    for (const Scene& scene : scenes()) {
        const auto drop = [](World& /*world*/, Decision& decision) { decision.drop_capabilities = {"cap_sys_admin"}; };
        std::vector<Phase> rehearsed;
        const Planned planned = plan_of(scene, drop);
        for (const Step& step : planned.plan.steps) {
            if (step.op == Op(RehearseDropCapabilities{{"cap_sys_admin"}})) {
                rehearsed.push_back(step.phase);
            }
        }
        if (planned.decision.authority == Authority::user_namespace) {
            // Its plan is rehearsed whole; and there only the second namespace surely has CAP_SETPCAP.
            const auto* last = std::get_if<KeepCapabilities>(&planned.plan.steps.back().op);
            ASSERT_NE(last, nullptr) << scene.name << ": mounting needs the capability";
            EXPECT_EQ(last->but_for, Lines{"cap_sys_admin"});
            EXPECT_EQ(rehearsed, std::vector<Phase>{});
        } else {
            EXPECT_EQ(rehearsed, std::vector{Phase::verify}) << scene.name;
        }
    }
}

/// Roll-back ends where the engine's cgroup namespace cannot be entered again; what was made after that can be left.
TEST(MakePlan, OnlyTheFirstCgroupNamespaceMayBeLeftForGood) {
    for (const Scene& scene : scenes()) {
        for (const Tri owns : {Tri::yes, Tri::unknown, Tri::no}) {
            const auto whose = [owns](World& world, Decision& /*decision*/) { world.owns_cgroup_namespace = owns; };
            const Planned planned = plan_of(scene, whose);
            const bool begins_with_one = has_own_mounts(planned.plan);
            bool for_good = owns == Tri::no && !begins_with_one;
            bool any_for_good = false;
            for (const Step& step : planned.plan.steps) {
                if (std::holds_alternative<UnshareCgroupNamespace>(step.op)) {
                    EXPECT_EQ(step.undo.has_value(), !for_good) << scene.name;
                    EXPECT_EQ(step.scope, for_good ? Scope::irreversible : Scope::process) << scene.name;
                    any_for_good = any_for_good || for_good;
                    for_good = false;
                }
            }
            EXPECT_EQ(is_irreversible(planned.plan), begins_with_one || any_for_good) << scene.name;
            EXPECT_EQ(join(check_plan(planned.world, planned.decision, planned.plan), "\n"), "") << scene.name;
        }
    }
}

/// Nobody may mount there, and nobody who left it can move a process back across its root.
TEST(MakePlan, NothingIsDoneInACgroupNamespaceFromAbove) {
    for (const Tri owns : {Tri::yes, Tri::no}) {
        const auto whose = [owns](World& world, Decision& /*decision*/) { world.owns_cgroup_namespace = owns; };
        const Lines lines = op_lines(plan_of(scene("unified-private"), whose).plan);
        EXPECT_EQ(find_line(lines, "unshare the cgroup") < find_line(lines, "mount cgroup2"), owns == Tri::no);
    }
}

TEST(MakePlan, WhatIsUnknownHasAPlannedAnswer) {
    const Plan plan = plan_of(scene("unknown")).plan;
    std::size_t answered = 0;
    for (const Step& step : plan.steps) {
        if (const auto* root = std::get_if<AssertNotRealRoot>(&step.op)) {
            ASSERT_TRUE(step.or_else) << root->path;
            EXPECT_EQ(step.or_else->instead, std::vector<Op>{DetachMount{root->path}});
            const std::string& name = step.parts.front().hierarchy;
            EXPECT_EQ(step.or_else->give_up, (Parts{{PartKind::hierarchy, name}, {PartKind::inner_level, name}}));
            ++answered;
        }
        if (std::holds_alternative<AssertHierarchicalMemory>(step.op)) {
            ASSERT_TRUE(step.or_else);
            EXPECT_TRUE(step.or_else->instead.empty());
            EXPECT_EQ(step.or_else->give_up, (Parts{{PartKind::inner_level, "memory"}}));
            ++answered;
        }
    }
    EXPECT_EQ(answered, 5U);
}

/// A view without it cannot boot: the whole plan fails instead.
TEST(MakePlan, WhatTheInitNeedsIsNotGivenUp) {
    Scene with_systemd = scene("unknown");
    with_systemd.init = {InitKind::systemd, 252, "/lib/systemd/systemd"};
    for (const Scene& one : {with_systemd, scene("unknown-v2")}) {
        for (const Step& step : plan_of(one).plan.steps) {
            const bool needed = has_part(step.parts, {PartKind::hierarchy, "name=systemd"}) ||
                                has_part(step.parts, {PartKind::hierarchy, "unified"});
            EXPECT_FALSE(needed && step.or_else && !step.or_else->give_up.empty())
                << one.name << ": " << describe(step.op);
        }
    }
}

TEST(MakePlan, RemountOfWhatMayBeTheRealRootIsAsserted) {
    Scene unsure = scene("remount");
    unsure.cgroup_namespace = 0;
    const Lines lines = op_lines(plan_of(unsure).plan);
    ASSERT_GE(lines.size(), 2U);
    EXPECT_EQ(lines[0], "assert that /sys/fs/cgroup is not the real root");
    EXPECT_EQ(lines[1].substr(0, 26), "remount /sys/fs/cgroup (rw");
}

}  // namespace
}  // namespace cginit
