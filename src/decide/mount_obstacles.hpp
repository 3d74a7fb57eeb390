#pragma once

#include "cginit/decision.hpp"

namespace cginit {

/// Refuses mounts that no plan gets round: what would have to be done to them reaches other mounts than meant.
[[nodiscard]] Status refuse_mount_obstacles(const World& world, const Decision& decision);

}  // namespace cginit
