#pragma once

#include "cginit/world.hpp"

namespace cginit {

/// A profile or policy other than the one that permits all: `docker-default (enforce)`.
[[nodiscard]] bool is_confined(const World& world);

/// The view is built in a user namespace by a process that AppArmor leaves alone. With Ubuntu's
/// kernel.apparmor_restrict_unprivileged_userns=1 it has no capability there, and its first mount is refused; what a
/// profile with the rule `userns` confines keeps them.
[[nodiscard]] bool is_unconfined_in_user_namespace(const World& world);

}  // namespace cginit
