#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cginit {

/// Per-mount flags that a bind-remount has to repeat, mount(2).
struct MountFlags {
    bool read_only = false;
    bool nosuid = false;
    bool nodev = false;
    bool noexec = false;
    /// "relatime", "noatime", or empty for strictatime.
    std::string atime = {};

    bool operator==(const MountFlags&) const = default;
};

/// Propagation as the optional fields of mountinfo show it, mount_namespaces(7). Both may be set.
struct Propagation {
    std::uint32_t shared = 0;  ///< peer group of `shared:N`, 0 = not shared
    std::uint32_t master = 0;  ///< peer group of `master:N`, 0 = no slave
    bool unbindable = false;

    bool operator==(const Propagation&) const = default;
};

/// One line of /proc/self/mountinfo, proc(5):
/// `121 120 0:29 /docker/3aef /sys/fs/cgroup/cpu ro,nosuid,nodev,noexec,relatime - cgroup cgroup rw,cpu`
struct MountEntry {
    int id = 0;
    int parent = 0;
    std::string root;
    std::string point;
    MountFlags flags;
    Propagation propagation;
    std::string fstype;
    std::string source;
    /// Superblock options as written: `rw,cpu,cpuacct`.
    std::string super_options;

    bool operator==(const MountEntry&) const = default;
};

/// A mount namespace's table in the kernel's order.
using MountTable = std::vector<MountEntry>;

/// The mount source of what cginit mounts. It proves nothing: anybody can write it, and a container in the container shows
/// the mounts of the outer one. A view has the PID namespace's id behind it (World::mount_mark).
inline constexpr const char* kMountSource = "cginit";

/// True for a mount source that cginit gives: `cginit`, `cginit:[4026532211]`.
[[nodiscard]] bool is_cginits(const MountEntry& entry);
/// True for "cgroup" and "cgroup2".
[[nodiscard]] bool is_cgroup(const MountEntry& entry);
/// The mount that a path walk ending exactly at `point` reaches; nullptr if none or if another mount covers it.
[[nodiscard]] const MountEntry* visible_mount_at(const MountTable& table, const std::string& point);
/// The mount on which the path lives: the visible mount with the longest mount point that holds `path`.
[[nodiscard]] const MountEntry* mount_holding(const MountTable& table, const std::string& path);
/// The mount on which `point`'s directory lives, whatever is mounted at `point` itself: the parent of a new mount
/// there if nothing were mounted at `point`.
[[nodiscard]] const MountEntry* mount_below(const MountTable& table, const std::string& point);
/// True if a path walk to the entry's mount point reaches it or what is stacked on it at the same point: it can be
/// moved or unmounted. False if a mount higher up hides it.
[[nodiscard]] bool is_reachable(const MountTable& table, const MountEntry& entry);
/// The mounts stacked at `point` that can be reached, topmost first.
[[nodiscard]] std::vector<const MountEntry*> stack_at(const MountTable& table, const std::string& point);

}  // namespace cginit
