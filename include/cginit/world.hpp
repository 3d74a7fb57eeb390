#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cginit/place.hpp"
#include "cginit/snapshot.hpp"

namespace cginit {

/// How much of a hierarchy one mount shows, compared with the own cgroup.
enum class Exposure {
    own_subtree,  ///< its root is the own cgroup, named from the host's root: `/docker/ID`
    namespaced,   ///< its root is the own cgroup and the root of a private cgroup namespace: `/`
    below,        ///< its root lies below the own cgroup: nothing above can be reached
    whole_tree,   ///< its root lies above the own cgroup, or beside it
    foreign,      ///< its root lies outside the cgroup namespace: `/..`
};

/// True if the root of a mount lies above the own cgroup, or beside it.
[[nodiscard]] bool is_above_own(Exposure exposure);
/// The one question of V1: does a mount show more than the own cgroup? Its root lies above it or beside it, or it is the host's
/// root of the hierarchy, which nobody limits (`real_root`); where the own cgroup is that root, all that is below is somebody else's. Where the mount is, whether it is covered and what its source is
/// called make no difference.
[[nodiscard]] Tri shows_more(Exposure exposure, Tri real_root);

/// One mount of a hierarchy.
struct HierarchyMount {
    MountEntry entry;
    Exposure exposure = Exposure::foreign;
    bool visible = false;    ///< a path walk to the mount point ends in it
    bool reachable = false;  ///< it can be moved or unmounted (is_reachable)
    bool in_view = false;    ///< it belongs to /sys/fs/cgroup
    bool ours = false;       ///< a cginit of this container mounted it (World::mount_mark)
    bool sealed = false;     ///< a mount of ours covers it, and a user namespace keeps both in place

    bool operator==(const HierarchyMount&) const = default;
};

enum class HierarchyVersion { v1, v2 };

/// A cgroup hierarchy joined from /proc/self/cgroup and mountinfo by its set of controllers, cgroups(7).
struct Hierarchy {
    int id = 0;
    HierarchyVersion version = HierarchyVersion::v1;
    std::vector<std::string> controllers;  ///< sorted; `name=systemd` for named ones; empty for v2
    std::string own_path;                  ///< as in /proc/self/cgroup
    std::vector<HierarchyMount> mounts;    ///< in mountinfo's order; empty = mounted nowhere
    Tri real_root = Tri::unknown;          ///< the own cgroup is the host's root of the hierarchy
    Tri memory_hierarchical = Tri::unknown;
    Tri tcp_memory_limited = Tri::unknown;
    Tri delegated = Tri::unknown;  ///< the own cgroup is this container's to divide, its limits are somebody else's
    Tri owned = Tri::unknown;      ///< no: the own cgroup is another user's, and nothing can be made in it
    Tri outsiders = Tri::unknown;  ///< others are in the own cgroup, from outside of the PID namespace

    bool operator==(const Hierarchy&) const = default;
};

/// Which hierarchies there are: those of the cgroup view at /sys/fs/cgroup, or where nothing is mounted there, the host's.
enum class View { unified, hybrid, legacy, none };

/// Ids that the own user namespace maps, user_namespaces(7): `0 100000 65536` has 65536 of them from 0 on.
struct IdRange {
    std::uint64_t first = 0;    ///< as this process sees it
    std::uint64_t outside = 0;  ///< as the user namespace around it does
    std::uint64_t count = 0;

