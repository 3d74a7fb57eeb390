#pragma once

#include "cginit/cure.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// How a container whose cgroup belongs to a user outside of its user namespace gets it. That depends on who made the cgroup.
[[nodiscard]] Cures delegation_cures(const World& world);

}  // namespace cginit
