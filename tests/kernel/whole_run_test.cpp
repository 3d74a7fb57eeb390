#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "core/text.hpp"
#include "kernel/support/container.hpp"
#include "kernel/support/contract.hpp"
#include "kernel/support/story.hpp"
#include "unit/normalized_table.hpp"

namespace cginit {
namespace {

using Lines = std::vector<std::string>;

struct Run {
    ContainerSpec spec;
    Method method = Method::automatic;
    Inner inner = Inner::automatic;
    InitKind init = InitKind::busybox;
    Lines keep = {};
    std::optional<int> version = std::nullopt;
    Layout layout = Layout::automatic;
    Writable writable = Writable::all;  ///< Writable::list: blkio and pids
    /// Where `spec.id` has a cgroup at the host's root afterwards: `unified`, `systemd`; empty = nowhere.
    std::string host_cgroup = {};
};

/// Layouts that the engine does not show.
std::vector<Run> layout_runs() {
    using View = EngineView;
    // Tests run side by side, and each leaves a cgroup of that name at the machine's root.
    const std::string id =
        std::string(48, 'c') + std::to_string(1'000'000'000'000'000ULL + static_cast<unsigned>(::getpid()));
    const auto run = [](ContainerSpec spec, std::optional<int> version, Layout layout = Layout::automatic,
                        const std::string& host_cgroup = "") {
        return Run{std::move(spec),
                   Method::automatic,
                   Inner::automatic,
                   version ? InitKind::systemd : InitKind::busybox,
                   {},
                   version,
                   layout,
                   Writable::all,
                   host_cgroup};
    };
    return {
        run({.name = "hidden_v2", .view = View::docker_v1}, std::nullopt, Layout::unified),
        run({.name = "hidden_v2_private", .view = View::docker_v1, .private_cgroup_namespace = true}, std::nullopt,
            Layout::unified),
        run({.name = "added_v2", .view = View::docker_v1}, 252),
        run({.name = "added_v2_private", .view = View::docker_v1, .private_cgroup_namespace = true}, 257),
        run({.name = "no_own_v2_private",
             .view = View::docker_v1,
             .private_cgroup_namespace = true,
             .v2_at_host_root = true},
            252),
        run({.name = "at_v2_root", .view = View::docker_v1, .v2_at_host_root = true, .id = id}, 262, Layout::automatic,
            "unified"),
        run({.name = "at_v2_root_private",
             .view = View::docker_v1,
             .private_cgroup_namespace = true,
             .v2_at_host_root = true,
             .id = id},
            262, Layout::automatic, "unified"),
        run({.name = "own_v2_and_permission", .view = View::docker_v1, .private_cgroup_namespace = true, .id = id},
            262),
        run({.name = "tracking", .view = View::docker_v2, .id = id}, 219, Layout::automatic, "systemd"),
    };
}

Run as_systemd(const ContainerSpec& spec, Method method = Method::automatic) {
    return {spec, method, Inner::automatic, InitKind::systemd, {}, 252};
}

std::vector<Run> runs() {
    using View = EngineView;
    std::vector<Run> all{
        {{.name = "v1_host", .view = View::docker_v1}},
        {{.name = "v1_private", .view = View::docker_v1, .private_cgroup_namespace = true}},
        {{.name = "v1_host_no_inner", .view = View::docker_v1}, Method::name_space, Inner::never},
        {{.name = "v1_bind", .view = View::docker_v1}, Method::bind},
        {{.name = "v1_bind_no_inner", .view = View::docker_v1}, Method::bind, Inner::never},
        {{.name = "hybrid_host", .view = View::docker_hybrid}},
        {{.name = "hybrid_private", .view = View::docker_hybrid, .private_cgroup_namespace = true}},
        {{.name = "hybrid_bind", .view = View::docker_hybrid}, Method::bind},
        {{.name = "v2_host", .view = View::docker_v2}},
        {{.name = "v2_private", .view = View::docker_v2, .private_cgroup_namespace = true}},
        {{.name = "v2_bind", .view = View::docker_v2}, Method::bind},
        {{.name = "v2_remount", .view = View::docker_v2, .private_cgroup_namespace = true},
         Method::remount,
         Inner::never},
        {{.name = "whole_tree_host", .view = View::whole_tree}},
        {{.name = "whole_tree_private", .view = View::whole_tree, .private_cgroup_namespace = true}},
        {{.name = "whole_tree_bind", .view = View::whole_tree}, Method::bind},
        {{.name = "podman_stacked", .view = View::podman_stacked}},
        {{.name = "root_stacked", .view = View::root_stacked}},
        {{.name = "v1_systemd_with_run", .view = View::docker_v1, .secret_below_run = true},
         Method::automatic,
         Inner::automatic,
         InitKind::systemd,
         {},
         252},
        as_systemd({.name = "v1_privileged", .view = View::docker_v1, .secret_below_run = true, .privileged = true}),
        as_systemd({.name = "v2_privileged_host_dev",
                    .view = View::docker_v2,
                    .private_cgroup_namespace = true,
                    .privileged = true,
                    .host_dev = true}),
        as_systemd({.name = "v2_shared_tree", .view = View::docker_v2, .privileged = true, .shared_tree = true}),
        as_systemd({.name = "v2_bind_systemd", .view = View::docker_v2, .privileged = true}, Method::bind),
        {{.name = "v2_elsewhere", .view = View::docker_v2, .elsewhere_read_only = true}},
        {{.name = "v2_elsewhere_kept", .view = View::docker_v2, .elsewhere_writable = true},
         Method::automatic,
         Inner::automatic,
         InitKind::busybox,
         {"/cginit-host/cgroup"}},
    };
    for (const Writable writable : {Writable::tracking, Writable::list}) {
        for (const View view : {View::docker_hybrid, View::docker_v2}) {
            Run run{{.name = concat({"writable_", to_string(writable), view == View::docker_v2 ? "_v2" : ""}),
                     .view = view}};
            run.writable = writable;
            all.push_back(std::move(run));
        }
    }
    for (Run& run : layout_runs()) {
        all.push_back(std::move(run));
    }
    return all;
}

Options options_of(const Run& run) {
    Options options;
    options.layout = run.layout;
    options.writable = run.writable;
    if (run.writable == Writable::list) {
        options.writable_controllers = {"blkio", "pids"};
    }
    options.allow_host_cgroup = !run.spec.id.empty();
    options.method = run.method;
    options.inner = run.inner;
    options.keep_mounts = run.keep;
    return options;
}

ExpectedView expected_of(const Run& run) {
    using View = EngineView;
    const bool unified =
        run.spec.view == View::docker_v2 || run.spec.view == View::root_stacked || run.layout == Layout::unified;
    Lines read_only = {"blkio"};
    if (run.writable == Writable::tracking) {
        read_only = {"blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"};
    } else if (run.writable == Writable::list) {
        read_only = {"cpu", "cpuacct", "cpuset", "devices", "freezer", "memory"};
    } else if (run.inner == Inner::never) {
        read_only = {};
    }
    return {run.keep, read_only, unified && run.init == InitKind::busybox && run.method != Method::remount};
}

InitTraits traits_of(const Run& run) { return {run.init, run.version, ""}; }

void PrintTo(const Run& run, std::ostream* out) { *out << run.spec.name; }

class WholeRun : public testing::TestWithParam<Run> {};

INSTANTIATE_TEST_SUITE_P(Views, WholeRun, testing::ValuesIn(runs()),
                         [](const auto& instance) { return instance.param.spec.name; });

/// What systemd makes in /dev is the container's own, even if that is the machine's /dev.
std::string made_in_dev(const Run& run) { return concat({"/dev/cginit-test-", run.spec.name}); }

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
    EXPECT_EQ(join(unmet_expectations(tmpfs), "\n"), "");
    std::filesystem::remove(made_in_dev(run));
    std::filesystem::create_symlink("null", made_in_dev(run));
}

/// The machine before and after: nothing that the container did is seen outside of it.
void expect_host_untouched(const Lines& before) {
    const Lines after = host_facts();
    for (const std::string& fact : before) {
        EXPECT_NE(std::find(after.begin(), after.end(), fact), after.end()) << "gone from the machine: " << fact;
    }
    for (const std::string& fact : after) {
        EXPECT_NE(std::find(before.begin(), before.end(), fact), before.end()) << "new on the machine: " << fact;
    }
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
    EXPECT_EQ(prepare_story(automatic, traits_of(run)).decision.method == Method::none, is_marked);
}

/// The step numbered `failing` fails; all is as before, and the error names the step. One that another's answer gave
/// up is never come to: then the plan is taken back as a whole.
void fails_without_a_trace(const Story& story, std::size_t failing, const TestCgroups& cgroups, const Lines& before) {
    FaultyKernelLinux kernel(failing);
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
            concat({"step ", std::to_string(failing + 1), " (", step.why, "): injected: Input/output error"});
        EXPECT_EQ(status ? "" : status.error().message(), wanted);
    }
    EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n")) << describe(step.op);
}

/// A step that has an answer fails, and nothing else does. What was done instead is taken back too.
void does_without(const Story& story, std::size_t failing, const TestCgroups& cgroups, const Lines& before) {
    const Step& step = story.plan.steps[failing];
    FaultyKernelLinux kernel(failing);
    PlanRunner runner(kernel, story.plan, kernel.observe());
    const Status applied = runner.run_until_commit();
    ASSERT_TRUE(applied) << applied.error().message();
    for (const std::string& part : step.or_else->give_up) {
        const auto& given_up = runner.given_up();
        EXPECT_NE(std::find(given_up.begin(), given_up.end(), part), given_up.end()) << part;
    }
    EXPECT_EQ(join(verify_story(story, runner), "\n"), "") << describe(step.op);
    const Status undone = runner.roll_back();
    EXPECT_TRUE(undone) << undone.error().message();
    EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n")) << describe(step.op);
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

void fails_everywhere(const Run& run, const TestCgroups& cgroups) {
    start_bystander();
    const Story story = prepare_story(options_of(run), traits_of(run));
    const Lines before = container_facts(cgroups);
    for (std::size_t k = 0; k < story.plan.steps.size() && !testing::Test::HasFailure(); ++k) {
        const Step& step = story.plan.steps[k];
        if (!step.or_else) {
            fails_without_a_trace(story, k, cgroups, before);
        } else if (step.phase != Phase::commit) {
            does_without(story, k, cgroups, before);
        }
    }
    // A view that verify refuses is taken back as a whole.
    KernelLinux kernel;
    PlanRunner runner(kernel, story.plan, [](std::size_t, const Step&) {});
    const Status applied = runner.run_until_commit();
    ASSERT_TRUE(applied) << applied.error().message();
    const Status undone = runner.roll_back();
    ASSERT_TRUE(undone) << undone.error().message();
    EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n"));
    // After all that it still works.
    if (story.plan.steps.back().or_else) {
        ends_without(story, story.plan.steps.size() - 1);
    } else {
        run_to_the_end(story, kernel);
    }
    EXPECT_EQ(join(breaches_of_contract(expected_of(run)), "\n"), "");
    std::printf("[  FAULTS  ] %zu injected, 1 refused by verify: %s\n", story.plan.steps.size(), run.spec.name.c_str());
}

std::size_t terminals_of_the_machine() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/dev")) {
        count += entry.path().filename().string().starts_with("tty") ? 1U : 0U;
    }
    return count;
}

/// Runs `body` in a container as the parameter says, and compares the machine before and after.
void in_container(const Run& run, const std::function<void(const TestCgroups&)>& body) {
    const Lines host = host_facts();
    const std::size_t terminals = terminals_of_the_machine();
    {
        const TestCgroups cgroups;
        EXPECT_EQ(run_private_container(run.spec, cgroups, [&] { body(cgroups); }), 0);
    }
    if (!run.host_cgroup.empty()) {
        const std::string left = concat({"/sys/fs/cgroup/", run.host_cgroup, "/cginit-", run.spec.id});
        EXPECT_EQ(::rmdir(left.c_str()), 0) << left << " is not what the container left";
    }
    expect_host_untouched(host);
    EXPECT_FALSE(std::filesystem::remove(made_in_dev(run)));
    EXPECT_EQ(terminals_of_the_machine(), terminals);
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
