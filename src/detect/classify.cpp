#include <algorithm>

#include "cginit/world.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "detect/engine.hpp"
#include "detect/id_maps.hpp"
#include "detect/kernel_release.hpp"
#include "detect/own_directory.hpp"
#include "detect/place.hpp"

namespace cginit {
namespace {

/// PROC_CGROUP_INIT_INO, include/linux/proc_ns.h: the same on every kernel that has cgroup namespaces.
constexpr std::uint64_t kInitialCgroupNamespace = 4026531835;
constexpr unsigned kCapSetgid = 6;
constexpr unsigned kCapSetuid = 7;
constexpr unsigned kCapSetpcap = 8;
constexpr unsigned kCapSetfcap = 31;

Tri classify_namespaced(const Snapshot& snapshot) {
    const auto id = snapshot.namespaces.find("cgroup");
    if (id == snapshot.namespaces.end()) {
        return snapshot.namespaces.empty() ? Tri::unknown : Tri::no;
    }
    return id->second == kInitialCgroupNamespace ? Tri::no : Tri::yes;
}

Tri classify_cgroup_namespaces(const Snapshot& snapshot) {
    if (snapshot.namespaces.contains("cgroup")) {
        return Tri::yes;
    }
    // Other links but not this one: a kernel without them, whatever its version says.
    if (!snapshot.namespaces.empty()) {
        return Tri::no;
    }
    return is_at_least(snapshot.kernel_release, 4, 6) ? Tri::yes : Tri::unknown;
}

/// `/..`, `/../..`: what is exec'd into a v1 container sits above the root of the namespace that it joins.
bool is_above_namespace(const std::string& path) {
    const std::vector<std::string> parts = split(path, '/');
    return is_outside_namespace(path) &&
           std::all_of(parts.begin() + 1, parts.end(), [](const std::string& part) { return part == ".."; });
}

/// `cginit:[4026532211]`, with the id of the PID namespace: a container in this one has another, or is not beside PID 1. Who is
/// not shares the PID namespace with other containers, and has the id of the mount namespace in the mark, too.
std::string mount_mark(const Snapshot& snapshot) {
    const auto pids = snapshot.namespaces.find("pid");
    const auto mounts = snapshot.namespaces.find("mnt");
    const bool beside_pid1 = snapshot.pid.value_or(1) == 1 || snapshot.pid1_mounts == Tri::yes;
    if (pids == snapshot.namespaces.end() || (!beside_pid1 && mounts == snapshot.namespaces.end())) {
        return kMountSource;
    }
    const std::string mark = concat({kMountSource, ":[", std::to_string(pids->second), "]"});
    return beside_pid1 ? mark : concat({mark, ":[", std::to_string(mounts->second), "]"});
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

/// cgroup2 on /sys/fs/cgroup is unified; a cgroup2 mount below it next to v1 mounts is hybrid, as systemd's statfs
/// checks see it (src/basic/cgroup-util.c, cg_unified_cached).
View classify_view(const std::vector<Hierarchy>& hierarchies) {
    bool v1 = false;
    bool v2 = false;
    for (const Hierarchy& hierarchy : hierarchies) {
        for (const HierarchyMount& mount : hierarchy.mounts) {
            if (!mount.in_view || !mount.visible) {
                continue;
            }
            if (mount.entry.point == kCgroupRoot) {
                return View::unified;
            }
            v2 = v2 || hierarchy.version == HierarchyVersion::v2;
            v1 = v1 || hierarchy.version == HierarchyVersion::v1;
        }
    }
    if (v1) {
        return v2 ? View::hybrid : View::legacy;
    }
    return View::none;
}

Tri classify_memory_controller(const Snapshot& snapshot) {
    if (!snapshot.controllers) {
        return Tri::unknown;
    }
    const std::vector<std::string>& names = *snapshot.controllers;
    return std::find(names.begin(), names.end(), "memory") != names.end() ? Tri::yes : Tri::no;
}

/// Where systemd, elogind and OpenRC put a login or a service: `/user.slice/user-0.slice/session-3.scope`,
/// `/system.slice/ssh.service`, `/openrc.sshd`; of elogind the session's name alone, in a hierarchy of its own.
bool is_units(const CgroupEntry& cgroup) {
    const std::string name = base_name(cgroup.path);
    const bool elogind = cgroup.controllers == std::vector<std::string>{"name=elogind"};
    const bool openrc = cgroup.controllers == std::vector<std::string>{"name=openrc"};
    return (name.starts_with("session-") && name.ends_with(".scope")) || name.ends_with(".service") ||
           name.starts_with("openrc.") || ((elogind || openrc) && cgroup.path != "/");
}

/// The own cgroup, where it is none that was made for a container: empty if it may be one. On some hosts an engine makes one
/// in some hierarchies only, and leaves the process in its own service's in others.
std::string classify_unit(const Snapshot& snapshot, const std::string& container_id) {
    std::string unit;
    for (const CgroupEntry& cgroup : snapshot.cgroups) {
        if (!container_id.empty() && cgroup.path.find(container_id) != std::string::npos) {
            return {};
        }
        if (unit.empty() && is_units(cgroup)) {
            unit = cgroup.path;
        }
    }
    return unit;
}

/// Whose processes and mounts these are.
void classify_company(const Snapshot& snapshot, World& world) {
    const auto processes = snapshot.namespaces.find("pid");
    if (processes != snapshot.namespaces.end()) {
        world.host_processes = processes->second == kInitialPidNamespace ? Tri::yes : Tri::no;
    }
    world.is_pid1 = !snapshot.pid || *snapshot.pid == 1;
    world.pid1_mounts = snapshot.pid1_mounts;
    world.neighbours = snapshot.neighbours;
    world.neighbour = snapshot.neighbour;
    world.unit = classify_unit(snapshot, world.container_id);
}

/// Who may do what.
void classify_privileges(const Snapshot& snapshot, World& world) {
    const std::uint64_t effective = snapshot.status.effective_capabilities;
    world.has_sys_admin = is_set(effective, kCapSysAdmin);
    world.has_setpcap = is_set(effective, kCapSetpcap);
    // The last one is asked for since Linux 5.12, for a map that has the id 0; verify_root_map(), kernel/user_namespace.c.
    world.maps_ids = is_set(effective, kCapSetuid) && is_set(effective, kCapSetgid) && is_set(effective, kCapSetfcap);
    world.is_root = snapshot.status.uid.value_or(0) == 0;
    world.bounding_capabilities = snapshot.status.bounding_capabilities;
    world.bounds_sys_admin = is_set(world.bounding_capabilities, kCapSysAdmin);
    world.initial_user_namespace = in_initial_user_namespace(snapshot);
    world.rootless = is_rootless_map(snapshot.uid_map);
    world.uid_ranges = id_ranges(snapshot.uid_map);
    world.gid_ranges = id_ranges(snapshot.gid_map);
    world.user_namespaces = snapshot.user_namespaces;
    world.max_user_namespaces = snapshot.max_user_namespaces;
    world.seccomp_filter = snapshot.status.seccomp_filter;
    world.security_label = snapshot.security_label;
}

World classify_marked(const Snapshot& snapshot, const std::string& mark) {
    World world;
    world.namespaced = classify_namespaced(snapshot);
    world.cgroup_namespaces = classify_cgroup_namespaces(snapshot);
    world.hierarchies = join_hierarchies(snapshot, world.namespaced, mark);
    for (Hierarchy& hierarchy : world.hierarchies) {
        if (hierarchy.real_root == Tri::unknown) {
            hierarchy.real_root = classify_real_root(hierarchy, snapshot, world.namespaced);
        }
        hierarchy.delegated = classify_delegated(hierarchy, snapshot);
        hierarchy.outsiders = classify_outsiders(hierarchy, snapshot);
        if (has_controller(hierarchy, "memory")) {
            classify_memory(snapshot, hierarchy);
        }
    }
    world.view = classify_view(world.hierarchies);
    world.mounts = snapshot.mounts;
    world.places = snapshot.places;
    world.host_ttys = snapshot.host_ttys;
    world.memory_controller = classify_memory_controller(snapshot);
    classify_privileges(snapshot, world);
    world.root_is_mount = visible_mount_at(snapshot.mounts, "/") != nullptr;
    world.working_directory = snapshot.working_directory;
    world.root_mount = snapshot.root_mount;
    world.descriptors = snapshot.descriptors;
    world.mount_mark = mark;
    const EngineFacts engine = detect_engine(snapshot);
    world.engine = engine.engine;
    world.container_id = engine.container_id;
    const PlaceFacts place = detect_place(snapshot, engine.engine);
    world.place = place.place;
    world.place_evidence = place.evidence;
    classify_company(snapshot, world);
    world.runtime = detect_runtime(snapshot);
    world.init = snapshot.init;
    return world;
}

}  // namespace

World classify(const Snapshot& snapshot) { return classify_marked(snapshot, mount_mark(snapshot)); }

World classify_again(Snapshot after, const World& before) {
    after.pid1_mounts = before.pid1_mounts;
    return classify_marked(after, before.mount_mark);
}

}  // namespace cginit
