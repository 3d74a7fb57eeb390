#pragma once

#include <string>

#include "cginit/decision.hpp"
#include "cginit/plan.hpp"
#include "report/text.hpp"

namespace cginit {

/// What --dry-run prints: the facts that decided, the decision with its reasons, the view before and after, and the
/// numbered steps by phase. The same input gives the same bytes.
[[nodiscard]] std::string plan_text(const World& world, const Decision& decision, const Plan& plan,
                                    const TextStyle& style = {});

/// The decision with its reasons, as part of it.
[[nodiscard]] std::string decision_text(const Decision& decision);

/// The one line of an ordinary run: `legacy cgroups private (namespace): 9 hierarchies, 8 writable, 7 guarded by an inner
/// cgroup; systemd 252 next`. `given_up` are the parts that fell back.
[[nodiscard]] std::string summary_line(const World& world, const Decision& decision, const Parts& given_up);

/// The mount tree before and after the plan, side by side, a mount point per line; changed lines are marked, and what the
/// words mean is said below. One column where nothing changes.
[[nodiscard]] std::string mount_picture(const World& world, const Decision& decision, const Plan& plan,
                                        const TextStyle& style);
/// The tree as it is, where there is no plan.
[[nodiscard]] std::string mount_picture(const World& world, const TextStyle& style);

}  // namespace cginit
