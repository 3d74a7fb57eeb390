#include "decide/stages.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

bool holds_others(const MountTable& table, const MountEntry& mount) {
    return std::any_of(table.begin(), table.end(),
                       [&mount](const MountEntry& entry) { return entry.parent == mount.id && entry.id != mount.id; });
}

/// A path leads to what covers a mount, and so away from the peers that an unmount would reach.
Status refuse_covered_peers(const World& world) {
    for (const MountEntry& mount : world.mounts) {
        const bool has_peers = mount.propagation.shared != 0 && is_at_or_below(mount.point, kCgroupRoot);
        if (has_peers && visible_mount_at(world.mounts, mount.point) != &mount) {
            return make_error(ErrorCode::shared_mount,
                              concat({"the mount at ", mount.point, " has peers and is covered by another"}),
                              {CureId::no_propagation});
        }
    }
    return {};
}

/// Before Linux 4.11 a mount that was propagated could share a place with another (1064f874abc0): moving one uncovers the
/// other.
Status refuse_shared_places(const World& world) {
    std::set<std::pair<int, std::string>> places;
    for (const MountEntry& mount : world.mounts) {
        if (is_at_or_below(mount.point, kCgroupRoot) && !places.emplace(mount.parent, mount.point).second) {
            return make_error(ErrorCode::shared_mount, concat({"two mounts share the place at ", mount.point}),
                              {CureId::no_propagation});
        }
    }
    return {};
}

/// What lies on a mount goes with it.
Status refuse_laden_mounts(const World& world, const Decision& decision) {
    for (const std::string& point : decision.detach_elsewhere) {
        if (holds_others(world.mounts, *visible_mount_at(world.mounts, point))) {
            return make_error(ErrorCode::host_mount, concat({"other mounts lie on the cgroup mount at ", point}),
                              {{CureId::leave_out_volume_at, point}, {CureId::keep_mount, point}});
        }
    }
    return {};
}

}  // namespace

Status refuse_mount_obstacles(const World& world, const Decision& decision) {
    if (decision.authority == Authority::user_namespace) {
        // Nothing is moved, and a new mount namespace is cut off from its peers.
        return refuse_laden_mounts(world, decision);
    }
    if (rebuilds_view(decision)) {
        Status status = refuse_covered_peers(world);
        status = status ? refuse_shared_places(world) : status;
        return status ? refuse_laden_mounts(world, decision) : status;
    }
    return {};
}

}  // namespace cginit
