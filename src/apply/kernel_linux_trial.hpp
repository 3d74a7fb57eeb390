#pragma once

#include <cstddef>
#include <optional>

#include "cginit/plan.hpp"
#include "cginit/result.hpp"

namespace cginit {

/// The step of a plan that the system refused.
struct Refusal {
    std::size_t step = 0;  ///< index into the plan's steps
    int errnum = 0;

    bool operator==(const Refusal&) const = default;
};

/// Tries a plan in a child process with a mount namespace and peers of its own, as far as its steps leave nothing behind;
/// of the cgroups that it would make it asks for the permission only. The first refusal, if there is one. An error means
/// that it could not be tried.
[[nodiscard]] Result<std::optional<Refusal>> try_plan(const Plan& plan);

}  // namespace cginit
