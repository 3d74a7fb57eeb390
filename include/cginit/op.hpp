#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cginit/mount_table.hpp"

namespace cginit {

// The verbs. Each is one change to the kernel's state (or one assertion on it), named after what it does there.

/// mount(2) of a new file system instance.
struct MountFilesystem {
    std::string fstype;  ///< tmpfs, overlay, cgroup, cgroup2
    std::string target;
    std::string options;  ///< file system options: `mode=755`, `cpu,cpuacct`, `none,name=systemd`
    MountFlags flags;
    std::string source = kMountSource;  ///< of the view World::mount_mark
    bool operator==(const MountFilesystem&) const = default;
};
/// mount(MS_BIND). The new mount has the flags of the old one: a bind of a ro mount is ro. `recursive`: with what is mounted
/// below; without it the kernel refuses a mount below which something is locked.
struct BindMount {
    std::string from;
    std::string to;
    bool recursive = false;
    bool operator==(const BindMount&) const = default;
};
/// mount(MS_REMOUNT|MS_BIND): replaces all per-mount flags of one mount, its superblock stays.
struct RemountBind {
    std::string target;
    MountFlags flags;
    bool operator==(const RemountBind&) const = default;
};
/// mount(MS_MOVE) of a mount and everything below it.
struct MoveMount {
    std::string from;
    std::string to;
    bool operator==(const MoveMount&) const = default;
};
enum class PropagationType { private_, slave, shared };
/// mount(MS_PRIVATE|MS_SLAVE|MS_SHARED) of the topmost mount at a point, and with MS_REC of all that is below it.
struct SetPropagation {
    std::string target;
    PropagationType type = PropagationType::private_;
    bool recursive = false;
    bool operator==(const SetPropagation&) const = default;
};
/// umount2(MNT_DETACH|UMOUNT_NOFOLLOW): the topmost mount at a point and everything below it.
struct DetachMount {
    std::string target;
    bool operator==(const DetachMount&) const = default;
};
/// unshare(CLONE_NEWCGROUP): the current cgroup of every hierarchy becomes the new namespace's root. The old
/// namespace is kept open until RestoreCgroupNamespace or execve.
struct UnshareCgroupNamespace {
    bool operator==(const UnshareCgroupNamespace&) const = default;
};
/// setns(2) to the namespace that the last UnshareCgroupNamespace left.
struct RestoreCgroupNamespace {
    bool operator==(const RestoreCgroupNamespace&) const = default;
};
/// unshare(2) of the user namespace, and of the mount, cgroup and UTS namespaces that it shall own. A child process that
/// stays outside writes the maps, user_namespaces(7). Cannot be taken back. What is mounted before is locked in the new
/// one, all of it together: it cannot be moved, unmounted or uncovered, mount_namespaces(7).
struct UnshareUserNamespace {
    std::string uid_map;  ///< lines as /proc/PID/uid_map takes them: `0 0 4294967294`
    std::string gid_map;
    bool operator==(const UnshareUserNamespace&) const = default;
};
/// A user namespace that has a cgroup namespace of its own, made and left by a child process, for EnterUserNamespace. The
/// root of the cgroup namespace is the cgroup of this process in every hierarchy, wherever it goes before it enters.
struct MakeUserNamespace {
    std::string uid_map;
    std::string gid_map;
    bool operator==(const MakeUserNamespace&) const = default;
};
/// setns(2) to what MakeUserNamespace made, and unshare(2) of a mount and a UTS namespace that belong to it. What is mounted
/// before is locked as with UnshareUserNamespace. Cannot be taken back.
struct EnterUserNamespace {
    bool operator==(const EnterUserNamespace&) const = default;
};
/// mkdir(2) on a file system of our own.
struct MakeDirectory {
    std::string path;
    bool operator==(const MakeDirectory&) const = default;
};
/// symlink(2) on a file system of our own.
struct MakeSymlink {
    std::string target;
    std::string path;
    bool operator==(const MakeSymlink&) const = default;
};
/// mknod(2) of the character device 0:0: in an upper layer it hides what the layers below have at the name, overlayfs.
struct MakeWhiteout {
    std::string path;
    bool operator==(const MakeWhiteout&) const = default;
};
/// mkdir(2) or an empty file at `path`, parents included, so that what is at `like` can be moved or bound there.
/// Each has the owner and the mode of its counterpart on the way to `like`.
struct MakeMountPoint {
    std::string like;
    std::string path;
    bool operator==(const MakeMountPoint&) const = default;
};
/// mkdir(2) of a cgroup. One that is there already is used: an earlier cginit of the same container that was killed
/// leaves it.
struct MakeCgroup {
    std::string path;
    bool operator==(const MakeCgroup&) const = default;
};
/// rmdir(2) of a cgroup.
struct RemoveCgroup {
    std::string path;
    bool operator==(const RemoveCgroup&) const = default;
};
/// Writes every process of a cgroup into another one's cgroup.procs until none that we can see is left; bounded.
/// Processes of other pid namespaces read as 0 and stay.
struct MoveProcesses {
    std::string from;
    std::string to;
    bool operator==(const MoveProcesses&) const = default;
};
/// Writes this process alone into a cgroup's cgroup.procs.
struct JoinCgroup {
    std::string path;
    bool operator==(const JoinCgroup&) const = default;
};
/// Writes one value to a file of a cgroup.
struct WriteCgroupFile {
    std::string path;
    std::string value;
    bool operator==(const WriteCgroupFile&) const = default;
};
/// Reads one cgroup file and writes its content to another (cpuset.cpus of a new v1 child).
struct CopyCgroupFile {
    std::string from;
    std::string to;
    bool operator==(const CopyCgroupFile&) const = default;
};
/// Gives a child those of its parent's limits that programs read at their own cgroup: each of `files` that both have, one
/// after the other. It does not make the limit hold, the parent's does, so a refusal is a note and no failure.
struct CopyLimits {
    std::string from;
    std::string to;
    std::vector<std::string> files;  ///< `memory.max`
    bool operator==(const CopyLimits&) const = default;
};
/// Writes `+controller` to cgroup.subtree_control for each of `controllers` (empty: each that cgroup.controllers offers),
/// one at a time: a write is all or nothing. EBUSY is a process that entered the cgroup meanwhile (`docker exec`): those
/// are moved to `leaf` and the write tried again, bounded. Each refusal is a note, none is a failure.
struct EnableControllers {
    std::string cgroup;
    std::string leaf;
    std::vector<std::string> controllers = {};
    bool operator==(const EnableControllers&) const = default;
};
/// Writes `-controller` for each that EnableControllers enabled there.
struct DisableControllers {
    std::string cgroup;
    bool operator==(const DisableControllers&) const = default;
};
/// Lowers cgroup.max.descendants and cgroup.max.depth of a v2 cgroup, cgroups(7), which hold for all that is below it. A value
/// that is lower already stays. Never at the hierarchy's real root, where both are there, too, and hold for the host.
struct LimitDescendants {
    std::string cgroup;
    std::optional<std::uint64_t> descendants = {};  ///< cgroups; none = as it is
    std::optional<std::uint64_t> depth = {};        ///< levels
    bool operator==(const LimitDescendants&) const = default;
};
/// Writes back what LimitDescendants lowered there.
struct RestoreDescendantLimits {
    std::string cgroup;
    bool operator==(const RestoreDescendantLimits&) const = default;
};
/// Fails if the cgroup directory is a hierarchy's real root: v1 has release_agent, v2 lacks cgroup.type.
struct AssertNotRealRoot {
    std::string path;
    bool v2 = false;
    bool operator==(const AssertNotRealRoot&) const = default;
};
/// Fails unless the cgroup directory is a hierarchy's real root.
struct AssertRealRoot {
    std::string path;
    bool v2 = false;
    bool operator==(const AssertRealRoot&) const = default;
};
/// Fails if a process is in the cgroup or below it, by cgroup.events; v1 does not tell.
struct AssertUnpopulated {
    std::string path;
    bool operator==(const AssertUnpopulated&) const = default;
};
/// Fails if processes from outside of this PID namespace are in the v2 cgroup: then it is not this container's alone. What an
/// engine brings in by exec is waited for, a second at most.
struct AssertNoOutsiders {
    std::string path;
    bool operator==(const AssertNoOutsiders&) const = default;
};
/// chdir(2) to the directory at the path, or to "/" with a note where there is none. What was the working directory is kept
/// open until ReturnToDirectory or execve.
struct EnterDirectory {
    std::string path;
    bool operator==(const EnterDirectory&) const = default;
};
/// fchdir(2) to the directory that the last EnterDirectory left.
struct ReturnToDirectory {
    bool operator==(const ReturnToDirectory&) const = default;
};
/// Fails unless memory.use_hierarchy reads 1 or is not there any more.
struct AssertHierarchicalMemory {
    std::string path;
    bool operator==(const AssertHierarchicalMemory&) const = default;
};
/// Fails unless the directory is a cgroup whose cgroup.procs holds this process.
struct AssertMember {
    std::string path;
    bool operator==(const AssertMember&) const = default;
};
/// mkdir(2) and rmdir(2) of a child cgroup: the proof that a hierarchy is writable.
struct ProbeCgroup {
    std::string path;
    bool operator==(const ProbeCgroup&) const = default;
};

/// Opens a placeholder, close-on-exec, for each closed descriptor of 0 to 2: the log must not go to a file of ours.
struct HoldStandardDescriptors {
    bool operator==(const HoldStandardDescriptors&) const = default;
};
/// prctl(PR_SET_DUMPABLE) 0, until execve(2): without CAP_SYS_PTRACE no process in another mount namespace reaches what is
/// being built, by /proc/PID/root or fd, proc(5). Children are hidden, too. Where the init's file cannot be read, it stays so.
struct HideFromOthers {
    bool operator==(const HideFromOthers&) const = default;
};
/// flock(2) of the mount namespace, until execve: no second cginit works on the same mounts. Waits ten seconds at most.
struct LockMountNamespace {
    bool operator==(const LockMountNamespace&) const = default;
};
/// Blocks all signals, so that none ends the process half-way.
struct HoldSignals {
    bool operator==(const HoldSignals&) const = default;
};
/// The signal mask as it was before HoldSignals; what came meanwhile is delivered.
struct ReleaseSignals {
    bool operator==(const ReleaseSignals&) const = default;
};
/// umask(2) 0: what is made has the mode that is said here. Until ReleaseUmask.
struct HoldUmask {
    bool operator==(const HoldUmask&) const = default;
};
/// The umask as it was before HoldUmask.
struct ReleaseUmask {
    bool operator==(const ReleaseUmask&) const = default;
};
/// Closes every descriptor from `first` on that execve(2) would hand on, and those in `others`; in the place of 0 to 2
/// is /dev/null then.
struct CloseDescriptors {
    int first = 3;
    std::vector<int> others = {};
    bool operator==(const CloseDescriptors&) const = default;
};
/// Drops capabilities from the bounding, ambient, permitted, effective and inheritable set, capabilities(7). One that
/// the kernel does not know is dropped already. With cap_sys_admin goes the making of user namespaces: in a new one it is
/// back, and cgroup file systems can be mounted there, user_namespaces(7).
struct DropCapabilities {
    std::vector<std::string> names;  ///< `cap_sys_admin`
    bool operator==(const DropCapabilities&) const = default;
};
/// Drops all capabilities but these from the bounding, permitted, effective and inheritable set, capabilities(7): a new user
/// namespace gives all that there are. Without cap_sys_admin it forbids new user namespaces, as DropCapabilities does.
struct KeepCapabilities {
    std::uint64_t mask = 0;                 ///< a bit each, as in /proc/PID/status
    std::vector<std::string> but_for = {};  ///< these not: `cap_sys_admin`
    bool operator==(const KeepCapabilities&) const = default;
};
/// DropCapabilities in a child process that ends right after it.
struct RehearseDropCapabilities {
    std::vector<std::string> names;
    bool operator==(const RehearseDropCapabilities&) const = default;
};
/// Mounts a tmpfs and unmounts it again, in a child process with a mount namespace of its own. Fails only where the
/// unmounting does: what refuses the rest will refuse the plan's own steps.
struct RehearseUnmount {
    std::string target;
    bool operator==(const RehearseUnmount&) const = default;
};
/// execve(2). Does not return if it succeeds.
struct ExecuteProgram {
    std::string file;
    std::vector<std::string> argv;
    std::vector<std::string> environment;
    bool operator==(const ExecuteProgram&) const = default;
};

using AnyOp =
    std::variant<MountFilesystem, BindMount, RemountBind, MoveMount, SetPropagation, DetachMount,
                 UnshareCgroupNamespace, RestoreCgroupNamespace, UnshareUserNamespace, MakeUserNamespace,
                 EnterUserNamespace, MakeDirectory, MakeSymlink, MakeWhiteout, MakeMountPoint, MakeCgroup, RemoveCgroup,
                 MoveProcesses, JoinCgroup, WriteCgroupFile, CopyCgroupFile, CopyLimits, EnableControllers,
                 DisableControllers, LimitDescendants, RestoreDescendantLimits, AssertNotRealRoot, AssertRealRoot,
                 AssertHierarchicalMemory, AssertMember, ProbeCgroup, AssertNoOutsiders, AssertUnpopulated,
                 EnterDirectory, ReturnToDirectory, HoldStandardDescriptors, HideFromOthers, LockMountNamespace,
                 HoldSignals, ReleaseSignals, HoldUmask, ReleaseUmask, CloseDescriptors, DropCapabilities,
                 KeepCapabilities, RehearseDropCapabilities, RehearseUnmount, ExecuteProgram>;

/// One op of any kind: a variant whose copies, moves and comparisons are compiled once. Each file that has a plan would otherwise
/// compile those of all kinds.
struct Op : AnyOp {
    using AnyOp::AnyOp;
    Op(const Op& other);
    Op(Op&& other) noexcept;
    Op& operator=(const Op& other);
    Op& operator=(Op&& other) noexcept;
    ~Op();

    bool operator==(const Op& other) const;
};

/// What an op changes. `nothing`: it asserts, and fails where that does not hold.
enum class Writes { mounts, namespaces, files, cgroups, process, nothing };
[[nodiscard]] Writes writes(const Op& op);

/// One line, as --dry-run, the debug log and errors print it: `move mount /sys/fs/cgroup -> /proc/driver/old`.
[[nodiscard]] std::string describe(const Op& op);
/// `rw,nosuid,nodev,noexec,relatime`
[[nodiscard]] std::string describe(const MountFlags& flags);

}  // namespace cginit
