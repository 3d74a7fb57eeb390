#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

#include "core/text.hpp"
#include "kernel/support/container.hpp"
#include "kernel/support/contract.hpp"
#include "kernel/support/faults.hpp"
#include "kernel/support/runs.hpp"
#include "kernel/support/story.hpp"
#include "unit/normalized_table.hpp"

namespace cginit {
namespace {

class WholeRun : public testing::TestWithParam<Run> {};

INSTANTIATE_TEST_SUITE_P(Views, WholeRun, testing::ValuesIn(runs()),
                         [](const auto& instance) { return instance.param.spec.name; });

/// What systemd expects besides cgroups; other inits are given nothing of it.
void expect_a_home_for_systemd(const Run& run) {
    if (run.init != InitKind::systemd) {
        EXPECT_NE(join(unmet_expectations({}), "\n"), "");
        return;
    }
    Lines tmpfs{"/run", "/run/lock"};
    if (run.spec.privileged) {
        tmpfs.emplace_back("/tmp");
        EXPECT_EQ(read_text("/tmp/volume/file"), "volume\n");
        EXPECT_FALSE(std::filesystem::exists("/tmp/of-the-image"));
    }
    Lines unmet = unmet_expectations(tmpfs);
    if (run.method == Method::userns) {
        // No /dev that is mounted there opens devices, so the engine's stays, here the machine's.
        std::erase_if(unmet, [](const std::string& line) { return line.find("/dev/") != std::string::npos; });
        EXPECT_EQ(join(unmet, "\n"), "");
        return;
    }
    EXPECT_EQ(join(unmet, "\n"), "");
    std::filesystem::remove(made_in_dev(run));
    std::filesystem::create_symlink("null", made_in_dev(run));
}

void run_to_the_end(const Story& story, Kernel& kernel) {
    PlanRunner runner(kernel, story.plan, [](std::size_t, const Step&) {});
    const Status applied = runner.run_until_commit();
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_EQ(join(verify_story(story, runner), "\n"), "");
    const Status committed = runner.commit();
    ASSERT_TRUE(committed) << committed.error().message();
}

void builds_a_good_view(const Run& run) {
    start_bystander();
    EXPECT_FALSE(breaches_of_contract(expected_of(run)).empty()) << "the engine's view would do";
    KernelLinux kernel;
    run_to_the_end(prepare_story(options_of(run), traits_of(run)), kernel);
    EXPECT_EQ(join(breaches_of_contract(expected_of(run)), "\n"), "");
    expect_a_home_for_systemd(run);
    if (run.spec.secret_below_run) {
        EXPECT_EQ(read_text("/run/secrets/token"), "secret\n");
    }
}

void builds_it_twice(const Run& run) {
    for (int turn = 1; turn <= 2; ++turn) {
        KernelLinux kernel;
        run_to_the_end(prepare_story(options_of(run), traits_of(run)), kernel);
        EXPECT_EQ(join(breaches_of_contract(expected_of(run)), "\n"), "") << "run " << turn;
        expect_a_home_for_systemd(run);
    }
    // Nothing of a bound cgroup2 carries a source of its own; a remount keeps the engine's.
    const bool is_marked = run.method != Method::remount && !run.spec.name.starts_with("v2_bind");
    Options automatic = options_of(run);
    automatic.method = Method::automatic;
    EXPECT_EQ(prepare_story(automatic, traits_of(run)).decision.mounting == Mounting::keep, is_marked);
}

/// A failure leaves a process in the user namespace that it made. Then that is a child, and what counts is the container.
void in_its_own_process(const Story& story, const std::function<void()>& body) {
    if (is_irreversible(story.plan)) {
        EXPECT_EQ(run_in_child(body), 0);
    } else {
        body();
    }
}

/// The step numbered `failing` fails, and the error names it. One that another's answer gave up is never come to: then the
/// plan is taken back as a whole.
void fails_and_is_taken_back(const Story& story, std::size_t failing, int errnum) {
    FaultyKernelLinux kernel(failing, errnum);
    PlanRunner runner(kernel, story.plan, kernel.observe());
    const Step& step = story.plan.steps[failing];
    Status status = runner.run_until_commit();
    if (status && step.phase != Phase::commit) {
        EXPECT_FALSE(kernel.has_failed()) << describe(step.op);
        const Status undone = runner.roll_back();
        EXPECT_TRUE(undone) << undone.error().message();
    } else {
        status = status ? runner.commit() : status;
        const std::string wanted =
            concat({"step ", std::to_string(failing + 1), " (", step.why, "): injected: ", errno_text(errnum)});
        EXPECT_EQ(status ? "" : status.error().message(), wanted);
    }
}

void fails_without_a_trace(const Story& story, std::size_t failing, int errnum, const TestCgroups& cgroups,
                           const Lines& before) {
    in_its_own_process(story, [&] { fails_and_is_taken_back(story, failing, errnum); });
    EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n")) << describe(story.plan.steps[failing].op);
}

/// A step that has an answer to any error fails, and nothing else does. What was done instead is taken back too.
void does_without_and_is_taken_back(const Story& story, std::size_t failing, int errnum) {
    const Step& step = story.plan.steps[failing];
    FaultyKernelLinux kernel(failing, errnum);
    PlanRunner runner(kernel, story.plan, kernel.observe());
    const Status applied = runner.run_until_commit();
    ASSERT_TRUE(applied) << applied.error().message();
    for (const Part& part : step.or_else->give_up) {
        EXPECT_TRUE(has_part(runner.given_up(), part)) << part.hierarchy;
    }
    EXPECT_EQ(join(verify_story(story, runner), "\n"), "") << describe(step.op);
    const Status undone = runner.roll_back();
    EXPECT_TRUE(undone) << undone.error().message();
}

void does_without(const Story& story, std::size_t failing, int errnum, const TestCgroups& cgroups,
                  const Lines& before) {
    in_its_own_process(story, [&] { does_without_and_is_taken_back(story, failing, errnum); });
    EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n")) << describe(story.plan.steps[failing].op);
}

/// The same where there is no way back any more.
void ends_without(const Story& story, std::size_t failing) {
    FaultyKernelLinux kernel(failing);
    PlanRunner runner(kernel, story.plan, kernel.observe());
    const Status applied = runner.run_until_commit();
    ASSERT_TRUE(applied) << applied.error().message();
    const Status committed = runner.commit();
    ASSERT_TRUE(committed) << committed.error().message();
    EXPECT_EQ(runner.notes().back(), story.plan.steps[failing].or_else->why);
    EXPECT_NE(join(unmet_expectations({}), "\n").find("/ is not shared"), std::string::npos);
}

/// What follows the first step of the commit cannot be taken back.
bool is_behind_commit(const Plan& plan, std::size_t k) {
    return k > 0 && plan.steps[k].phase == Phase::commit && plan.steps[k - 1].phase == Phase::commit;
}

void fails_everywhere(const Run& run, const TestCgroups& cgroups) {
    start_bystander();
    const Story story = prepare_story(options_of(run), traits_of(run));
    const Lines before = container_facts(cgroups);
    Tally tally;
    for (std::size_t k = 0; k < story.plan.steps.size() && !testing::Test::HasFailure(); ++k) {
        const Step& step = story.plan.steps[k];
        for (std::size_t i = 0; i < kErrnos.size(); ++i) {
            if (!all_faults() && i != (k + run.spec.name.size()) % kErrnos.size()) {
                continue;
            }
            if (!step.or_else && is_behind_commit(story.plan, k)) {
                continue;  // The rehearsal is there for these.
            }
            tally.count_error(kErrnos.at(i));
            if (!step.or_else || step.or_else->only_for) {
                fails_without_a_trace(story, k, kErrnos.at(i), cgroups, before);
                ++tally.refused;
            } else if (step.phase != Phase::commit) {
                does_without(story, k, kErrnos.at(i), cgroups, before);
                ++tally.survived;
            }
        }
    }
    // A view that verify refuses is taken back as a whole.
    in_its_own_process(story, [&story] {
        KernelLinux kernel;
        PlanRunner runner(kernel, story.plan, [](std::size_t, const Step&) {});
        const Status applied = runner.run_until_commit();
        ASSERT_TRUE(applied) << applied.error().message();
        const Status undone = runner.roll_back();
        ASSERT_TRUE(undone) << undone.error().message();
    });
    EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n"));
    // After all that it still works.
    KernelLinux kernel;
    if (story.plan.steps.back().or_else) {
        ends_without(story, story.plan.steps.size() - 1);
    } else {
        run_to_the_end(story, kernel);
    }
    EXPECT_EQ(join(breaches_of_contract(expected_of(run)), "\n"), "");
    tally.print(run.spec.name);
}

TEST_P(WholeRun, GivesAPrivateConsistentWritableView) {
    CGINIT_NEEDS_KERNEL();
    in_container(GetParam(), [](const TestCgroups&) { builds_a_good_view(GetParam()); });
}

/// What the first run made is found by the second: nothing is done, or the same again.
TEST_P(WholeRun, SecondRunIsSafe) {
    CGINIT_NEEDS_KERNEL();
    in_container(GetParam(), [](const TestCgroups&) { builds_it_twice(GetParam()); });
}

TEST_P(WholeRun, EveryInjectedFailureLeavesTheEnginesView) {
    CGINIT_NEEDS_KERNEL();
    in_container(GetParam(), [](const TestCgroups& cgroups) { fails_everywhere(GetParam(), cgroups); });
}

}  // namespace
}  // namespace cginit
