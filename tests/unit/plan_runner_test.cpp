#include "apply/plan_runner.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "core/text.hpp"
#include "plan/simulate.hpp"
#include "unit/normalized_table.hpp"
#include "unit/plan_scenes.hpp"

namespace cginit {
namespace {

using Lines = std::vector<std::string>;

/// Writes down what it is asked to do, fails the calls whose numbers (from 0) are given, and keeps a mount table.
class FaultyKernel : public Kernel {
public:
    explicit FaultyKernel(std::vector<std::size_t> failing, MountTable table = {})
        : failing_(std::move(failing)), mounts_(std::move(table)) {}

    Result<Outcome> perform(const Op& op) override {
        performed.push_back(describe(op));
        if (std::find(failing_.begin(), failing_.end(), performed.size() - 1) != failing_.end()) {
            return make_errno_error(EACCES, concat({"call(", std::to_string(performed.size() - 1), ")"}));
        }
        const std::string trouble = mounts_.apply(op);
        return trouble.empty() ? Result<Outcome>(Outcome{}) : Result<Outcome>(make_error(ErrorCode::usage, trouble));
    }
    [[nodiscard]] Lines table() const { return normalized(mounts_.table()); }

    Lines performed;

private:
    std::vector<std::size_t> failing_;
    SimulatedMounts mounts_;
};

void ignore(std::size_t /*number*/, const Step& /*step*/) {}

/// After the first step of the commit nothing can be taken back.
bool is_behind_commit(const Plan& plan, std::size_t k) {
    return k > 0 && plan.steps[k].phase == Phase::commit && plan.steps[k - 1].phase == Phase::commit;
}

/// What has to be performed if the step at `failing` fails: all before it, itself, and the undos backwards.
Lines expected_ops(const Plan& plan, std::size_t failing) {
    Lines expected;
    for (std::size_t i = 0; i <= failing; ++i) {
        expected.push_back(describe(plan.steps[i].op));
    }
    for (std::size_t i = failing; i-- > 0;) {
        if (plan.steps[i].undo) {
            expected.push_back(describe(*plan.steps[i].undo));
        }
    }
    return expected;
}

/// For an error that is none of the facts that a step asks for.
bool is_answered(const Step& step) { return step.or_else && !step.or_else->only_for; }

class PlanRunnerForEach : public testing::TestWithParam<Scene> {};

INSTANTIATE_TEST_SUITE_P(Scenes, PlanRunnerForEach, testing::ValuesIn(scenes()), [](const auto& instance) {
    std::string name = instance.param.name;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

TEST_P(PlanRunnerForEach, PerformsAllInOrder) {
    const Planned planned = plan_of(GetParam());
    FaultyKernel kernel({}, planned.world.mounts);
    Lines observed;
    PlanRunner runner(kernel, planned.plan, [&observed](std::size_t number, const Step& step) {
        EXPECT_EQ(number, observed.size() + 1);
        observed.push_back(describe(step.op));
    });
    EXPECT_TRUE(runner.run_until_commit());
    EXPECT_TRUE(runner.commit());
    EXPECT_EQ(kernel.performed, op_lines(planned.plan));
    EXPECT_EQ(observed, kernel.performed);
    EXPECT_EQ(runner.failed_op(), nullptr);
    EXPECT_TRUE(runner.given_up().empty());
}

TEST_P(PlanRunnerForEach, EveryFailureTakesBackWhatWasDone) {
    const Planned planned = plan_of(GetParam());
    for (std::size_t k = 0; k < planned.plan.steps.size(); ++k) {
        const Step& step = planned.plan.steps[k];
        if (is_answered(step) || is_behind_commit(planned.plan, k)) {
            continue;
        }
        FaultyKernel kernel({k}, planned.world.mounts);
        PlanRunner runner(kernel, planned.plan, ignore);
        Status status = runner.run_until_commit();
        if (status) {
            status = runner.commit();
        }
        ASSERT_FALSE(status) << k;
        EXPECT_EQ(kernel.performed, expected_ops(planned.plan, k)) << k;
        EXPECT_EQ(kernel.table(), normalized(planned.world.mounts)) << k;
        EXPECT_EQ(status.error().message(), concat({"step ", std::to_string(k + 1), " (", step.why, "): call(",
                                                    std::to_string(k), "): Permission denied"}));
        ASSERT_NE(runner.failed_op(), nullptr) << k;
        EXPECT_EQ(*runner.failed_op(), step.op) << k;
    }
}

/// What fails before that step leaves all as it was, and the engine's view may do.
TEST_P(PlanRunnerForEach, KnowsWhetherThePointOfNoReturnWasPassed) {
    const Planned planned =
        plan_of(GetParam(), [](World& world, Decision& /*decision*/) { world.owns_cgroup_namespace = Tri::no; });
    const std::vector<Step>& steps = planned.plan.steps;
    const auto point =
        std::find_if(steps.begin(), steps.end(), [](const Step& step) { return step.scope == Scope::irreversible; });
    for (std::size_t k = 0; k < steps.size() && steps[k].phase != Phase::commit; ++k) {
        if (!is_answered(steps[k])) {
            FaultyKernel kernel({k}, planned.world.mounts);
            PlanRunner runner(kernel, planned.plan, ignore);
            EXPECT_FALSE(runner.run_until_commit());
            EXPECT_EQ(runner.is_past_return(), k >= static_cast<std::size_t>(point - steps.begin())) << k;
        }
    }
}

TEST_P(PlanRunnerForEach, BehindTheCommitAFailureIsTheEnd) {
    const Planned planned = plan_of(GetParam());
    for (std::size_t k = 0; k < planned.plan.steps.size(); ++k) {
        if (is_answered(planned.plan.steps[k]) || !is_behind_commit(planned.plan, k)) {
            continue;
        }
        FaultyKernel kernel({k}, planned.world.mounts);
        PlanRunner runner(kernel, planned.plan, ignore);
        ASSERT_TRUE(runner.run_until_commit());
        const Status status = runner.commit();
        ASSERT_FALSE(status) << k;
        EXPECT_EQ(status.error().kind, ErrorKind::not_undone) << k;
        EXPECT_EQ(kernel.performed.size(), k + 1) << "nothing comes after it";
    }
}

TEST_P(PlanRunnerForEach, RollBackAfterTheLastStepBeforeCommitRestoresTheTable) {
    const Planned planned = plan_of(GetParam());
    FaultyKernel kernel({}, planned.world.mounts);
    PlanRunner runner(kernel, planned.plan, ignore);
    EXPECT_TRUE(runner.run_until_commit());
    EXPECT_TRUE(runner.roll_back());
    EXPECT_EQ(kernel.table(), normalized(planned.world.mounts));
    // Nothing is taken back twice.
    const std::size_t performed = kernel.performed.size();
    EXPECT_TRUE(runner.roll_back());
    EXPECT_EQ(kernel.performed.size(), performed);
}

/// A step with an answer does not fail the plan; a later failure takes back what the answer left.
TEST_P(PlanRunnerForEach, EveryAnswerIsFollowed) {
    const Planned planned = plan_of(GetParam());
    for (std::size_t k = 0; k < planned.plan.steps.size(); ++k) {
        const Step& step = planned.plan.steps[k];
        if (!is_answered(step)) {
            continue;
        }
        FaultyKernel kernel({k}, planned.world.mounts);
        PlanRunner runner(kernel, planned.plan, ignore);
        ASSERT_TRUE(runner.run_until_commit()) << k;
        const bool at_the_end = step.phase == Phase::commit;
        EXPECT_TRUE(!at_the_end || runner.commit()) << k << ": nothing may fail after commit";
        EXPECT_EQ(runner.given_up(), step.or_else->give_up) << k;
        EXPECT_EQ(runner.notes(), step.or_else->quiet ? Lines{} : Lines{step.or_else->why}) << k;
        for (std::size_t later = k + 1; later < planned.plan.steps.size(); ++later) {
            const Step& other = planned.plan.steps[later];
            const bool given_up = std::any_of(other.parts.begin(), other.parts.end(),
                                              [&](const Part& part) { return has_part(step.or_else->give_up, part); });
            const bool performed = std::find(kernel.performed.begin(), kernel.performed.end(), describe(other.op)) !=
                                   kernel.performed.end();
            EXPECT_TRUE(other.phase == Phase::commit || performed == !given_up) << k << ": " << describe(other.op);
        }
        EXPECT_TRUE(at_the_end || runner.roll_back()) << k;
        EXPECT_EQ(kernel.table() == normalized(planned.world.mounts), !at_the_end) << k;
    }
}

Step step(Op op, std::optional<Op> undo = std::nullopt, Phase phase = Phase::prepare) {
    Step made;
    made.phase = phase;
    made.op = std::move(op);
    made.why = "because";
    made.undo = std::move(undo);
    return made;
}

Plan small_plan() {
    return {{step(MakeDirectory{"/1"}, DetachMount{"/1"}), step(MakeDirectory{"/2"}),
             step(MakeDirectory{"/3"}, DetachMount{"/3"}), step(MakeDirectory{"/4"}),
             step(DetachMount{"/5"}, std::nullopt, Phase::commit),
             step(DetachMount{"/6"}, std::nullopt, Phase::commit)}};
}

/// Performs everything but what it is told to fail, by its text.
class RefusingKernel : public Kernel {
public:
    explicit RefusingKernel(Lines refused) : refused_(std::move(refused)) {}
    Result<Outcome> perform(const Op& op) override {
        performed.push_back(describe(op));
        const bool refuse = std::find(refused_.begin(), refused_.end(), performed.back()) != refused_.end();
        return refuse ? Result<Outcome>(make_errno_error(EBUSY, "call")) : Result<Outcome>(Outcome{{"note"}});
    }
    Lines performed;

private:
    Lines refused_;
};

TEST(PlanRunner, RollBackGoesOnAfterItsOwnFailureAndTellsTheFirst) {
    RefusingKernel kernel({"make directory /4", "detach /3", "detach /1"});
    const Plan plan = small_plan();
    PlanRunner runner(kernel, plan, ignore);
    const Status status = runner.run_until_commit();
    ASSERT_FALSE(status);
    EXPECT_EQ(kernel.performed, (Lines{"make directory /1", "make directory /2", "make directory /3",
                                       "make directory /4", "detach /3", "detach /1"}));
    const std::string message = status.error().message();
    EXPECT_NE(message.find("step 4 (because): call: Device or resource busy"), std::string::npos) << message;
    EXPECT_NE(message.find("roll-back of step 3: call: Device or resource busy"), std::string::npos) << message;
    EXPECT_EQ(message.find("roll-back of step 1"), std::string::npos) << message;
}

TEST(PlanRunner, CommitRollsBackOnlyWhileNothingIsGone) {
    const Plan plan = small_plan();
    RefusingKernel first({"detach /5"});
    PlanRunner first_runner(first, plan, ignore);
    ASSERT_TRUE(first_runner.run_until_commit());
    const Status failed = first_runner.commit();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message(), "step 5 (because): call: Device or resource busy");
    EXPECT_EQ(first.performed.back(), "detach /1");

    RefusingKernel second({"detach /6"});
    PlanRunner second_runner(second, plan, ignore);
    ASSERT_TRUE(second_runner.run_until_commit());
    EXPECT_FALSE(second_runner.commit());
    EXPECT_EQ(second.performed.back(), "detach /6");
}

TEST(PlanRunner, NotesAreKeptInOrder) {
    RefusingKernel kernel({"make directory /2"});
    Plan plan = small_plan();
    plan.steps[1].or_else = OrElse{{}, {{PartKind::ttys}}, "without 2"};
    plan.steps[2].parts = {{PartKind::ttys}};
    PlanRunner runner(kernel, plan, ignore);
    EXPECT_TRUE(runner.run_until_commit());
    EXPECT_EQ(runner.notes(), (Lines{"note", "without 2", "note"}));
    EXPECT_EQ(kernel.performed, (Lines{"make directory /1", "make directory /2", "make directory /4"}));
}

/// The answer itself can fail: then the step has failed.
TEST(PlanRunner, FailedAnswerFailsTheStep) {
    RefusingKernel kernel({"make directory /4", "make directory /instead"});
    Plan plan = small_plan();
    plan.steps[3].or_else = OrElse{{MakeDirectory{"/instead"}}, {{PartKind::ttys}}, "without 4"};
    PlanRunner runner(kernel, plan, ignore);
    const Status status = runner.run_until_commit();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message(), "step 4 (because): call: Device or resource busy");
    EXPECT_EQ(kernel.performed.back(), "detach /1");
    EXPECT_TRUE(runner.given_up().empty());
}

/// An answer to one error is none to another: the kernel's EBUSY does not say that it is the host's root.
TEST(PlanRunner, AnAnswerToOneErrorIsNoneToAnother) {
    for (const auto& [answered, goes_on] :
         {std::pair(ErrorCode::system_call, true), std::pair(ErrorCode::host_root, false)}) {
        RefusingKernel kernel({"make directory /4"});
        Plan plan = small_plan();
        plan.steps[3].or_else = OrElse{{}, {{PartKind::ttys}}, "without 4", false, answered};
        PlanRunner runner(kernel, plan, ignore);
        EXPECT_EQ(bool(runner.run_until_commit()), goes_on);
        EXPECT_EQ(runner.given_up().empty(), !goes_on);
        EXPECT_EQ(kernel.performed.back() == "detach /1", !goes_on);
    }
}

/// A part that fell back undid itself; what it shares with others is still taken back.
TEST(PlanRunner, GivenUpPartsAreNotTakenBackTwice) {
    RefusingKernel kernel({"make directory /2", "make directory /4"});
    Plan plan = small_plan();
    plan.steps[0].parts = {{PartKind::ttys}};
    plan.steps[1].or_else = OrElse{{DetachMount{"/1"}}, {{PartKind::ttys}}, "without it"};
    PlanRunner runner(kernel, plan, ignore);
    EXPECT_FALSE(runner.run_until_commit());
    EXPECT_EQ(kernel.performed, (Lines{"make directory /1", "make directory /2", "detach /1", "make directory /3",
                                       "make directory /4", "detach /3"}));
}

}  // namespace
}  // namespace cginit
