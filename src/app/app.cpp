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

/// Everything that was found out and decided before anything is changed.
struct Prepared {
    InitCommand init;
    InitTraits traits;
    World world;
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

Result<Prepared> prepare(const Source& source, const Options& options, const Invocation& invocation) {
    Prepared prepared;
    if (source.is_live()) {
        Invocation own = invocation;
        own.self_exe = source.read_link_if_exists("/proc/self/exe").value_or("");
        Result<InitCommand> init = find_init(source, options, own);
        if (!init) {
            return init.error();
        }
        prepared.init = std::move(*init);
        prepared.traits = detect_init_traits(source, prepared.init.file);
    } else {
        prepared.traits = options.init_traits.value_or(InitTraits{});
    }
    Result<World> world = see(source, prepared.traits);
    if (!world) {
        return world.error();
    }
    prepared.world = std::move(*world);
    Result<Decision> decision = decide(prepared.world, options);
    if (!decision) {
        return decision.error();
    }
    prepared.decision = std::move(*decision);
    prepared.plan = make_plan(prepared.world, prepared.decision);
    const std::vector<std::string> problems = check_plan(prepared.world, prepared.decision, prepared.plan);
    if (!problems.empty()) {
        return make_error(concat({"the plan is not safe here: ", join(problems, "; ")}),
                          "nothing was changed; please report this with the output of --dry-run");
    }
    return prepared;
}

/// The facts are gathered again: what the init would find is judged, not what we meant to do.
Status verify(const Source& source, const Prepared& prepared, const PlanRunner& runner) {
    const Result<World> after = see(source, prepared.traits);
    if (!after) {
        return after.error().in("verify");
    }
    std::vector<std::string> problems = check_expectations(*after, prepared.decision, runner.given_up());
    // A view that was not touched keeps what it had when it was decided upon.
    if (prepared.decision.method != Method::none) {
        const std::vector<std::string> more = check_view(*after, prepared.decision, runner.given_up());
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

Status rebuild(const Source& source, const Prepared& prepared, Kernel& kernel) {
    PlanRunner runner(kernel, prepared.plan, [](std::size_t number, const Step& step) { log_step(number, step); });
    Status status = runner.run_until_commit();
    if (!status) {
        return with_cure(status, runner, prepared.world);
    }
    status = prepared.plan.steps.empty() ? Status() : verify(source, prepared, runner);
    if (!status) {
        const Status undone = runner.roll_back();
        return undone ? status : Status(status.error().in(undone.error().message()));
    }
    // The point of no return: what the engine had mounted is gone once this succeeds.
    status = runner.commit();
    for (const std::string& note : runner.notes()) {
        log_warning(note);
    }
    for (const std::string& detail : runner.details()) {
        log_debug(detail);
    }
    if (status) {
        log_info(summary_line(prepared.world, prepared.decision, runner.given_up()));
    }
    return with_cure(status, runner, prepared.world);
}

}  // namespace

Status run(const Options& options, const Invocation& invocation) {
    const Result<Source> source = Source::open(options.root);
    if (!source) {
        return source.error();
    }
    const Result<Prepared> prepared = prepare(*source, options, invocation);
    if (!prepared) {
        return prepared.error();
    }
    if (options.action == Action::dry_run) {
        return print_text(plan_text(prepared->world, prepared->decision, prepared->plan));
    }
    for (const std::string& warning : prepared->decision.warnings) {
        log_warning(warning);
    }
    KernelLinux kernel;
    Status status = rebuild(*source, *prepared, kernel);
    if (!status) {
        return status;
    }
    const InitIdentity identity{to_string(prepared->world.engine), prepared->world.container_id};
    const auto& dropped = prepared->decision.drop_capabilities;
    for (const Op& op : handoff_ops(prepared->init, identity, dropped, invocation, ::getpid())) {
        const Result<Outcome> outcome = kernel.perform(op);
        if (!outcome) {
            return outcome.error();
        }
    }
    return {};
}

}  // namespace cginit
