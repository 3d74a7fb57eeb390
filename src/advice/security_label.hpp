#pragma once

#include "cginit/world.hpp"

namespace cginit {

/// A profile or policy other than the one that permits all: `docker-default (enforce)`.
[[nodiscard]] bool is_confined(const World& world);

/// The view is built in a user namespace by a process that AppArmor leaves alone. With Ubuntu's
/// kernel.apparmor_restrict_unprivileged_userns=1 it has no capability there, and its first mount is refused; what a
/// profile confines that does not decide on user namespaces, or permits them, keeps them.
[[nodiscard]] bool is_unconfined_in_user_namespace(const World& world);

/// A profile that permits mounts goes on confining the container. Not one with CAP_SYS_ADMIN in the host's user namespace:
/// AppArmor does not know open_tree(2) and fsopen(2), and its rules go by paths, which root makes as it likes then. All
/// that examples/apparmor/cginit still denies is the first thing that one would try.
[[nodiscard]] bool can_be_confined(const World& world);

}  // namespace cginit
