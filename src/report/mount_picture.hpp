#pragma once

#include <string>

#include "cginit/decision.hpp"
#include "cginit/plan.hpp"
#include "report/text_style.hpp"

namespace cginit {

/// The mount tree before and after the plan, side by side, a mount point per line; changed lines are marked, and what the
/// words mean is said below. One column where nothing changes.
[[nodiscard]] std::string mount_picture(const World& world, const Decision& decision, const Plan& plan,
                                        const TextStyle& style);
/// The tree as it is, where there is no plan.
[[nodiscard]] std::string mount_picture(const World& world, const TextStyle& style);

}  // namespace cginit
