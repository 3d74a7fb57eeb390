#include <gtest/gtest.h>

#include <ostream>

#include "core/path.hpp"
#include "golden/promises.hpp"

// What has to hold for every plan that the captures give, on a simulated mount table.

namespace cginit {

static void PrintTo(const Case& which, std::ostream* os) { *os << which.name(); }

namespace {

using Problems = std::vector<std::string>;

class PlanProperty : public ::testing::TestWithParam<Case> {
protected:
    void SetUp() override {
        if (!replay_.decision) {
            EXPECT_EQ(replay_.text.find("; "), replay_.text.rfind("; ")) << "one error, one cure: " << replay_.text;
            EXPECT_NE(replay_.text.find("; "), std::string::npos) << "no cure: " << replay_.text;
            done_ = true;
        }
    }
    Replay replay_ = replay(GetParam());
    bool done_ = false;
};

TEST_P(PlanProperty, PassesTheCheck) {
    if (!done_) {
        EXPECT_EQ(check_plan(replay_.world, *replay_.decision, replay_.plan), Problems());
    }
}

/// What is decided is in the plan: no check of the view sees that a limit has become the init's to raise.
TEST_P(PlanProperty, HasTheStepsOfItsDecision) {
    if (done_ || !rebuilds(*replay_.decision)) {
        return;
    }
    const std::vector<Step>& steps = replay_.plan.steps;
    const auto find = [&steps](const HierarchyDecision* choice, const auto& wanted) {
        return std::find_if(steps.begin(), steps.end(), [choice, &wanted](const Step& step) {
            return (choice == nullptr || has_part(step.parts, {PartKind::hierarchy, choice->name})) && wanted(step.op);
        });
    };
    const auto unshared = find(nullptr, [](const Op& op) {
        return std::holds_alternative<UnshareCgroupNamespace>(op) || std::holds_alternative<MakeUserNamespace>(op);
    });
    const bool by_userns = replay_.decision->authority == Authority::user_namespace;
    EXPECT_EQ(unshared != steps.end(), mounts_afresh(*replay_.decision));
    EXPECT_EQ(
        find(nullptr, [](const Op& op) { return std::holds_alternative<UnshareUserNamespace>(op); }) != steps.end(),
        by_userns);
    EXPECT_EQ(find(nullptr, [](const Op& op) { return std::holds_alternative<EnterUserNamespace>(op); }) != steps.end(),
              by_userns);
    for (const HierarchyDecision& choice : replay_.decision->hierarchies) {
        SCOPED_TRACE(choice.name);
        const auto made = find(&choice, [](const Op& op) {
            const auto* make = std::get_if<MakeCgroup>(&op);
            return make != nullptr && base_name(make->path) == kInnerName;
        });
        const auto moved = find(&choice, [](const Op& op) {
            const auto* move = std::get_if<MoveProcesses>(&op);
            return move != nullptr && base_name(move->to) == kInnerName;
        });
        EXPECT_EQ(made != steps.end(), choice.inner);
        EXPECT_EQ(moved != steps.end(), choice.inner);
        EXPECT_TRUE(!choice.inner || made < moved);
        if (choice.inner && mounts_afresh(*replay_.decision)) {
            // The namespace begins where the processes are by then.
            const auto last = std::find_if(steps.rbegin(), steps.rend(), [](const Step& step) {
                return std::holds_alternative<UnshareCgroupNamespace>(step.op) ||
                       std::holds_alternative<MakeUserNamespace>(step.op);
            });
            EXPECT_TRUE(moved < last.base());
        }
        const auto limited = find(nullptr, [](const Op& op) { return std::holds_alternative<LimitDescendants>(op); });
        EXPECT_TRUE(!limits_descendants(choice, *replay_.decision) || limited != steps.end());
    }
}

TEST_P(PlanProperty, TwoRunsAreEqual) {
    const Replay again = replay(GetParam());
    EXPECT_EQ(again.decision, replay_.decision);
    EXPECT_EQ(again.plan, replay_.plan);
    EXPECT_EQ(again.text, replay_.text);
}

TEST_P(PlanProperty, LeavesOnlyWhatIsPromised) {
    if (done_ || !rebuilds(*replay_.decision)) {
        return;
    }
    Rehearsal rehearsal(replay_.world, replay_.plan, [](const Step&) { return false; });
    rehearsal.run_until_commit();
    rehearsal.commit();
    EXPECT_EQ(broken_promises(replay_, rehearsal), Problems());
}

TEST_P(PlanProperty, WhatIsNoCgroupMountStaysInPlace) {
    if (done_) {
        return;
    }
    Rehearsal rehearsal(replay_.world, replay_.plan, [](const Step&) { return false; });
    rehearsal.run_until_commit();
    rehearsal.commit();
    EXPECT_EQ(displaced_mounts(replay_, rehearsal), Problems());
}

TEST_P(PlanProperty, RollBackRestores) {
    if (done_) {
        return;
    }
    Rehearsal rehearsal(replay_.world, replay_.plan, [](const Step&) { return false; });
    rehearsal.run_until_commit();
    rehearsal.roll_back();
    EXPECT_EQ(not_restored(replay_, rehearsal), Problems());
}

TEST_P(PlanProperty, EveryFallBackHoldsToo) {
    if (done_ || !rebuilds(*replay_.decision)) {
        return;
    }
    for (const Step& failing : replay_.plan.steps) {
        if (!failing.or_else) {
            continue;
        }
        SCOPED_TRACE(describe(failing.op));
        const auto fails = [&failing](const Step& step) { return &step == &failing; };
        Rehearsal rehearsal(replay_.world, replay_.plan, fails);
        rehearsal.run_until_commit();
        rehearsal.commit();
        EXPECT_EQ(broken_promises(replay_, rehearsal), Problems());
        Rehearsal undone(replay_.world, replay_.plan, fails);
        undone.run_until_commit();
        undone.roll_back();
        EXPECT_EQ(not_restored(replay_, undone), Problems());
    }
}

/// Whoever may name a mount or a cgroup writes into our output: a line break, what moves the cursor.
TEST_P(PlanProperty, NothingThatIsPrintedMovesTheCursor) {
    constexpr const char* kOdd = "\n\x1b[2J\x7f\xff";
    Snapshot snapshot = replay_.snapshot;
    for (MountEntry& mount : snapshot.mounts) {
        mount.source += kOdd;
        mount.super_options += mount.fstype == "cgroup" ? "" : kOdd;
        const bool ordinary = mount.point != "/" && !is_at_or_below("/proc", mount.point) &&
                              !is_at_or_below("/sys/fs/cgroup", mount.point) && !is_cgroup(mount);
        mount.point += ordinary ? kOdd : "";
    }
    snapshot.security_label += kOdd;
    snapshot.neighbour += kOdd;
    snapshot.working_directory.path += kOdd;
    snapshot.init.path += kOdd;
    EXPECT_EQ(unprintable(explanation_of(snapshot)), Problems());
    const Replay odd = replay(snapshot, GetParam().variant.options);
    EXPECT_EQ(odd.decision ? unprintable(odd.text) : Problems(), Problems());
}
TEST_P(PlanProperty, ASecondRunFindsNothingToDo) {
    const bool bound_v2 =
        !done_ && replay_.decision->mounting == Mounting::bind && replay_.decision->layout == View::unified;
    // A bind of cgroup2 on /sys/fs/cgroup keeps the engine's mount source, and where the PID namespace cannot be told nothing
    // proves who made it: those views are made anew.
    if (done_ || !rebuilds(*replay_.decision) || bound_v2 || replay_.world.mount_mark == kMountSource) {
        return;
    }
    Rehearsal rehearsal(replay_.world, replay_.plan, [](const Step&) { return false; });
    rehearsal.run_until_commit();
    rehearsal.commit();
    Options options = GetParam().variant.options;
    options.method = Method::automatic;
    const Result<Decision> second = decide(world_after(replay_, rehearsal.table(), {}), options);
    ASSERT_TRUE(second) << second.error().message();
    EXPECT_EQ(method_of(*second), Method::none) << second->method_reason;
    for (const TmpfsDecision& tmpfs : second->tmpfs) {
        EXPECT_FALSE(tmpfs.measure.taken) << tmpfs.point;
    }
    for (const Measure& measure : {second->sys_read_only, second->share_tree, second->hide_ttys}) {
        EXPECT_FALSE(measure.taken) << measure.reason;
    }
}

/// A bind has the flags of what it shows: until it is known not to be the host's root it must not be writable.
TEST(PlanChecks, WithoutItsRemountABindIsRefused) {
    std::size_t dropped = 0;
    for (const Case& which : cases()) {
        const Replay replayed = replay(which);
        for (std::size_t i = 1; i < replayed.plan.steps.size(); ++i) {
            const auto* bind = std::get_if<BindMount>(&replayed.plan.steps[i - 1].op);
            const auto* remount = std::get_if<RemountBind>(&replayed.plan.steps[i].op);
            if (bind == nullptr || remount == nullptr || remount->target != bind->to || !remount->flags.read_only ||
                !is_at_or_below(bind->to, join_path(kWorkbench, "engine"))) {
                continue;
            }
            Plan plan = replayed.plan;
            plan.steps.erase(plan.steps.begin() + static_cast<std::ptrdiff_t>(i));
            EXPECT_NE(check_plan(replayed.world, *replayed.decision, plan), Problems()) << which.name();
            ++dropped;
        }
    }
    EXPECT_GT(dropped, 0U);
}

INSTANTIATE_TEST_SUITE_P(Captures, PlanProperty, ::testing::ValuesIn(cases()),
                         [](const auto& param) { return test_name(param.param.name()); });

}  // namespace
}  // namespace cginit
