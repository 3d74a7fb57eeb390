#include "app/app.hpp"

#include "advice/advice.hpp"
#include "app/output.hpp"
#include "app/scene.hpp"
#include "app/try_out.hpp"
#include "report/explanation.hpp"
#include "report/plan_text.hpp"
#include "report/text.hpp"

namespace cginit {
namespace {

Explanation explained(const Source& source, const Options& options, const Invocation& invocation) {
    // An init that is not there is told among the rest: what else is missing is worth as much.
    const Result<InitCommand> init = choose_init(source, options, invocation);
    const Result<Sight> sight =
        see(source, init ? traits_of(source, options, *init) : std::optional<InitTraits>(InitTraits{}));
    if (!sight) {
        return explain_failure(sight.error());
    }
    Explanation explanation = try_out(source, sight->snapshot, options);
    if (!init) {
        explanation.prospect.missing.insert(explanation.prospect.missing.begin(), init.error());
        explanation.missing = findings(explanation.prospect, explanation.trial, explanation.world);
    }
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

Status print_plan(const Source& source, const Options& options, const Invocation& invocation) {
    const Result<Scene> scene = look(source, options, invocation);
    if (!scene) {
        return scene.error();
    }
    const World& world = scene->sight.world;
    const Result<Intent> intent = intend(world, options);
    if (!intent) {
        return in_words_of_place(intent.error(), world);
    }
    Status printed = print_text(plan_text(world, intent->decision, intent->plan, text_style(invocation.environment)));
    const Explanation explanation = try_out(source, scene->sight.snapshot, options);
    if (!printed || explanation.missing.empty()) {
        return printed;
    }
    const Finding& first = explanation.missing.front();
    return in_words_of_place(first.error, world)
        .in(first.ground == Ground::trial ? "this plan fails" : "this plan would fail");
}

}  // namespace cginit
