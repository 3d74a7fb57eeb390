#pragma once

#include <string>

#include "cginit/plan.hpp"

namespace cginit {

/// What --dry-run prints: the facts that decided, the decision with its reasons, and the numbered steps by phase.
/// The same input gives the same bytes.
[[nodiscard]] std::string plan_text(const World& world, const Decision& decision, const Plan& plan);

/// The one line of an ordinary run: `legacy, 9 hierarchies private, 8 writable behind an inner cgroup; systemd 252 next`.
[[nodiscard]] std::string summary_line(const World& world, const Decision& decision);

}  // namespace cginit
