#include <algorithm>

#include "cginit/decision.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "decide/controller_policy.hpp"
#include "decide/obstacles.hpp"
#include "decide/systemd_layouts.hpp"

namespace cginit {
namespace {

bool is_kept(const HierarchyMount& mount, const Options& options) {
    return std::any_of(options.keep_mounts.begin(), options.keep_mounts.end(),
                       [&mount](const std::string& keep) { return is_at_or_below(mount.entry.point, keep); });
}

/// What any init could do to the host through a mount that is writable; empty if nothing. One that is covered counts.
std::string danger_of(const Hierarchy& hierarchy, const HierarchyMount& mount) {
    const bool more = shows_more(hierarchy, mount) != Tri::no;
    const bool shared = hierarchy.outsiders == Tri::yes;
    if (mount.entry.flags.read_only || (!more && !shared)) {
        return {};
    }
    return concat({mount.entry.point,
                   is_above_own(mount) ? " shows more than the own cgroup"
                   : more              ? " may be the host's root"
                                       : " is a cgroup in which others are, too,",
                   " and is writable"});
}

std::string danger_of_mounts(const World& world, const Options& options) {
    for (const Hierarchy& hierarchy : world.hierarchies) {
        for (const HierarchyMount& mount : hierarchy.mounts) {
            std::string danger = is_kept(mount, options) ? std::string() : danger_of(hierarchy, mount);
            if (!danger.empty()) {
                return danger;
            }
        }
    }
    return {};
}

/// True if a cgroup2 that this process mounts itself shows the own cgroup, and not the host's root.
bool mounts_own_v2(const World& world) {
    const Hierarchy* v2 = v2_hierarchy(world);
    return world.namespaced == Tri::yes && v2 != nullptr && v2->real_root == Tri::no;
}

/// Where nobody can make directories, systemd mounts nothing besides what it finds.
bool is_sealed(const World& world) {
    const MountEntry* holder = visible_mount_at(world.mounts, kCgroupRoot);
    return holder != nullptr && holder->flags.read_only;
}

/// True if the init may set cgroups where it has to: systemd tracks its services there.
bool is_writable(const World& world, const char* name) {
    for (const Hierarchy& hierarchy : world.hierarchies) {
        const HierarchyMount* mount = hierarchy_name(hierarchy) == name ? view_mount(hierarchy) : nullptr;
        if (mount != nullptr && !mount->entry.flags.read_only) {
            return true;
        }
    }
    return false;
}

/// What systemd mounts by itself before it starts anything, measured with 247 to 257: cgroup2 beside v1, and in the
/// host's cgroup namespace each v1 hierarchy that is missing. Both reach the host.
std::string danger_of_systemd_on_v1(const World& world) {
    if (!world.has_sys_admin || is_sealed(world)) {
        return {};
    }
    if (world.namespaced != Tri::yes) {
        return "systemd would mount hierarchies of the host's and change their options";
    }
    return world.view == View::hybrid || mounts_own_v2(world) ? std::string()
                                                              : "systemd would mount the host's v2 root";
}

std::string trouble_with_systemd(const World& world) {
    const int version = world.init.version.value_or(0);
    const bool unified = world.view == View::unified;
    if (!world.is_pid1) {
        return "systemd has to be PID 1";
    }
    if (!world.view_in_sight) {
        return "systemd finds no cgroups to live in";
    }
    if (unified && world.init.version && version < kFirstOnV2) {
        return concat({"systemd ", std::to_string(version), " knows only v1"});
    }
    if (!unified && (!world.init.version || version >= kFirstUnifiedOnly)) {
        return "this systemd may refuse v1";
    }
    if (!is_writable(world, unified ? "unified" : "name=systemd") ||
        (world.view == View::hybrid && version >= kFirstHybrid && !is_writable(world, "unified"))) {
        return "systemd does not boot on read-only cgroups";
    }
    return unified ? std::string() : danger_of_systemd_on_v1(world);
}

std::string trouble_with_init(const World& world) {
    if (world.init.kind == InitKind::systemd) {
        return trouble_with_systemd(world);
    }
    // finit's src/cgroup.c, cgroup_init(): over whatever is there.
    const bool finit = world.init.kind == InitKind::finit && world.has_sys_admin;
    return finit && !mounts_own_v2(world) ? "finit would mount the host's v2 root" : std::string();
}

/// The engine's limits are files that the init may write.
bool gives_limits_away(const World& world) {
    return std::any_of(world.hierarchies.begin(), world.hierarchies.end(), [](const Hierarchy& hierarchy) {
        const HierarchyMount* mount = view_mount(hierarchy);
        return mount != nullptr && !mount->entry.flags.read_only && !mount->ours &&
               guard_of(hierarchy) != Guard::not_needed;
    });
}

}  // namespace

Measure choose_on_failure(const World& world, const Options& options) {
    if (options.on_failure == OnFailure::exit) {
        return {false, "--on-failure=exit"};
    }
    if (!options.drop_capabilities.empty() && !world.has_setpcap) {
        return {false, "--drop-cap needs CAP_SETPCAP"};
    }
    if (!world.root_is_mount) {
        return {false, "mounts may be out of sight"};
    }
    if (const Obstacle obstacle = container_obstacle(world); !obstacle.text.empty()) {
        return {false, obstacle.text};
    }
    std::string trouble = danger_of_mounts(world, options);
    if (trouble.empty()) {
        trouble = trouble_with_init(world);
    }
    if (!trouble.empty()) {
        return {false, trouble};
    }
    return {true, gives_limits_away(world) ? "the engine's view is safe for the host, but its limits are within reach"
                                           : "the engine's view is safe for the host"};
}

}  // namespace cginit
