#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cginit/mount_table.hpp"
#include "cginit/snapshot.hpp"

namespace cginit {

/// Where the own cgroup's directory is to be found through a mount: its mount point plus what the own path has beyond
/// the mount's root. Empty if the mount does not show the own cgroup (`/..`, a root beside or below it).
[[nodiscard]] std::optional<std::string> own_directory(const MountEntry& mount, const std::string& own_path);

/// True if a path or mount root lies outside the own cgroup namespace: `/..`, `/../../docker`, cgroup_namespaces(7).
[[nodiscard]] bool is_outside_namespace(const std::string& path);

/// True if the mount's superblock options name every controller of the set: `rw,cpu,cpuacct`, `rw,xattr,name=systemd`.
/// An empty set is v2 and belongs to every cgroup2 mount.
[[nodiscard]] bool carries_controllers(const MountEntry& mount, const std::vector<std::string>& controllers);

/// The own cgroup's directory as one cgroup mount shows it.
struct OwnDirectory {
    const CgroupEntry* cgroup = nullptr;  ///< of the Snapshot
    std::string point;                    ///< the mount's
    std::string path;
};

/// One for every cgroup mount that shows the own cgroup and that a path walk to its mount point ends in.
[[nodiscard]] std::vector<OwnDirectory> own_directories(const Snapshot& snapshot);

}  // namespace cginit
