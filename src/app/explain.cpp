#include "app/app.hpp"

#include <algorithm>

#include "advice/advice.hpp"
#include "app/output.hpp"
#include "app/scene.hpp"
#include "apply/linux/trial.hpp"
#include "core/text.hpp"
#include "detect/detect.hpp"
#include "read/proc_files.hpp"
#include "report/explanation.hpp"

namespace cginit {
namespace {

/// The step that was refused.
Error error_of(const Refusal& refusal, const Plan& plan, const World& world) {
    const Op& op = plan.steps[refusal.step].op;
    const int errnum = refusal.error.errnum;
    return make_errno_error(errnum, describe(op)).with_hint(hint_for(op, errnum, world));
}

/// The cgroups that the engine gave, as this process may write them: told even where mounts cannot be tried.
std::optional<Error> refused_directory(const Source& source, const World& world) {
    for (const Hierarchy& hierarchy : world.hierarchies) {
        const HierarchyMount* mount = view_mount(hierarchy);
        if (mount == nullptr || world.initial_user_namespace) {
            continue;
        }
        const auto own = own_directory(mount->entry, hierarchy.own_path);
        if (own && source.refuses_writing(*own)) {
            const Op op = MakeCgroup{*own};
            return make_errno_error(EACCES, concat({"write to ", *own})).with_hint(hint_for(op, EACCES, world));
        }
    }
    return std::nullopt;
}

Trial try_out(const Source& source, const Explanation& explanation) {
    Trial trial;
    const std::optional<Error> directory = refused_directory(source, explanation.world);
    if (directory) {
        trial.refused.push_back(*directory);
    }
    if (!explanation.prospect.missing.empty()) {
        trial.why_not = "what is missing comes first";
        return trial;
    }
    const Result<std::optional<Refusal>> refusal = try_plan(explanation.plan);
    if (!refusal) {
        trial.why_not = refusal.error().message();
        return trial;
    }
    trial.tried = true;
    if (*refusal) {
        trial.refused.insert(trial.refused.begin(), error_of(**refusal, explanation.plan, explanation.world));
    }
    return trial;
}

Explanation explained(const Source& source, const Options& options, const Invocation& invocation) {
    // An init that is not there is told among the rest: what else is missing is worth as much.
    const Result<InitCommand> init = choose_init(source, options, invocation);
    const Result<Sight> sight =
        see(source, init ? traits_of(source, options, *init) : std::optional<InitTraits>(InitTraits{}));
    if (!sight) {
        return explain_failure(sight.error());
    }
    Explanation explanation =
        explain_facts(sight->snapshot, capability_names(sight->snapshot.status.effective_capabilities), options);
    if (!init) {
        explanation.prospect.missing.insert(explanation.prospect.missing.begin(), init.error());
    }
    if (source.is_live()) {
        explanation.trial = try_out(source, explanation);
    }
    explanation.missing = findings(explanation.prospect, explanation.trial, explanation.world);
    return explanation;
}

}  // namespace

Result<int> explain(const Source& source, ExplainAs as, const Options& options, const Invocation& invocation) {
    const Explanation explanation = explained(source, options, invocation);
    const Status printed =
        print_text(as == ExplainAs::json ? explanation_json(explanation)
                                         : explanation_text(explanation, text_style(invocation.environment)));
    return printed ? Result<int>(explanation.missing.empty() ? 0 : 1) : printed.error();
}

}  // namespace cginit
