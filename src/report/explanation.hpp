#pragma once

#include <string>
#include <vector>

#include "advice/advice.hpp"
#include "cginit/plan.hpp"
#include "cginit/prospect.hpp"
#include "cginit/snapshot.hpp"
#include "report/text.hpp"

namespace cginit {

/// How something that is missing is known.
enum class Ground {
    facts,  ///< from what the system shows
    rules,  ///< a security module's rules make it likely, and it was not tried
    trial,  ///< a step of the plan was tried and refused
};

/// One thing that keeps the init from its view.
struct Finding {
    Error error;
    Ground ground = Ground::facts;
    std::vector<Remedy> remedies;
};

/// What trying the plan's steps came to.
struct Trial {
    bool tried = false;
    std::string why_not;  ///< one clause; empty if it was tried
    std::vector<Error> refused;
};

/// Everything that --explain says.
struct Explanation {
    bool has_facts = true;  ///< false: they could not be gathered, and `missing` says why
    Snapshot snapshot;
    World world;
    std::vector<std::string> capabilities;  ///< the effective ones, `cap_sys_admin`
    Prospect prospect;
    Plan plan;  ///< empty if there is no decision
    Trial trial;
    std::vector<Finding> notes;    ///< what the init will lack with its view
    std::vector<Finding> missing;  ///< the first is the first to mend; empty: the init would get its view
};

/// What follows from the facts alone; `capabilities` are the names of the effective ones.
[[nodiscard]] Explanation explain_facts(Snapshot snapshot, std::vector<std::string> capabilities,
                                        const Options& options);

/// Where the facts cannot be had, that is what is missing.
[[nodiscard]] Explanation explain_failure(const Error& error);

/// Puts together what is missing: what was refused, what the facts say, and what is only suspected where nobody tried.
[[nodiscard]] std::vector<Finding> findings(const Prospect& prospect, const Trial& trial, const World& world);

/// For a terminal: the verdict, what is missing with its remedies, then the facts that led there. Same input, same bytes.
[[nodiscard]] std::string explanation_text(const Explanation& explanation, const TextStyle& style);

/// The same as JSON, docs/explain.schema.json.
[[nodiscard]] std::string explanation_json(const Explanation& explanation);

[[nodiscard]] const char* to_string(Ground ground);

}  // namespace cginit
