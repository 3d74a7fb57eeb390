#include "app/app.hpp"

#include <unistd.h>

#include "app/output.hpp"
#include "apply/kernel_linux.hpp"
#include "apply/plan_runner.hpp"
#include "cginit/decision.hpp"
#include "cginit/plan.hpp"
#include "core/text.hpp"
#include "detect/gather.hpp"
#include "detect/init_traits.hpp"
#include "handoff/handoff_ops.hpp"
#include "handoff/init_lookup.hpp"
#include "report/hints.hpp"
#include "report/plan_text.hpp"
#include "source/source.hpp"

namespace cginit {
namespace {

/// The init, and what was found out about the system.
struct Scene {
    InitCommand init;
    InitTraits traits;
    World world;
};

/// What is to be done about it.
struct Intent {
    Decision decision;
    Plan plan;
};

Result<World> see(const Source& source, const InitTraits& traits) {
    const auto pid = source.is_live() ? std::optional<int>(::getpid()) : std::nullopt;
    const Result<Snapshot> snapshot = gather(source, pid, traits);
    if (!snapshot) {
        return snapshot.error();
    }
    return classify(*snapshot);
}

Result<Scene> look(const Source& source, const Options& options, const Invocation& invocation) {
    Scene scene;
    if (source.is_live()) {
        Invocation own = invocation;
        own.self_exe = source.read_link_if_exists("/proc/self/exe").value_or("");
        Result<InitCommand> init = find_init(source, options, own);
        if (!init) {
            return init.error();
        }
        scene.init = std::move(*init);
        scene.traits = detect_init_traits(source, scene.init.file);
    } else {
        scene.traits = options.init_traits.value_or(InitTraits{});
    }
    Result<World> world = see(source, scene.traits);
    if (!world) {
        return world.error();
    }
    scene.world = std::move(*world);
    return scene;
}

Result<Intent> intend(const World& world, const Options& options) {
    Result<Decision> decision = decide(world, options);
    if (!decision) {
        return decision.error();
    }
    Intent intent{std::move(*decision), {}};
    intent.plan = make_plan(world, intent.decision);
    const std::vector<std::string> problems = check_plan(world, intent.decision, intent.plan);
    if (!problems.empty()) {
        return make_error(concat({"the plan is not safe here: ", join(problems, "; ")}),
                          "nothing was changed; please report this with the output of --dry-run");
    }
    return intent;
}

/// The facts are gathered again: what the init would find is judged, not what we meant to do.
Status verify(const Source& source, const Scene& scene, const Intent& intent, const PlanRunner& runner) {
    const Result<World> after = see(source, scene.traits);
    if (!after) {
        return after.error().in("verify");
    }
    std::vector<std::string> problems = check_expectations(*after, intent.decision, runner.given_up());
    // A view that was not touched keeps what it had when it was decided upon.
    if (intent.decision.method != Method::none) {
        const std::vector<std::string> more = check_view(*after, intent.decision, runner.given_up());
        problems.insert(problems.end(), more.begin(), more.end());
    }
    return problems.empty() ? Status() : Status(make_error(concat({"verify: ", join(problems, "; ")})));
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
    log_info(summary_line(scene.world, intent.decision, runner.given_up()));
}

Status rebuild(const Source& source, const Scene& scene, const Intent& intent, Kernel& kernel) {
    PlanRunner runner(kernel, intent.plan, [](std::size_t number, const Step& step) { log_step(number, step); });
    Status status = runner.run_until_commit();
    if (!status) {
        return with_cure(status, runner, scene.world);
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
    return with_cure(status, runner, scene.world);
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
    log_warning(concat({"the init runs on the engine's own view (", go_on.reason, "): ", error.message()}));
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
    const InitIdentity identity{to_string(scene.world.engine), scene.world.container_id};
    return perform_all(kernel, handoff_ops(scene.init, identity, options.drop_capabilities, invocation, ::getpid()));
}

}  // namespace

Status run(const Options& options, const Invocation& invocation) {
    KernelLinux kernel;
    const bool dry = options.action == Action::dry_run;
    Status status = perform_all(kernel, {HoldStandardDescriptors{}});
    if (status && !dry) {
        // What is gathered must not be another cginit's half-built view.
        status = perform_all(kernel, {LockMountNamespace{}, HoldSignals{}});
    }
    if (!status) {
        return status;
    }
    const Result<Source> source = Source::open(options.root);
    if (!source) {
        return source.error();
    }
    const Result<Scene> scene = look(*source, options, invocation);
    if (!scene) {
        return scene.error();
    }
    const Result<Intent> intent = intend(scene->world, options);
    if (dry) {
        return intent ? print_text(plan_text(scene->world, intent->decision, intent->plan)) : Status(intent.error());
    }
    status = intent ? rebuild(*source, *scene, *intent, kernel) : Status(intent.error());
    if (!status) {
        status = fall_back(status.error(), scene->world, options);
    }
    return status ? hand_over(*scene, options, invocation, kernel) : status;
}

}  // namespace cginit
