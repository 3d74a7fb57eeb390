#pragma once

#include <map>
#include <string>
#include <vector>

#include "apply/linux/calls.hpp"
#include "apply/linux/cgroup.hpp"
#include "apply/linux/guard.hpp"
#include "cginit/kernel.hpp"
#include "core/unique_fd.hpp"

// Each op and the calls that it makes, in their order; [] = if need be. Mounts are made through libmount, one mount(2) an op;
// capabilities through libcap. In the order of AnyOp, cginit/op.hpp.
//
//   MountFilesystem            mount(2)
//   BindMount                  mount(2) MS_BIND [MS_REC]
//   RemountBind                mount(2) MS_REMOUNT|MS_BIND
//   MoveMount                  mount(2) MS_MOVE
//   SetPropagation             mount(2) MS_PRIVATE, MS_SLAVE or MS_SHARED [MS_REC]
//   DetachMount                umount2(2) MNT_DETACH|UMOUNT_NOFOLLOW
//   UnshareCgroupNamespace     open(2), unshare(2) CLONE_NEWCGROUP
//   RestoreCgroupNamespace     setns(2)
//   UnshareUserNamespace       pipe2(2), fork(2), unshare(2), flock(2); in the child write(2) of both maps
//   MakeUserNamespace          socketpair(2), fork(2); in the child unshare(2), write(2) of both maps, sendmsg(2)
//   EnterUserNamespace         setns(2), unshare(2), flock(2)
//   MakeDirectory              mkdir(2)
//   MakeSymlink                symlink(2)
//   MakeWhiteout               mknod(2)
//   MakeMountPoint             lstat(2), mkdir(2) or open(2) O_CREAT|O_EXCL, chown(2), chmod(2)
//   MakeCgroup                 mkdir(2)
//   RemoveCgroup               rmdir(2), again while it is busy
//   MoveProcesses              read(2) of cgroup.threads, write(2) of cgroup.procs, until nobody is left
//   JoinCgroup                 write(2) of cgroup.procs
//   WriteCgroupFile            write(2)
//   CopyCgroupFile             read(2), write(2)
//   CopyLimits                 read(2), write(2), for each limit
//   EnableControllers          write(2) of cgroup.subtree_control, for each controller
//   DisableControllers         write(2) of cgroup.subtree_control, for each controller
//   LimitDescendants           read(2), [write(2)] of cgroup.max.descendants and cgroup.max.depth
//   RestoreDescendantLimits    write(2) of these
//   AssertNotRealRoot          lstat(2)
//   AssertRealRoot             lstat(2)
//   AssertHierarchicalMemory   read(2)
//   AssertMember               read(2)
//   ProbeCgroup                mkdir(2), rmdir(2)
//   AssertNoOutsiders          read(2) of cgroup.procs, again for a second
//   AssertUnpopulated          read(2) of cgroup.events, again for a second
//   EnterDirectory             open(2), chdir(2)
//   ReturnToDirectory          fchdir(2)
//   HoldStandardDescriptors    fcntl(2), [open(2)]
//   HideFromOthers             prctl(2) PR_SET_DUMPABLE
//   LockMountNamespace         open(2), flock(2), again for ten seconds
//   HoldSignals                sigprocmask(2)
//   ReleaseSignals             [sigtimedwait(2) of our own SIGPIPE], sigprocmask(2)
//   HoldUmask                  umask(2)
//   ReleaseUmask               umask(2)
//   CloseDescriptors           getdents(2), fcntl(2), close(2) each, [open(2) of /dev/null]
//   DropCapabilities           [seccomp(2)], prctl(2) PR_CAPBSET_DROP and PR_CAP_AMBIENT, capset(2)
//   KeepCapabilities           the same
//   RehearseDropCapabilities   fork(2); in the child as DropCapabilities
//   RehearseUnmount            fork(2); in the child unshare(2), mount(2), umount2(2)
//   ExecuteProgram             execve(2)

namespace cginit {

/// The running kernel. The only class that changes the system: mounts through libmount, one mount(2) per op; the rest
/// through one call per verb.
class KernelLinux final : public Kernel {
public:
    Result<Outcome> perform(const Op& op) override;

private:
    Status unshare_cgroup_namespace();
    Status restore_cgroup_namespace();
    Status unshare_user_namespace(const UnshareUserNamespace& op);
    Status make_user_namespace(const MakeUserNamespace& op);
    Status enter_user_namespace();
    Result<Outcome> enter_directory(const EnterDirectory& op);
    Status return_to_directory();
    Result<Outcome> enable(const EnableControllers& op);
    Status disable(const DisableControllers& op);
    Result<Outcome> limit_descendants(const LimitDescendants& op);
    Status restore_descendant_limits(const RestoreDescendantLimits& op);

    /// The namespaces that were left, the last one at the back. Close-on-exec: the init never sees them.
    std::vector<UniqueFd> left_namespaces_;
    std::vector<UniqueFd> left_directories_;
    /// What was enabled here, by cgroup: all that DisableControllers may take back.
    std::map<std::string, std::vector<std::string>> enabled_;
    /// What LimitDescendants lowered, by cgroup: the files, and what was in them.
    std::map<std::string, std::vector<CgroupValue>> lowered_;
    KeptNamespaces kept_;
    ProcessGuard guard_;
};

}  // namespace cginit