    bool operator==(const IdRange&) const = default;
};

enum class Engine { docker, podman, lxc, kubernetes, oci };

/// What the engine had start the container.
enum class Runtime { runc, crun, gvisor, sysbox, unknown };

/// The Snapshot, understood. Pure facts, no wishes.
struct World {
    std::vector<Hierarchy> hierarchies;
    View view = View::none;
    bool view_in_sight =
        true;  ///< a cgroup mount is visible at /sys/fs/cgroup or below; else /proc/self/cgroup tells the view
    MountTable mounts;
    std::map<std::string, PlaceType> places;  ///< what is at kTmpfsPoints
    std::optional<std::vector<std::string>> host_ttys;
    Tri memory_controller = Tri::unknown;  ///< the kernel has it, and nobody disabled it
    Tri cgroup_namespaces = Tri::unknown;  ///< the kernel has them (Linux 4.6)
    Tri namespaced = Tri::unknown;         ///< the own cgroup namespace is not the initial one
    bool has_sys_admin = false;            ///< CAP_SYS_ADMIN is effective
    bool has_setpcap = false;              ///< CAP_SETPCAP is effective
    bool is_root = true;                   ///< uid 0; libmount and the cgroups' owner let nobody else
    bool bounds_sys_admin = false;         ///< CAP_SYS_ADMIN is in the bounding set: root would have it
    bool initial_user_namespace = true;    ///< uid_map is the full identity map
    bool rootless = false;                 ///< the engine is run by a plain user, who is root in the container
    bool maps_ids = false;  ///< CAP_SETUID, CAP_SETGID and CAP_SETFCAP are effective: they let it map ids for others
    bool is_pid1 = true;
    bool root_is_mount = true;        ///< "/" is a mount point: nothing of the mount namespace is out of sight
    std::vector<IdRange> uid_ranges;  ///< empty: the kernel has no user namespaces
    std::vector<IdRange> gid_ranges;
    std::uint64_t bounding_capabilities = 0;  ///< as in /proc/self/status
    UserNamespaces user_namespaces;
    std::optional<std::uint64_t> max_user_namespaces;
    Tri restricts_user_namespaces = Tri::unknown;  ///< as in the Snapshot
    Tri seccomp_filter = Tri::unknown;
    std::string security_label;
    Tri owns_cgroup_namespace = Tri::unknown;  ///< who left the own cgroup namespace can go back to it
    Tri host_processes = Tri::unknown;         ///< the own PID namespace is the initial one
    Tri pid1_mounts = Tri::unknown;            ///< PID 1 has the own mount namespace
    Neighbours neighbours = Neighbours::not_looked_for;
    std::string neighbour;
    std::string unit;  ///< the own cgroup where it is a login session's or a service's of the host; else empty
    HeldDirectory working_directory;
    int root_mount = 0;
    std::vector<InheritedDescriptor> descriptors;
    /// The mount source of the view that cginit makes in this container, and in no other: `cginit:[4026532211]`; where the
    /// PID namespace is shared with other containers `cginit:[4026532211]:[4026532208]`.
    std::string mount_mark = kMountSource;
    Engine engine = Engine::oci;
    Runtime runtime = Runtime::unknown;  ///< a guess, as the place is
    Place place = Place::unknown;
    std::string place_evidence;  ///< what tells the place, one clause; empty if it is unknown
    Host host = Host::unknown;
    std::string host_evidence;  ///< likewise of the host
    std::string container_id;   ///< hexadecimal, empty if not found
    InitTraits init;

    bool operator==(const World&) const = default;
};

inline constexpr const char* kCgroupRoot = "/sys/fs/cgroup";
/// The cgroup level between the engine's limits and the init: the child's name.
inline constexpr const char* kInnerName = "cginit";
/// The leaf that the init is moved to before controllers are enabled at its root: systemd's name for its own.
inline constexpr const char* kLeafName = "init.scope";

[[nodiscard]] bool is_above_own(const HierarchyMount& mount);
[[nodiscard]] Tri shows_more(const Hierarchy& hierarchy, const HierarchyMount& mount);
/// `cpu,cpuacct`, `name=systemd`, `unified` for v2: the name in messages and of the step's part.
[[nodiscard]] std::string hierarchy_name(const Hierarchy& hierarchy);
/// True if the hierarchy carries the controller, or is the named one: `memory`, `name=systemd`.
[[nodiscard]] bool has_controller(const Hierarchy& hierarchy, std::string_view controller);
/// The mount of the hierarchy that a path walk below /sys/fs/cgroup ends in; nullptr if there is none.
[[nodiscard]] const HierarchyMount* view_mount(const Hierarchy& hierarchy);
/// `docker`, `podman`, `lxc`, `kubernetes`, `oci`: the value of $container, systemd's CONTAINER_INTERFACE.
[[nodiscard]] const char* to_string(Engine engine);
/// `docker`, `ecs`, `github-actions`, `unknown`
[[nodiscard]] const char* to_string(Runtime runtime);
[[nodiscard]] const char* to_string(Exposure exposure);
[[nodiscard]] const char* to_string(Tri tri);

/// Understands a Snapshot. A cgroup mount whose controllers no line of /proc/self/cgroup has becomes a hierarchy of its
/// own with the id -1 and no own path.
[[nodiscard]] World classify(const Snapshot& snapshot);

/// What cginit sees after its own plan. It is in the container where it was before, though in a user namespace of its own it
/// has other mounts than PID 1.
[[nodiscard]] World classify_again(Snapshot after, const World& before);

}  // namespace cginit
