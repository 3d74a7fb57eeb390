#include "report/explanation.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace cginit {
namespace {

void add(std::vector<Finding>& found, const Error& error, Ground ground, const World& world) {
    const bool known = std::any_of(found.begin(), found.end(),
                                   [&error](const Finding& finding) { return finding.error.code == error.code; });
    // Calls that failed for no reason that has a name are each their own.
    if (!known || error.code == ErrorCode::system_call) {
        found.push_back({error, ground, remedies_for(error.code, world)});
    }
}

void add_plan(Explanation& explanation) {
    Prospect& prospect = explanation.prospect;
    if (!prospect.decision) {
        return;
    }
    explanation.plan = make_plan(prospect.world, *prospect.decision);
    const std::vector<std::string> problems = check_plan(prospect.world, *prospect.decision, explanation.plan);
    if (!problems.empty()) {
        prospect.missing.push_back(make_error(ErrorCode::not_as_planned,
                                              concat({"the plan is not safe here: ", join(problems, "; ")}),
                                              "please report this with the output of --capture"));
    }
}

}  // namespace

Explanation explain_facts(Snapshot snapshot, std::vector<std::string> capabilities, const Options& options) {
    Explanation explanation;
    explanation.world = classify(snapshot);
    explanation.snapshot = std::move(snapshot);
    explanation.capabilities = std::move(capabilities);
    explanation.prospect = foresee(explanation.world, options);
    add_plan(explanation);
    explanation.trial.why_not = "this is a capture";
    explanation.missing = findings(explanation.prospect, explanation.trial, explanation.world);
    return explanation;
}

std::vector<Finding> findings(const Prospect& prospect, const Trial& trial, const World& world) {
    std::vector<Finding> found;
    for (const Error& error : prospect.missing) {
        add(found, error, Ground::facts, world);
    }
    for (const Error& error : trial.refused) {
        add(found, error, Ground::trial, world);
    }
    if (!trial.tried) {
        for (const Error& error : prospect.suspected) {
            add(found, error, Ground::rules, world);
        }
    }
    return found;
}

const char* to_string(Ground ground) {
    switch (ground) {
        case Ground::facts: return "facts";
        case Ground::rules: return "rules";
        case Ground::trial: return "trial";
    }
    return "";
}

}  // namespace cginit
