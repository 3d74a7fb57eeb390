#pragma once

#include <cstddef>
#include <optional>

#include "cginit/plan.hpp"
#include "cginit/result.hpp"
#include "cginit/snapshot.hpp"

namespace cginit {

/// The step of a plan that the system refused.
struct Refusal {
    std::size_t step = 0;  ///< index into the plan's steps
    Error error;           ///< as the run would tell it, without the cure that the op and the errno suggest

    bool operator==(const Refusal&) const = default;
};

/// Tries a plan in a child process with a mount namespace and peers of its own, as far as its steps leave nothing behind;
/// of the cgroups that it would make it asks for the permission only, and of what comes after them it makes the second
/// user namespace and moves the engine's view away. The first refusal, if there is one. An error means that it could not be tried.
[[nodiscard]] Result<std::optional<Refusal>> try_plan(const Plan& plan);

/// Walks a whole plan in a child process, takes back what it did to cgroups, and does what cannot be taken back, too: for
/// plans in which that comes early (is_irreversible). The first refusal, if there is one. Errors: there was no child, or
/// it could not take everything back (ErrorKind::not_undone).
[[nodiscard]] Result<std::optional<Refusal>> rehearse_plan(const Plan& plan);

/// Whether this process may make a user namespace and a second one within it, tried in a child process.
[[nodiscard]] UserNamespaces try_user_namespace();

/// Whether the own cgroup namespace belongs to the own user namespace; unknown before Linux 4.9.
[[nodiscard]] Tri owns_cgroup_namespace();

}  // namespace cginit
