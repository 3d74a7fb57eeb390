#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"
#include "detect/detect.hpp"

namespace cginit {
namespace {

/// `/..`, `/../..`: what is exec'd into a v1 container sits above the root of the namespace that it joins.
bool is_above_namespace(const std::string& path) {
    const std::vector<std::string> parts = split(path, '/');
    return is_outside_namespace(path) &&
           std::all_of(parts.begin() + 1, parts.end(), [](const std::string& part) { return part == ".."; });
}

/// True if a cginit of this container mounted it.
bool has_own_mark(const MountEntry& mount, const std::string& mark) {
    return mark != kMountSource && mount.source == mark;
}

Exposure classify_exposure(const MountEntry& mount, const std::string& own_path, Tri namespaced, bool ours) {
    // `/../..` on /sys/fs/cgroup/cpu: -v /sys/fs/cgroup with a private cgroup namespace.
    if (is_outside_namespace(mount.root)) {
        return Exposure::foreign;
    }
    // An earlier cginit left the root of the namespace that it made to a leaf: `0::/init.scope`.
    if (mount.root == "/" && ours && namespaced == Tri::yes && own_path == join_path("/", kLeafName)) {
        return Exposure::namespaced;
    }
    if (is_above_namespace(own_path)) {
        return Exposure::below;
    }
    if (mount.root == own_path) {
        return own_path == "/" && namespaced != Tri::no ? Exposure::namespaced : Exposure::own_subtree;
    }
    if (!own_path.empty() && is_at_or_below(mount.root, own_path)) {
        return Exposure::below;
    }
    return Exposure::whole_tree;
}

/// True if the mount is part of the tree that stands at /sys/fs/cgroup, however deep it is stacked there.
bool belongs_to_view(const MountTable& table, const MountEntry& mount, const std::vector<const MountEntry*>& stack) {
    const MountEntry* current = &mount;
    while (current != nullptr && is_at_or_below(current->point, kCgroupRoot)) {
        if (std::find(stack.begin(), stack.end(), current) != stack.end()) {
            return true;
        }
        const int parent = current->parent;
        const auto found =
            std::find_if(table.begin(), table.end(), [parent](const MountEntry& entry) { return entry.id == parent; });
        current = found == table.end() || found->id == current->id ? nullptr : &*found;
    }
    return false;
}

Tri classify_real_root(const Hierarchy& hierarchy, const Snapshot& snapshot, Tri namespaced) {
    if (hierarchy.own_path != "/") {
        return Tri::no;
    }
    if (namespaced == Tri::no) {
        return Tri::yes;
    }
    Tri answer = Tri::unknown;
    for (const HierarchyMount& mount : hierarchy.mounts) {
        // Something lies above the own cgroup, so it is not the root.
        if (mount.exposure == Exposure::foreign) {
            return Tri::no;
        }
        const auto directory = snapshot.directories.find(mount.entry.point);
        if (directory == snapshot.directories.end() || !mount.visible || mount.entry.root != "/") {
            continue;
        }
        const CgroupDirectory& seen = directory->second;
        if (hierarchy.version == HierarchyVersion::v1) {
            answer = seen.has_release_agent;
        } else if (seen.has_parent_files != Tri::unknown) {
            answer = seen.has_parent_files == Tri::yes ? Tri::no : Tri::yes;
        }
    }
    return answer;
}

void classify_memory(const Snapshot& snapshot, Hierarchy& hierarchy) {
    for (const HierarchyMount& mount : hierarchy.mounts) {
        const auto directory = snapshot.directories.find(mount.entry.point);
        if (mount.visible && directory != snapshot.directories.end()) {
            hierarchy.memory_hierarchical = directory->second.memory_hierarchical;
            hierarchy.tcp_memory_limited = directory->second.tcp_memory_limited;
            break;
        }
    }
    // Linux 5.11 made every v1 memory cgroup hierarchical (bef8620cd8e0).
    if (is_at_least(snapshot.kernel_release, 5, 11)) {
        hierarchy.memory_hierarchical = Tri::yes;
    }
}

Tri classify_delegated(const Hierarchy& hierarchy, const Snapshot& snapshot) {
    const HierarchyMount* mount = view_mount(hierarchy);
    const auto seen = mount == nullptr ? snapshot.directories.end() : snapshot.directories.find(mount->entry.point);
    return seen == snapshot.directories.end() ? Tri::unknown : seen->second.delegated;
}

/// A capture of before this was a fact says only that the cgroup is not delegated. In a user namespace that is mostly its owner.
Tri classify_owned(const Hierarchy& hierarchy, const Snapshot& snapshot) {
    const HierarchyMount* mount = view_mount(hierarchy);
    const auto seen = mount == nullptr ? snapshot.directories.end() : snapshot.directories.find(mount->entry.point);
    if (seen == snapshot.directories.end()) {
        return Tri::unknown;
    }
    const bool refused = seen->second.delegated == Tri::no && !in_initial_user_namespace(snapshot);
    return seen->second.owned == Tri::unknown && refused ? Tri::no : seen->second.owned;
}

/// Podman run by a plain user without systemd leaves the container in the cgroup that the user was given. What else is in
/// there is the user's own.
Tri classify_outsiders(const Hierarchy& hierarchy, const Snapshot& snapshot) {
    if (is_rootless_map(snapshot.uid_map)) {
        return Tri::no;
    }
    for (const HierarchyMount& mount : hierarchy.mounts) {
        const auto seen = snapshot.directories.find(mount.entry.point);
        if (mount.visible && seen != snapshot.directories.end() && seen->second.outsiders != Tri::unknown) {
            return seen->second.outsiders;
        }
    }
    return Tri::unknown;
}

/// A kernel that knows cgroup2 has no `0::` line before it is mounted for the first time, by anybody: then everybody's
/// cgroup is the root (kernel/cgroup/cgroup.c, cgrp_dfl_visible).
bool has_unused_v2(const Snapshot& snapshot) {
    const bool known =
        std::find(snapshot.filesystems.begin(), snapshot.filesystems.end(), "cgroup2") != snapshot.filesystems.end();
    return known && std::none_of(snapshot.cgroups.begin(), snapshot.cgroups.end(),
                                 [](const CgroupEntry& cgroup) { return cgroup.controllers.empty(); });
}

/// What an earlier cginit could not take away in a user namespace, it covered; a second namespace then locked both,
/// mount_namespaces(7).
bool is_sealed(const Snapshot& snapshot, const std::string& mark, const HierarchyMount& mount) {
    const MountEntry* holder = mount.visible ? nullptr : mount_holding(snapshot.mounts, mount.entry.point);
    return holder != nullptr && has_own_mark(*holder, mark) && !in_initial_user_namespace(snapshot);
}

std::vector<Hierarchy> join_hierarchies(const Snapshot& snapshot, Tri namespaced, const std::string& mark) {
    std::vector<Hierarchy> hierarchies;
    for (const CgroupEntry& cgroup : snapshot.cgroups) {
        Hierarchy hierarchy;
        hierarchy.id = cgroup.hierarchy_id;
        hierarchy.version = cgroup.controllers.empty() ? HierarchyVersion::v2 : HierarchyVersion::v1;
        hierarchy.controllers = cgroup.controllers;
        hierarchy.own_path = cgroup.path;
        hierarchies.push_back(std::move(hierarchy));
    }
    if (has_unused_v2(snapshot)) {
        Hierarchy unused;
        unused.version = HierarchyVersion::v2;
        unused.own_path = "/";
        unused.real_root = Tri::yes;
        hierarchies.push_back(std::move(unused));
    }
    const std::vector<const MountEntry*> stack = stack_at(snapshot.mounts, kCgroupRoot);
    for (const MountEntry& mount : snapshot.mounts) {
        if (!is_cgroup(mount)) {
            continue;
        }
        auto owner = std::find_if(hierarchies.begin(), hierarchies.end(), [&mount](const Hierarchy& hierarchy) {
            return hierarchy.id >= 0 && carries_controllers(mount, hierarchy.controllers);
        });
        if (owner == hierarchies.end()) {
            Hierarchy stranger;
            stranger.id = -1;
            stranger.version = mount.fstype == "cgroup2" ? HierarchyVersion::v2 : HierarchyVersion::v1;
            stranger.controllers = {mount.super_options};
            hierarchies.push_back(std::move(stranger));
            owner = hierarchies.end() - 1;
        }
        const MountEntry* visible = visible_mount_at(snapshot.mounts, mount.point);
        HierarchyMount joined;
        joined.entry = mount;
        joined.visible = visible != nullptr && visible->id == mount.id;
        joined.reachable = is_reachable(snapshot.mounts, mount);
        joined.in_view = belongs_to_view(snapshot.mounts, mount, stack);
        // A bind keeps the source of what it was bound from; the tmpfs that holds it is ours.
        joined.ours =
            has_own_mark(mount, mark) || (joined.in_view && !stack.empty() && has_own_mark(*stack.front(), mark));
        joined.exposure = classify_exposure(mount, owner->own_path, namespaced, joined.ours);
        joined.sealed = is_sealed(snapshot, mark, joined);
        owner->mounts.push_back(std::move(joined));
    }
    return hierarchies;
}

}  // namespace

std::vector<Hierarchy> classify_hierarchies(const Snapshot& snapshot, Tri namespaced, const std::string& mark) {
    std::vector<Hierarchy> hierarchies = join_hierarchies(snapshot, namespaced, mark);
    for (Hierarchy& hierarchy : hierarchies) {
        if (hierarchy.real_root == Tri::unknown) {
            hierarchy.real_root = classify_real_root(hierarchy, snapshot, namespaced);
        }
        hierarchy.delegated = classify_delegated(hierarchy, snapshot);
        hierarchy.owned = classify_owned(hierarchy, snapshot);
        hierarchy.outsiders = classify_outsiders(hierarchy, snapshot);
        if (has_controller(hierarchy, "memory")) {
            classify_memory(snapshot, hierarchy);
        }
    }
    return hierarchies;
}

}  // namespace cginit
