#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cginit/mount_table.hpp"
#include "cginit/snapshot.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// Who started the container, and its id, from what engines leave in mountinfo and /proc/self/cgroup.
struct EngineFacts {
    Engine engine = Engine::oci;
    std::string container_id;
};

/// Which runtime, from how it made /sys read-only; unknown where it did not, as with --privileged. Once cginit has made such a
/// /sys read-only itself, by a bind-remount, it looks like crun's.
[[nodiscard]] Runtime detect_runtime(const Snapshot& snapshot);

[[nodiscard]] EngineFacts detect_engine(const Snapshot& snapshot);

/// The type in a context of SELinux' such as `system_u:system_r:container_t:s0:c1,c2`; empty for a label of AppArmor's.
[[nodiscard]] std::string selinux_type(const std::string& label);

/// A profile or a policy has a say in what a process with that label does: `docker-default (enforce)`, `container_t`. Not
/// SELinux' types that may do anything, such as spc_t, the container that is not confined.
[[nodiscard]] bool is_confined(const std::string& label);

/// A place, and what tells it.
struct PlaceFacts {
    Place place = Place::unknown;
    std::string evidence;  ///< one clause; empty if the place is unknown

    bool operator==(const PlaceFacts&) const = default;
};

/// What started the container for its user: what stands above the engine where there is such a thing, else the engine.
/// Unknown where the signs of two are there.
[[nodiscard]] PlaceFacts detect_place(const Snapshot& snapshot, Engine engine);

/// A host, and what tells it.
struct HostFacts {
    Host host = Host::unknown;
    std::string evidence;  ///< one clause; empty if the host is unknown

    bool operator==(const HostFacts&) const = default;
};

/// What the container's kernel and the paths of the engine's files tell of the host. Unknown where two contradict each other.
[[nodiscard]] HostFacts detect_host(const Snapshot& snapshot);

/// `         0       1001          1`: a plain user has one id to give to root, and the rest from /etc/subuid,
/// user_namespaces(7).
[[nodiscard]] bool is_rootless_map(const std::string& map);

/// By the namespace's number, which is the same on every kernel that has them, and by the map. Kernels without user namespaces
/// have no uid_map.
[[nodiscard]] bool in_initial_user_namespace(const Snapshot& snapshot);

/// The lines of /proc/self/uid_map or gid_map.
[[nodiscard]] std::vector<IdRange> id_ranges(const std::string& map);

/// Where the own cgroup's directory is to be found through a mount: its mount point plus what the own path has beyond
/// the mount's root. Empty if the mount does not show the own cgroup (`/..`, a root beside or below it).
[[nodiscard]] std::optional<std::string> own_directory(const MountEntry& mount, const std::string& own_path);

/// True if a path or mount root lies outside the own cgroup namespace: `/..`, `/../../docker`, cgroup_namespaces(7).
[[nodiscard]] bool is_outside_namespace(const std::string& path);

/// True if the mount's superblock options name every controller of the set: `rw,cpu,cpuacct`, `rw,xattr,name=systemd`.
/// An empty set is v2 and belongs to every cgroup2 mount.
[[nodiscard]] bool carries_controllers(const MountEntry& mount, const std::vector<std::string>& controllers);

/// One of the files that engines bind into every container, by its name: hosts, hostname or resolv.conf.
[[nodiscard]] bool is_engines_file(const MountEntry& mount);

/// The own cgroup's directory as one cgroup mount shows it.
struct OwnDirectory {
    const CgroupEntry* cgroup = nullptr;  ///< of the Snapshot
    std::string point;                    ///< the mount's
    std::string path;
};

/// One for every cgroup mount that shows the own cgroup and that a path walk to its mount point ends in.
[[nodiscard]] std::vector<OwnDirectory> own_directories(const Snapshot& snapshot);

/// An entry that no kernel shows there.
struct TreeFault {
    std::size_t index = 0;
    std::string text;  ///< what is wrong with it
};

/// Looks for what cannot be, because part of the table is missing or is another's: what is not seen is not guarded, and
/// a plan for mounts that hang nowhere promises nothing. Every mount lies at or below the point of its parent; only the
/// one at "/" may have its parent out of sight, or, where the root directory is no mount point, all that lie on the
/// mount that holds it (show_mountinfo(), fs/proc_namespace.c).
[[nodiscard]] std::optional<TreeFault> fault_in_tree(const MountTable& table);

/// `6.1.0-18-amd64` is at least 5.11; false of what is not known.
[[nodiscard]] bool is_at_least(const std::optional<std::string>& release, std::uint64_t major, std::uint64_t minor);

/// The own cgroup of each hierarchy, with its mounts and what they show. `mark` is the source of what a cginit of this container
/// mounted (World::mount_mark). A mount of no hierarchy that /proc/self/cgroup names is one of its own with the id -1.
[[nodiscard]] std::vector<Hierarchy> classify_hierarchies(const Snapshot& snapshot, Tri namespaced,
                                                          const std::string& mark);

}  // namespace cginit
