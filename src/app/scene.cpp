#include "app/scene.hpp"

#include <unistd.h>

#include "apply/linux/calls.hpp"
#include "apply/linux/trial.hpp"
#include "core/text.hpp"
#include "detect/detect.hpp"
#include "read/gather.hpp"

namespace cginit {
namespace {

/// Of a format that only the host's binfmt_misc can know.
Result<InitCommand> try_format(InitCommand init) {
    switch (init.program.unless_registered ? kernel_executes(init.file) : Tri::yes) {
        case Tri::yes: init.program.unless_registered.reset(); break;
        case Tri::no: return *init.program.unless_registered;
        case Tri::unknown: break;
    }
    return init;
}

}  // namespace

Result<Snapshot> take_snapshot(const Source& source, const std::optional<InitTraits>& traits) {
    const auto pid = source.is_live() ? std::optional<int>(::getpid()) : std::nullopt;
    Result<Snapshot> snapshot = gather(source, pid, traits);
    if (!snapshot || !source.is_live()) {
        return snapshot;
    }
    const bool nested = !in_initial_user_namespace(*snapshot);
    if (nested) {
        snapshot->owns_cgroup_namespace = owns_cgroup_namespace();
    }
    // With the capability nobody asks, but where a mount may be locked; and each look would cost a process.
    if (!is_set(snapshot->status.effective_capabilities, kCapSysAdmin) || nested) {
        snapshot->user_namespaces = try_user_namespace();
    }
    return snapshot;
}

Result<Sight> see(const Source& source, const std::optional<InitTraits>& traits) {
    Result<Snapshot> snapshot = take_snapshot(source, traits);
    if (!snapshot) {
        return snapshot.error();
    }
    World world = classify(*snapshot);
    return Sight{std::move(*snapshot), std::move(world)};
}

Result<InitCommand> choose_init(const Source& source, const Options& options, const Invocation& invocation) {
    if (!source.is_live()) {
        return InitCommand{};
    }
    Invocation own = invocation;
    own.self_exe = source.read_link_if_exists("/proc/self/exe").value_or("");
    Result<InitCommand> init = find_init(source, options, own);
    return init ? try_format(std::move(*init)) : init;
}

std::optional<InitTraits> traits_of(const Source& source, const Options& options, const InitCommand& init) {
    if (!source.is_live()) {
        return facts_from(options).init_traits;
    }
    InitTraits traits = detect_init_traits(source, init.file);
    traits.needs = init.program.needs;
    return traits;
}

Result<Scene> look(const Source& source, const Options& options, const Invocation& invocation) {
    Result<InitCommand> init = choose_init(source, options, invocation);
    if (!init) {
        return init.error();
    }
    Result<Sight> sight = see(source, traits_of(source, options, *init));
    if (!sight) {
        return sight.error();
    }
    return Scene{std::move(*init), std::move(*sight)};
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
        return make_error(ErrorCode::not_as_planned, concat({"the plan is not safe here: ", join(problems, "; ")}),
                          {"nothing was changed; please report this with the output of --capture"});
    }
    return intent;
}

}  // namespace cginit
