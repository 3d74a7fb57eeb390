#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cginit/init_traits.hpp"
#include "cginit/mount_table.hpp"

namespace cginit {

/// A fact that may be out of sight. `unknown` always has a planned answer; it is never taken for `no`.
enum class Tri { no, yes, unknown };

/// The host's: PROC_PID_INIT_INO, include/linux/proc_ns.h.
inline constexpr std::uint64_t kInitialPidNamespace = 4026531836;

/// One line of /proc/self/cgroup, cgroups(7): `4:memory:/docker/3aef`, `9:name=systemd:/docker/3aef`, `0::/`.
struct CgroupEntry {
    int hierarchy_id = 0;
    /// Sorted; empty for v2. Named hierarchies have the one element `name=NAME`.
    std::vector<std::string> controllers;
    /// The own cgroup, relative to the root of the own cgroup namespace.
    std::string path;

    bool operator==(const CgroupEntry&) const = default;
};

/// What the own cgroup's directory shows where a mount lets us see it.
struct CgroupDirectory {
    Tri has_release_agent = Tri::unknown;  ///< v1: only a hierarchy's real root has the file
    Tri has_parent_files = Tri::unknown;   ///< v2: only the real root lacks cgroup.events, and cgroup.type (Linux 4.14)
    Tri memory_hierarchical = Tri::unknown;  ///< v1 memory: memory.use_hierarchy reads 1
    Tri tcp_memory_limited = Tri::unknown;   ///< v1 memory: memory.kmem.tcp.limit_in_bytes is a limit
    /// v2: this process may write what an owner delegates, and no limit; cgroups(7), "Cgroups delegation".
    Tri delegated = Tri::unknown;
    /// This process may write it. no: its files are another user's, who keeps them to himself.
    Tri owned = Tri::unknown;
    /// v2: processes from outside of the PID namespace are in it, which cgroup.procs shows as 0, cgroups(7). v1 shows none.
    Tri outsiders = Tri::unknown;
    bool operator==(const CgroupDirectory&) const = default;
};

/// What is at a path, symlinks in its last component not followed. That a directory is empty is asked of kJournal only; that
/// is a symlink, too, if a directory above it is one.
enum class PlaceType { unknown, absent, directory, empty, symlink, other };

/// The number of CAP_SYS_ADMIN, capabilities(7).
inline constexpr unsigned kCapSysAdmin = 21;
/// True if a set of /proc/PID/status has the capability with that number.
[[nodiscard]] constexpr bool is_set(std::uint64_t capabilities, unsigned number) {
    return ((capabilities >> number) & 1U) != 0;
}

/// Capability and filter facts of /proc/self/status, proc(5).
struct ProcessStatus {
    std::uint64_t effective_capabilities = 0;
    std::uint64_t bounding_capabilities = 0;  ///< what a process of this container can have at most
    std::optional<std::uint64_t> uid;         ///< the effective one, inside the user namespace
    Tri no_new_privileges = Tri::unknown;
    Tri seccomp_filter = Tri::unknown;
    bool operator==(const ProcessStatus&) const = default;
};

/// Whether a process here may make a user namespace and a second one within it. Seccomp filters, security modules, sysctls
/// and limits have a say, so that only trying tells.
struct UserNamespaces {
    Tri possible = Tri::unknown;
    int errnum = 0;  ///< what unshare(2) said, 0 if it was possible or not tried
    /// Not even the first can be made, by unshare(2), clone(2) or clone3(2), and not for want of resources, which others may
    /// give back.
    Tri closed = Tri::unknown;
    bool operator==(const UserNamespaces&) const = default;
};

/// Who else is in the own mount namespace.
enum class Neighbours {
    not_looked_for,  ///< PID 1 need not ask: it was there first
    none,            ///< only ancestors of this process, and what entered the container after the first of them
    some,
    hidden,  ///< /proc does not show all processes (hidepid, proc(5)), or not PID 1
};

/// A directory that a process holds, and the mount that it was entered on: what is mounted at its path since does not change
/// that.
struct HeldDirectory {
    std::string path;  ///< as /proc/self/cwd shows it; empty if that cannot be read
    int mount = 0;     ///< the mount's id, 0 if unknown

