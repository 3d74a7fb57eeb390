#include "app/app.hpp"

#include <unistd.h>

#include <cerrno>

#include "app/capture.hpp"
#include "app/explain.hpp"
#include "app/output.hpp"
#include "app/scene.hpp"
#include "apply/kernel_linux.hpp"
#include "apply/kernel_linux_trial.hpp"
#include "apply/plan_runner.hpp"
#include "core/text.hpp"
#include "handoff/handoff_ops.hpp"
#include "report/hints.hpp"
#include "report/plan_text.hpp"

namespace cginit {
namespace {

constexpr const char* kUnpack = "--root takes a folder, into which tar -xf FILE -C FOLDER unpacks a report";

/// The facts are gathered again: what the init would find is judged, not what we meant to do.
Status verify(const Source& source, const Scene& scene, const Intent& intent, const PlanRunner& runner) {
    const Result<Sight> seen = see(source, scene.sight.world.init);
    if (!seen) {
        return seen.error().in("verify");
    }
    const World& after = seen->world;
    std::vector<std::string> problems = check_expectations(after, intent.decision, runner.given_up());
    // A view that was not touched keeps what it had when it was decided upon.
    if (intent.decision.method != Method::none) {
        const std::vector<std::string> more = check_view(after, intent.decision, runner.given_up());
        problems.insert(problems.end(), more.begin(), more.end());
    }
    return problems.empty() ? Status()
                            : Status(make_error(ErrorCode::not_as_planned, concat({"verify: ", join(problems, "; ")})));
}

Status with_cure(const Status& status, const PlanRunner& runner, const World& world) {
    if (status || runner.failed_op() == nullptr) {
        return status;
    }
    return status.error().with_cure(cure_for(*runner.failed_op(), status.error().errnum, world));
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
    log_info(summary_line(scene.sight.world, intent.decision, runner.given_up()));
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
    return error.in("rehearsal").with_cure(cure_for(plan.steps[(*refusal)->step].op, error.errnum, world));
}

/// From within its user namespace this process cannot go back to the engine's view.
Status without_return(const Plan& plan, Status status) {
    if (status || !is_irreversible(plan)) {
        return status;
    }
    Error error = status.error();
    error.kind = ErrorKind::not_undone;
    return error;
}

Status rebuild(const Source& source, const Scene& scene, const Intent& intent, Kernel& kernel) {
    PlanRunner runner(kernel, intent.plan, [](std::size_t number, const Step& step) { log_step(number, step); });
    Status status = runner.run_until_commit();
    if (!status) {
        return with_cure(status, runner, scene.sight.world);
    }
    status = intent.plan.steps.empty() ? Status() : verify(source, scene, intent, runner);
    if (!status) {
        return runner.take_back(status.error());
    }
    // The point of no return: what the engine had mounted is gone once this succeeds.
    status = runner.commit();
    if (status) {
        tell(scene, intent, runner);
    }
    return with_cure(status, runner, scene.sight.world);
}

Status rehearse_and_rebuild(const Source& source, const Scene& scene, const Intent& intent, Kernel& kernel) {
    const Status rehearsed = rehearse(intent.plan, scene.sight.world);
    return rehearsed ? without_return(intent.plan, rebuild(source, scene, intent, kernel)) : rehearsed;
}

/// `--on-failure`: the engine's own view is there as it was, and may be good enough.
Status fall_back(const Error& error, const World& world, const Options& options) {
    const Measure go_on = choose_on_failure(world, options);
    if (options.on_failure == OnFailure::exit || error.kind == ErrorKind::not_undone) {
        return error;
    }
    if (!go_on.taken) {
        return error.in(concat({"the engine's own view will not do either (", go_on.reason, ")"}));
    }
    log_warning(concat({"the init runs on the engine's own view (", go_on.reason, "): ", error.line()}));
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

Status hand_over(const Scene& scene, const Options& options, const Invocation& invocation, Kernel& kernel) {
    const InitIdentity identity{to_string(scene.sight.world.engine), scene.sight.world.container_id};
    return perform_all(kernel, handoff_ops(scene.init, identity, options.drop_capabilities, invocation, ::getpid()));
}

Status become_init(const Source& source, const Options& options, const Invocation& invocation, KernelLinux& kernel) {
    // What is gathered must not be another cginit's half-built view.
    Status status = perform_all(kernel, {LockMountNamespace{}, HoldSignals{}});
    if (!status) {
        return status;
    }
    const Result<Scene> scene = look(source, options, invocation);
    if (!scene) {
        return scene.error();
    }
    const Result<Intent> intent = intend(scene->sight.world, options);
    status = intent ? rehearse_and_rebuild(source, *scene, *intent, kernel) : Status(intent.error());
    if (!status) {
        status = fall_back(status.error(), scene->sight.world, options);
    }
    return status ? hand_over(*scene, options, invocation, kernel) : status;
}

Status print_plan(const Source& source, const Options& options, const Invocation& invocation) {
    const Result<Scene> scene = look(source, options, invocation);
    if (!scene) {
        return scene.error();
    }
    const World& world = scene->sight.world;
    const Result<Intent> intent = intend(world, options);
    return intent ? print_text(plan_text(world, intent->decision, intent->plan, text_style(invocation.environment)))
                  : Status(intent.error());
}

Result<int> exit_status_of(const Status& status) { return status ? Result<int>(0) : status.error(); }

}  // namespace

Result<int> run(const Options& options, const Invocation& invocation) {
    KernelLinux kernel;
    const Status status = perform_all(kernel, {HoldStandardDescriptors{}});
    if (!status) {
        return status.error();
    }
    Result<Source> source = Source::open(options.root);
    if (!source) {
        const bool no_folder = source.error().errnum == ENOENT || source.error().errnum == ENOTDIR;
        return no_folder ? source.error().with_cure({ErrorCode::usage, kUnpack}) : source.error();
    }
    switch (options.action) {
        case Action::run: return exit_status_of(become_init(*source, options, invocation, kernel));
        case Action::dry_run: return exit_status_of(print_plan(*source, options, invocation));
        case Action::explain: return explain(*source, options, invocation);
        case Action::capture:
            return exit_status_of(
                write_capture(*source, choose_init(*source, options, invocation), options, invocation));
    }
    return 0;
}

}  // namespace cginit
