#include "app/app.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "advice/advice.hpp"
#include "app/output.hpp"
#include "app/scene.hpp"
#include "apply/linux/kernel_linux.hpp"
#include "apply/linux/trial.hpp"
#include "apply/plan_runner.hpp"
#include "core/text.hpp"
#include "handoff/handoff_ops.hpp"
#include "handoff/program_check.hpp"
#include "report/plan_text.hpp"

namespace cginit {
namespace {

/// What the init would find is judged, not what we meant to do: whatever the plan was, and if it was none.
std::vector<std::string> problems_of(const World& after, const Intent& intent, const PlanRunner& runner) {
    std::vector<std::string> problems = check_expectations(after, intent.decision, runner.given_up());
    for (const auto& more :
         {check_view(after, intent.decision, runner.given_up()), check_holdings(after, intent.decision)}) {
        problems.insert(problems.end(), more.begin(), more.end());
    }
    return problems;
}

/// The facts are gathered again, and the program looked for once more: it may have lain where there is something else now.
Status verify(const Source& source, const Scene& scene, const Intent& intent, const PlanRunner& runner) {
    std::vector<std::string> problems;
    if (intent.plan.steps.empty()) {
        problems = problems_of(scene.sight.world, intent, runner);
    } else {
        const Result<Snapshot> seen = take_snapshot(source, scene.sight.world.init);
        if (!seen) {
            return seen.error().in("verify");
        }
        problems = problems_of(classify_again(*seen, scene.sight.world), intent, runner);
        if (const Result<Program> there = check_program(source, scene.init.file); !there) {
            return there.error().in("verify: the init is gone");
        }
    }
    return problems.empty() ? Status()
                            : Status(make_error(ErrorCode::not_as_planned, concat({"verify: ", join(problems, "; ")})));
}

Status with_hint(const Status& status, const PlanRunner& runner, const World& world) {
    if (status || runner.failed_op() == nullptr) {
        return status;
    }
    return status.error().with_hint(hint_for(*runner.failed_op(), status.error().errnum, world));
}

void tell(const Scene& scene, const Intent& intent, const PlanRunner& runner) {
    for (const std::string& warning : intent.decision.warnings) {
        log_warning(warning);
    }
    for (const std::string& note : runner.notes()) {
        log_warning(note);
    }
    for (const std::string& detail : runner.details()) {
        log_debug(detail);
    }
    const std::string summary = summary_line(scene.sight.world, intent.decision, runner.given_up());
    if (intent.decision.weakened.empty()) {
        log_info(summary);
    } else {
        log_at_every_level(LogLevel::info, summary);
    }
}

/// A plan that cannot be taken back in this process is first walked in another, which takes back what it did to cgroups.
Status rehearse(const Plan& plan, const World& world) {
    if (!is_irreversible(plan)) {
        return {};
    }
    const Result<std::optional<Refusal>> refusal = rehearse_plan(plan);
    if (!refusal) {
        return refusal.error().in("rehearsal");
    }
    if (!*refusal) {
        return {};
    }
    const Error& error = (*refusal)->error;
    return error.in("rehearsal").with_hint(hint_for(plan.steps[(*refusal)->step].op, error.errnum, world));
}

/// From within a user or a cgroup namespace that cannot be left this process cannot go back to the engine's view.
Status without_return(const PlanRunner& runner, Status status) {
    if (status || !runner.is_past_return()) {
        return status;
    }
    Error error = status.error();
    error.kind = ErrorKind::not_undone;
    return error;
}

Status rebuild(const Source& source, const Scene& scene, const Intent& intent, PlanRunner& runner) {
    Status status = runner.run_until_commit();
    if (!status) {
        return with_hint(status, runner, scene.sight.world);
    }
    status = verify(source, scene, intent, runner);
    if (!status) {
        return runner.take_back(status.error());
    }
    // The point of no return: what the engine had mounted is gone once this succeeds.
    status = runner.commit();
    if (status) {
        tell(scene, intent, runner);
    }
    return with_hint(status, runner, scene.sight.world);
}

Status rehearse_and_rebuild(const Source& source, const Scene& scene, const Intent& intent, Kernel& kernel) {
    Status rehearsed = rehearse(intent.plan, scene.sight.world);
    if (!rehearsed) {
        return rehearsed;
    }
    PlanRunner runner(kernel, intent.plan, [](std::size_t number, const Step& step) { log_step(number, step); });
    return without_return(runner, rebuild(source, scene, intent, runner));
}

/// `--on-failure`: the engine's own view is there as it was, and may be good enough.
Status fall_back(const Error& failure, const World& world, const Options& options) {
    const Measure go_on = choose_on_failure(world, options);
    const Error error = in_words_of_place(failure, world);
    if (options.on_failure == OnFailure::exit || error.kind == ErrorKind::not_undone) {
        return error;
    }
    if (!go_on.taken) {
        return error.in(concat({"the engine's own view will not do either (", go_on.reason, ")"}));
    }
    const auto source = options.sources.find("--on-failure");
    log_at_every_level(
        LogLevel::warning,
        concat({"the init runs on the engine's own view (", go_on.reason, "), weakened: on-failure=continue (",
                source == options.sources.end() ? "command line" : source->second, "): ", error.line()}));
    return {};
}

Status perform_all(Kernel& kernel, const std::vector<Op>& ops) {
    for (const Op& op : ops) {
        const Result<Outcome> outcome = kernel.perform(op);
        if (!outcome) {
            return outcome.error();
        }
    }
    return {};
}

/// A plan with a user namespace has dropped the capabilities itself: `to_drop` is empty then. What is relative to the working
/// directory is so no more where that was left.
Status hand_over(const Scene& scene, const std::vector<std::string>& to_drop, bool left_directory,
                 const Invocation& invocation, Kernel& kernel) {
    const bool is_activated = environment_value(invocation.environment, kListenPidfdId) != nullptr;
    const InitIdentity identity{to_string(scene.sight.world.engine), scene.sight.world.container_id,
                                is_activated ? own_pidfd_id() : std::nullopt};
    InitCommand init = scene.init;
    if (!init.path.starts_with('/') && left_directory) {
        init.path = init.file;
    }
    return perform_all(kernel, handoff_ops(init, identity, to_drop, invocation));
}

bool leaves_directory(const Plan& plan) {
    return std::any_of(plan.steps.begin(), plan.steps.end(),
                       [](const Step& step) { return std::holds_alternative<EnterDirectory>(step.op); });
}

/// Nothing that the engine, or whoever wrote $LISTEN_FDS, left open leads the init out of its view.
Status close_inherited(const Source& source, const Invocation& invocation, Kernel& kernel) {
    if (!source.exists("/proc/self/fd")) {
        return {};  // Nothing will come of it, and that is told where the facts are gathered.
    }
    const CloseDescriptors closing =
        descriptors_to_close(invocation.environment, ::getpid(), source.inherited_descriptors());
    for (const int number : closing.others) {
        log_warning(concat({"descriptor ", std::to_string(number),
                            " would lead the init out of its view (a directory, a cgroup or a namespace): closed"}));
    }
    return perform_all(kernel, {closing});
}

Status become_init(const Source& source, const Options& options, const Invocation& invocation, KernelLinux& kernel) {
    // What is gathered must not be another cginit's half-built view.
    Status status = perform_all(kernel, {HideFromOthers{}, LockMountNamespace{}, HoldSignals{}, HoldUmask{}});
    status = status ? close_inherited(source, invocation, kernel) : status;
    if (!status) {
        return status;
    }
    const Result<Scene> scene = look(source, options, invocation);
    if (!scene) {
        return scene.error();
    }
    if (const auto& refusal = scene->init.program.unless_registered) {
        log_warning(concat({refusal->message(), ", unless the host's binfmt_misc knows it, which could not be tried"}));
    }
    const Result<Intent> intent = intend(scene->sight.world, options);
    status = intent ? rehearse_and_rebuild(source, *scene, *intent, kernel) : Status(intent.error());
    std::vector<std::string> to_drop = options.drop_capabilities;
    bool left_directory = false;
    if (!status) {
        status = fall_back(status.error(), scene->sight.world, options);
    } else {
        to_drop = intent->decision.authority == Authority::user_namespace ? std::vector<std::string>() : to_drop;
        left_directory = leaves_directory(intent->plan);
    }
    return status ? hand_over(*scene, to_drop, left_directory, invocation, kernel) : status;
}

Result<int> exit_status_of(const Status& status) { return status ? Result<int>(0) : status.error(); }

}  // namespace

Result<int> run(const Options& options, const Invocation& invocation) {
    KernelLinux kernel;
    const Status status = perform_all(kernel, {HoldStandardDescriptors{}});
    if (!status) {
        return status.error();
    }
    Result<Source> source = Source::open(facts_from(options).root);
    if (!source) {
        return source.error().with_hint({ErrorCode::usage, {}, {"--root takes what cginit --capture wrote"}});
    }
    struct Doer {
        Source& source;
        const Options& options;
        const Invocation& invocation;
        KernelLinux& kernel;
        Result<int> operator()(const BecomeInit& /*action*/) const {
            return exit_status_of(become_init(source, options, invocation, kernel));
        }
        Result<int> operator()(const PrintPlan& /*action*/) const {
            return exit_status_of(print_plan(source, options, invocation));
        }
        Result<int> operator()(const Explain& action) const { return explain(source, action.as, options, invocation); }
        Result<int> operator()(const WriteCapture& action) const {
            return exit_status_of(
                write_capture(source, choose_init(source, options, invocation), action.file, options, invocation));
        }
    };
    return std::visit(Doer{*source, options, invocation, kernel}, options.action);
}

}  // namespace cginit
