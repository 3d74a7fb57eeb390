#include "app/try_out.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "advice/advice.hpp"
#include "apply/linux/trial.hpp"
#include "core/text.hpp"
#include "detect/detect.hpp"
#include "read/proc_files.hpp"

namespace cginit {
namespace {

/// An assertion fails without an errno.
Error error_of(const Op& op, int errnum, const World& world) {
    const Error error = errnum == 0 ? make_error(ErrorCode::system_call, concat({describe(op), ": it is not so"}))
                                    : make_errno_error(errnum, describe(op));
    return error.with_hint(hint_for(op, errnum, world));
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

/// In the running system.
Result<TriedPlan> try_steps(const Plan& plan) {
    const Result<std::optional<Refusal>> refusal = try_plan(plan);
    if (!refusal) {
        return refusal.error();
    }
    if (!*refusal) {
        return TriedPlan{plan.steps.size(), {}, 0};
    }
    return TriedPlan{plan.steps.size(), describe(plan.steps[(*refusal)->step].op), (*refusal)->error.errnum};
}

/// The step of this plan that the trial is about; with another init or other options there may be none.
const Step* refused_step(const TriedPlan& tried, const Plan& plan) {
    const auto found = std::find_if(plan.steps.begin(), plan.steps.end(),
                                    [&tried](const Step& step) { return describe(step.op) == tried.refused; });
    return found == plan.steps.end() ? nullptr : &*found;
}

void judge(const Explanation& explanation, const TriedPlan& tried, Trial& trial) {
    const Plan& plan = explanation.plan;
    const Step* refused = tried.refused.empty() ? nullptr : refused_step(tried, plan);
    if (plan.steps.size() != tried.steps || (!tried.refused.empty() && refused == nullptr)) {
        trial.why_not = "another plan was tried";
        return;
    }
    trial.tried = true;
    trial.why_not.clear();
    if (refused != nullptr) {
        trial.refused.insert(trial.refused.begin(), error_of(refused->op, tried.errnum, explanation.world));
    }
}

void try_here(const Source& source, Explanation& explanation) {
    Trial trial;
    if (const std::optional<Error> directory = refused_directory(source, explanation.world)) {
        trial.refused.push_back(*directory);
    }
    if (!explanation.prospect.missing.empty()) {
        trial.why_not = "what is missing comes first";
    } else if (const Result<TriedPlan> tried = try_steps(explanation.plan)) {
        explanation.snapshot.tried = *tried;
        judge(explanation, *tried, trial);
    } else {
        trial.why_not = tried.error().message();
    }
    explanation.trial = std::move(trial);
}

}  // namespace

Explanation try_out(const Source& source, Snapshot snapshot, const Options& options) {
    std::vector<std::string> capabilities = capability_names(snapshot.status.effective_capabilities);
    Explanation explanation = explain_facts(std::move(snapshot), std::move(capabilities), options);
    if (source.is_live()) {
        try_here(source, explanation);
    } else if (explanation.snapshot.tried && explanation.prospect.missing.empty()) {
        judge(explanation, *explanation.snapshot.tried, explanation.trial);
    }
    explanation.missing = findings(explanation.prospect, explanation.trial, explanation.world);
    return explanation;
}

}  // namespace cginit
