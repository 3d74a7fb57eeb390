#pragma once

#include "decide/own_v2.hpp"

namespace cginit {

/// What keeps cginit from building the view in a user namespace of its own (`--method=userns`). None is no promise: what
/// refuses mounts in one is told by the rehearsal.
[[nodiscard]] Obstacle user_namespace_obstacle(const World& world);

}  // namespace cginit
