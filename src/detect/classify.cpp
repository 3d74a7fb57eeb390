#include <algorithm>

#include "cginit/world.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "detect/detect.hpp"

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
            // A v1 hierarchy stands there itself where one holds all controllers, as on Android.
            if (mount.entry.point == kCgroupRoot && hierarchy.version == HierarchyVersion::v2) {
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

/// What /proc/self/cgroup says of the host, where nothing is mounted at /sys/fs/cgroup: an image's VOLUME is there, or the engine
/// leaves mounting to the init, as LXC does. A v1 hierarchy of a controller that nobody needs may be left on a v2 host.
View classify_hidden_view(const std::vector<Hierarchy>& hierarchies) {
    View view = View::none;
    for (const Hierarchy& hierarchy : hierarchies) {
        if (hierarchy.id < 0) {
            continue;
        }
        for (const char* controller : {"cpu", "memory", "pids"}) {
            if (has_controller(hierarchy, controller)) {
                return View::legacy;
            }
        }
        if (hierarchy.version == HierarchyVersion::v2) {
            view = View::unified;
        } else if (view == View::none) {
            view = View::legacy;
        }
    }
    return view;
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

/// In a capture of before this was a fact only the host's is known, which is the initial user namespace's.
Tri classify_owns_cgroup_namespace(const Snapshot& snapshot, Tri namespaced) {
    if (snapshot.owns_cgroup_namespace != Tri::unknown || in_initial_user_namespace(snapshot)) {
        return snapshot.owns_cgroup_namespace;
    }
    return namespaced == Tri::no ? Tri::no : Tri::unknown;
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
    world.restricts_user_namespaces = snapshot.restricts_user_namespaces;
    world.seccomp_filter = snapshot.status.seccomp_filter;
    world.security_label = snapshot.security_label;
}

World classify_marked(const Snapshot& snapshot, const std::string& mark) {
    World world;
    world.namespaced = classify_namespaced(snapshot);
    world.owns_cgroup_namespace = classify_owns_cgroup_namespace(snapshot, world.namespaced);
    world.cgroup_namespaces = classify_cgroup_namespaces(snapshot);
    world.hierarchies = classify_hierarchies(snapshot, world.namespaced, mark);
    world.view = classify_view(world.hierarchies);
    if (world.view == View::none) {
        world.view_in_sight = false;
        world.view = classify_hidden_view(world.hierarchies);
    }
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
    const HostFacts host = detect_host(snapshot);
    world.host = host.host;
    world.host_evidence = host.evidence;
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
