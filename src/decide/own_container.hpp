#pragma once

#include "decide/own_v2.hpp"

namespace cginit {

/// Why this is no container, or none of this process's own to set up. Each is a fact; what is not known is answered here, too.
[[nodiscard]] Obstacle container_obstacle(const World& world);

}  // namespace cginit
