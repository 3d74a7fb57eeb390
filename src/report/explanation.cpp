#include "report/explanation.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace cginit {
namespace {

void add(std::vector<Finding>& found, const Error& error, Ground ground, std::vector<Remedy> remedies) {
    const bool known = std::any_of(found.begin(), found.end(),
                                   [&error](const Finding& finding) { return finding.error.code == error.code; });
    // Calls that failed for no reason that has a name are each their own.
    if (!known || error.code == ErrorCode::system_call) {
        found.push_back({error, ground, std::move(remedies)});
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
                                              {"please report this with the output of --capture"}));
    }
}

void add_note(std::vector<Finding>& notes, Error error, const World& world) {
    std::vector<Remedy> remedies = remedies_for(error.cures, world);
    notes.push_back({std::move(error), Ground::facts, std::move(remedies)});
}

std::vector<Finding> notes_of(const World& world, const Prospect& prospect) {
    std::vector<Finding> notes;
    // From Linux 6.14 /proc/cgroups lists v1's controllers only, which says nothing of a v2 host.
    if (world.memory_controller == Tri::no && world.view != View::unified) {
        add_note(
            notes,
            make_error(ErrorCode::no_memory_controller,
                       "the host's kernel has no memory controller on v1: MemoryMax= and the engine's --memory have no "
                       "effect",
                       {CureId::kernel_with_memory}),
            world);
    }
    for (const Error& error : prospect.possible) {
        add_note(notes, error, world);
    }
    // Through /proc/PID/root one root gets at the other's view, unless each has a user namespace, ptrace(2).
    const bool apart = prospect.decision && prospect.decision->authority == Authority::user_namespace;
    if (world.pid1_mounts == Tri::no && !apart) {
        add_note(notes,
                 make_error(ErrorCode::shared_processes,
                            "other containers' processes are in this PID namespace: root in one moves its processes "
                            "into another's cgroup, out of its own limits, unless each is in a user namespace of its "
                            "own",
                            {CureId::own_user_namespaces, CureId::own_processes}),
                 world);
    }
    return notes;
}

}  // namespace

Explanation explain_facts(Snapshot snapshot, std::vector<std::string> capabilities, const Options& options) {
    Explanation explanation;
    explanation.world = classify(snapshot);
    explanation.snapshot = std::move(snapshot);
    explanation.capabilities = std::move(capabilities);
    explanation.prospect = foresee(explanation.world, options);
    add_plan(explanation);
    explanation.notes = notes_of(explanation.world, explanation.prospect);
    explanation.trial.why_not = "this is a capture";
    explanation.missing = findings(explanation.prospect, explanation.trial, explanation.world);
    return explanation;
}

Explanation explain_failure(const Error& error) {
    Explanation explanation;
    explanation.has_facts = false;
    explanation.trial.why_not = "the facts come first";
    explanation.missing = {{error, Ground::facts, remedies_for(error.cures, explanation.world)}};
    return explanation;
}

std::vector<Finding> findings(const Prospect& prospect, const Trial& trial, const World& world) {
    const auto remedies = [&world](const Error& error) { return remedies_for(error.cures, world); };
    std::vector<Finding> found;
    for (const Error& error : prospect.missing) {
        add(found, error, Ground::facts, remedies(error));
    }
    for (const Error& error : trial.refused) {
        add(found, error, Ground::trial, remedies(error));
    }
    if (!trial.tried) {
        for (const Error& error : prospect.suspected) {
            add(found, error, Ground::rules, remedies(error));
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
