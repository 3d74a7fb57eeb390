#pragma once

#include "cginit/decision.hpp"

namespace cginit {

/// Decides which hierarchies the init gets to see: what the user asked for, else the host's, unless this init cannot
/// boot on it or boots better on another that the kernel can give. Errors: the kernel or the engine cannot give it.
[[nodiscard]] Status choose_layout(const World& world, const Options& options, Decision& decision);

}  // namespace cginit