    bool operator==(const HeldDirectory&) const = default;
};

/// What an inherited descriptor leads to, besides the file that it is.
enum class DescriptorKind {
    directory,   ///< all below it, on a mount that may be gone from sight
    cgroup,      ///< a file or directory of a cgroup file system
    name_space,  ///< setns(2)
};

/// A descriptor that outlives execve(2) and would lead the init out of its view.
struct InheritedDescriptor {
    int number = 0;
    DescriptorKind kind = DescriptorKind::directory;

    bool operator==(const InheritedDescriptor&) const = default;
};

/// What came of trying the steps of a plan that can be tried.
struct TriedPlan {
    std::size_t steps = 0;  ///< how many the plan has: whose trial it was
    std::string refused;    ///< the step that was refused, as describe() has it; empty if none was
    int errnum = 0;         ///< with which errno

    bool operator==(const TriedPlan&) const = default;
};

/// Everything that cginit knows of the system, read once and frozen. A capture folder holds the same files, so that
/// whatever follows from a Snapshot follows from a capture.
struct Snapshot {
    MountTable mounts;                 ///< /proc/self/mountinfo
    std::vector<CgroupEntry> cgroups;  ///< /proc/self/cgroup
    ProcessStatus status;              ///< /proc/self/status
    std::string uid_map;               ///< /proc/self/uid_map, as read
    std::string gid_map;               ///< /proc/self/gid_map, as read
    /// Namespace ids by name: `cgroup` -> 4026531835; a missing link has no entry.
    std::map<std::string, std::uint64_t> namespaces;
    /// /proc/sys/user/max_user_namespaces: how many the own user namespace may have.
    std::optional<std::uint64_t> max_user_namespaces;
    /// /proc/sys/kernel/apparmor_restrict_unprivileged_userns, of Ubuntu's kernels: whom no profile confines has no capability
    /// in a user namespace of its own. Unknown where there is no such file.
    Tri restricts_user_namespaces = Tri::unknown;
    UserNamespaces user_namespaces;
    /// The own cgroup namespace belongs to the own user namespace, NS_GET_USERNS of ioctl_ns(2): setns(2) leads back to it.
    Tri owns_cgroup_namespace = Tri::unknown;
    std::string security_label;            ///< /proc/self/attr/current: `docker-default (enforce)`; empty if unreadable
    std::vector<std::string> filesystems;  ///< /proc/filesystems, without `nodev`
    /// /proc/cgroups: the controllers that are compiled in and not disabled; empty without the file.
    std::optional<std::vector<std::string>> controllers;
    std::optional<std::string> kernel_release;  ///< /proc/sys/kernel/osrelease
    /// By mount point of a visible cgroup mount: what the own cgroup's directory shows there.
    std::map<std::string, CgroupDirectory> directories;
    /// By path, for kTmpfsPoints: what is there to mount on.
    std::map<std::string, PlaceType> places;
    /// The host's terminals in /dev: `tty0` to `tty63`; empty if /dev could not be listed.
    std::optional<std::vector<std::string>> host_ttys;
    /// getpid() of the running system; empty for a capture, which stands for PID 1.
    std::optional<int> pid;
    /// PID 1 of the own PID namespace has the own mount namespace: by /proc/PID/ns/mnt, or by mount ids, which are unique.
    Tri pid1_mounts = Tri::unknown;
    Neighbours neighbours = Neighbours::not_looked_for;
    std::string neighbour;  ///< one of them: `1 (systemd)`
    /// $container, by which a container manager tells its name: `lxc`, `systemd-nspawn` (systemd's CONTAINER_INTERFACE). An image may
    /// say anything in it.
    std::string container_variable;
    HeldDirectory working_directory;
    int root_mount = 0;  ///< the id of the mount that the process has for "/", 0 if unknown
    /// Those that lead out of the view.
    std::vector<InheritedDescriptor> descriptors;
    InitTraits init;
    /// In a capture what --capture tried; empty where nothing was tried yet.
    std::optional<TriedPlan> tried;

    bool operator==(const Snapshot&) const = default;
};

}  // namespace cginit
