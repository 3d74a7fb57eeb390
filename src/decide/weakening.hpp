#pragma once

#include <string>
#include <vector>

#include "cginit/decision.hpp"

namespace cginit {

/// The settings that take something from what cginit promises (docs/design.md, V1 to V5), each with what set it: an image's
/// ENV is not the operator's word. `inner=never (CGINIT_INNER)`
[[nodiscard]] std::vector<std::string> weakening_settings(const World& world, const Options& options,
                                                          const Decision& decision);

}  // namespace cginit
