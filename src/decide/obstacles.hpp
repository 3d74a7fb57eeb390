#pragma once

#include <string>

#include "cginit/cure.hpp"
#include "cginit/decision.hpp"
#include "cginit/error_code.hpp"
#include "cginit/options.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// Why something cannot be had, and what would change that; without a text nothing stands in the way.
struct Obstacle {
    std::string text;
    Cures cures;
    ErrorCode code = ErrorCode::layout;
};

/// The one v2 hierarchy of the kernel; nullptr if it has none.
[[nodiscard]] const Hierarchy* v2_hierarchy(const World& world);

/// What keeps the init from a v2 cgroup of its own. None is no promise: an unknown real root is told later.
[[nodiscard]] Obstacle v2_obstacle(const World& world, const Options& options);

/// `podman run --cgroups=disabled` leaves the container in the cgroup of whoever started it: what would be made there
/// would stay on the host. In the initial namespace the engines' paths carry the container's id; in any, processes from
/// outside of the container are in the cgroup then.
[[nodiscard]] bool is_someone_elses(const Hierarchy& hierarchy, const World& world);

/// How the container gets a cgroup of its own. A rootless engine makes none where it may not: the container is in the
/// user's own, or at the host's root.
[[nodiscard]] Cures own_cgroup_cures(const World& world);

/// How a container whose cgroup belongs to a user outside of its user namespace gets it. That depends on who made the cgroup.
[[nodiscard]] Cures delegation_cures(const World& world);

/// True if the layout has hierarchies of that version.
[[nodiscard]] bool belongs_to(const Hierarchy& hierarchy, View layout);
/// Why one of the other version is left out, one clause.
[[nodiscard]] std::string not_in_layout(View layout);

/// Why the hierarchy cannot be part of the new view.
[[nodiscard]] Obstacle hierarchy_obstacle(const Hierarchy& hierarchy, const World& world, const Decision& decision);

/// What keeps cginit from making a cgroup right below the host's root of a hierarchy: the permission, a name for it, or
/// a cgroup namespace that makes it a root.
[[nodiscard]] Obstacle host_cgroup_obstacle(const World& world, const Options& options);

/// Why this is no container, or none of this process's own to set up. Each is a fact; what is not known is answered here, too.
[[nodiscard]] Obstacle container_obstacle(const World& world);

/// What helps where SELinux' policy or the engine's seccomp filter refuses a capability: both say EPERM, and one alone may
/// leave the other.
[[nodiscard]] Cures selinux_or_filter_cures(const World& world);

/// What keeps cginit from building the view in a user namespace of its own (`--method=userns`). None is no promise: what
/// refuses mounts in one is told by the rehearsal.
[[nodiscard]] Obstacle user_namespace_obstacle(const World& world);

}  // namespace cginit
