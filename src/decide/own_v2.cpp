#include "decide/obstacles.hpp"

#include <algorithm>

#include "detect/detect.hpp"

namespace cginit {
namespace {

bool can_unshare(const World& world, const Options& options) {
    return options.method != Method::bind && world.cgroup_namespaces != Tri::no;
}

/// `/system.slice/runner.service`: the engine was started by a service of the system's, where the user has no manager.
bool is_outside_user_slice(const World& world) {
    const Hierarchy* v2 = v2_hierarchy(world);
    return v2 != nullptr && v2->own_path.size() > 1 && v2->own_path.find("/user.slice/") == std::string::npos &&
           !is_outside_namespace(v2->own_path);
}

bool maps_host_root(const World& world) {
    return std::any_of(world.uid_ranges.begin(), world.uid_ranges.end(),
                       [](const IdRange& range) { return range.first == 0 && range.outside == 0; });
}

}  // namespace

const Hierarchy* v2_hierarchy(const World& world) {
    const auto found = std::find_if(world.hierarchies.begin(), world.hierarchies.end(), [](const Hierarchy& hierarchy) {
        return hierarchy.version == HierarchyVersion::v2 && hierarchy.id >= 0;
    });
    return found == world.hierarchies.end() ? nullptr : &*found;
}

bool is_someone_elses(const Hierarchy& hierarchy, const World& world) {
    if (hierarchy.outsiders == Tri::yes) {
        return true;
    }
    return world.namespaced == Tri::no && !world.container_id.empty() &&
           hierarchy.own_path.find(world.container_id) == std::string::npos;
}

Cures own_cgroup_cures(const World& world) {
    if (!world.rootless) {
        return {CureId::own_cgroup};
    }
    if (world.view != View::unified) {
        return {CureId::rootful};
    }
    if (is_outside_user_slice(world)) {
        return {CureId::linger, CureId::delegate_to_user, CureId::rootful};
    }
    return {CureId::delegate_to_user, CureId::linger, CureId::rootful};
}

Cures delegation_cures(const World& world) {
    const bool v2 = world.view == View::unified;
    if (world.rootless) {
        Cures cures = own_cgroup_cures(world);
        if (v2 && world.engine == Engine::docker) {
            cures.insert(cures.begin() + 1, CureId::systemd_cgroup_driver);
        }
        return cures;
    }
    if (world.engine == Engine::kubernetes) {
        return {CureId::writable_pod_cgroup, CureId::host_user_namespace};
    }
    Cures cures = {CureId::host_user_namespace};
    if (v2 && world.engine == Engine::docker) {
        cures.emplace_back(CureId::systemd_cgroup_driver);
    }
    if (v2) {
        cures.emplace_back(CureId::give_cgroup);
    }
    return cures;
}

Obstacle host_cgroup_obstacle(const World& world, const Options& options) {
    if (!options.allow_host_cgroup) {
        return {"it would outlive the container", {CureId::allow_host_cgroup}, ErrorCode::host_root};
    }
    if (!can_unshare(world, options)) {
        return {"without a cgroup namespace it cannot be made the init's root",
                {CureId::method_namespace},
                ErrorCode::no_cgroup_namespaces};
    }
    // Two containers must never share one.
    if (world.container_id.empty()) {
        return {"the container's id, which would name it, is not known",
                {"start it with Docker or Podman, which give it one"},
                ErrorCode::host_root};
    }
    return {};
}

Obstacle v2_obstacle(const World& world, const Options& options) {
    const Hierarchy* v2 = v2_hierarchy(world);
    if (v2 == nullptr) {
        return {"this kernel has no cgroup2", {CureId::kernel_with_v2}, ErrorCode::no_v2};
    }
    // `0::/` on a pure v1 host: the engine left the container at the host's v2 root.
    if (v2->real_root == Tri::yes) {
        // The host's root directory belongs to the host's root, who is nobody in such a user namespace.
        if (!world.initial_user_namespace && !maps_host_root(world)) {
            return {"the container sits at the host's v2 root, where nothing can be made from this user namespace",
                    {CureId::host_user_namespace, CureId::boot_v2},
                    ErrorCode::host_root};
        }
        Obstacle obstacle = host_cgroup_obstacle(world, options);
        if (!obstacle.text.empty()) {
            obstacle.text.insert(
                0, "the container sits at the host's v2 root, where a cgroup of its own could be made, but ");
            obstacle.cures.emplace_back(CureId::boot_v2);
        }
        return obstacle;
    }
    if (is_someone_elses(*v2, world)) {
        Cures cures = own_cgroup_cures(world);
        if (world.view != View::unified) {
            cures.emplace_back(CureId::boot_v2);
        }
        return {"the engine gave the container no v2 cgroup of its own (" + v2->own_path + ")", std::move(cures),
                ErrorCode::no_own_cgroup};
    }
    if (view_mount(*v2) == nullptr && !can_unshare(world, options)) {
        return {"the engine does not show v2, and without a cgroup namespace it cannot be mounted",
                {CureId::boot_v2},
                ErrorCode::no_cgroup_namespaces};
    }
    return {};
}

}  // namespace cginit
