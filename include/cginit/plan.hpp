#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cginit/decision.hpp"
#include "cginit/error_code.hpp"
#include "cginit/op.hpp"

namespace cginit {

/// The order of a plan. Everything up to verify can be undone; commit detaches the engine's view.
enum class Phase { prepare, aside, switch_, verify, commit };

/// How long the effect of a step lives.
enum class Scope {
    mount_namespace,  ///< gone with the container's mount namespace
    process,          ///< gone with this process
    persistent,       ///< outlives both, until the engine removes the container's cgroup
    host,             ///< outlives the container too
    irreversible,     ///< the process cannot go back: from there on it succeeds or ends
    none,             ///< changes nothing
};

[[nodiscard]] Scope scope_of(const Op& op);

/// What can be given up as a whole.
enum class PartKind {
    hierarchy,    ///< all of a hierarchy: it is not in the view
    inner_level,  ///< what makes it writable
    own_cgroup,   ///< of two ways, the one where the container has a cgroup of its own
    host_cgroup,  ///< the other: its own cgroup is the host's root
    ttys,         ///< the host's terminals are hidden
    sys,          ///< /sys is read-only
    share,        ///< the mount tree is shared
};

/// A part of a plan: steps that make sense together only.
struct Part {
    PartKind kind = PartKind::hierarchy;
    std::string hierarchy = {};  ///< of which (hierarchy_name()); empty for the last three
    bool operator==(const Part&) const = default;
};

using Parts = std::vector<Part>;

[[nodiscard]] bool has_part(const Parts& parts, const Part& part);

/// What to do instead when a step fails: the later steps of the same part are skipped.
struct OrElse {
    std::vector<Op> instead;
    /// Parts that are given up: later steps that carry one are not performed.
    Parts give_up;
    std::string why;     ///< told as a warning
    bool quiet = false;  ///< one of two ways that are both fine: no warning
    /// If set, only this error is answered, and every other one fails the plan: what could not be looked at is not known.
    std::optional<ErrorCode> only_for = std::nullopt;
    bool operator==(const OrElse&) const = default;
};

/// One op with everything that is known about it before it runs.
struct Step {
    Phase phase = Phase::prepare;
    Op op;
    std::string why;  ///< one clause; the same words in --dry-run, the debug log and the error
    Scope scope = Scope::mount_namespace;
    /// Takes the step back; empty: `no_undo` says why none is needed.
    std::optional<Op> undo;
    std::string no_undo;
    std::optional<OrElse> or_else;
    Parts parts;  ///< what the step belongs to

    bool operator==(const Step&) const = default;
};

/// What will be done, in order. Same input, same plan.
struct Plan {
    std::vector<Step> steps;
    bool operator==(const Plan&) const = default;
};

/// The place where the new tree is built and the old one is kept until commit: a directory that every kernel's proc
/// has (fs/proc/root.c), so that no writable directory on the root file system is needed.
inline constexpr const char* kWorkbench = "/proc/driver";

/// A decision to steps; pure.
[[nodiscard]] Plan make_plan(const World& world, const Decision& decision);

/// Refuses a plan that could reach the host or leave something behind. One text per problem, empty = good.
[[nodiscard]] std::vector<std::string> check_plan(const World& world, const Decision& decision, const Plan& plan);

/// The number, from 0, of the first step before the commit that cannot be taken back, if there is one.
[[nodiscard]] std::optional<std::size_t> step_without_return(const Plan& plan);

/// True if there is one: the plan is rehearsed first.
[[nodiscard]] bool is_irreversible(const Plan& plan);

/// True if the plan begins with a user namespace, and so with mounts of its own: the engine's are not touched.
[[nodiscard]] bool has_own_mounts(const Plan& plan);

/// The mount table after all steps of a plan, each taken to succeed; pure.
[[nodiscard]] MountTable mounts_after(const World& world, const Plan& plan);

/// Judges the facts gathered after the switch: what is wrong with the view (private, consistent), one text each.
/// `given_up` are the parts that fell back. The workbench, detached in commit, is not looked at.
[[nodiscard]] std::vector<std::string> check_view(const World& after, const Decision& decision, const Parts& given_up);

/// The same for what the process carries into the init: working directory, root directory, descriptors.
[[nodiscard]] std::vector<std::string> check_holdings(const World& after, const Decision& decision);

/// The same for what choose_expectations() decided, but for the mount tree, which is shared after the judgement.
[[nodiscard]] std::vector<std::string> check_expectations(const World& after, const Decision& decision,
                                                          const Parts& given_up);

[[nodiscard]] const char* to_string(Phase phase);
[[nodiscard]] const char* to_string(Scope scope);

}  // namespace cginit
