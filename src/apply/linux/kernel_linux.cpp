#include "apply/linux/kernel_linux.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "apply/linux/calls.hpp"
#include "core/path.hpp"
#include "core/text.hpp"

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

namespace cginit {
namespace {

Status make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == 0) {
        return {};
    }
    return make_errno_error(errno, concat({"mkdir ", path}));
}

Status make_symlink(const MakeSymlink& op) {
    if (::symlink(op.target.c_str(), op.path.c_str()) == 0) {
        return {};
    }
    return make_errno_error(errno, concat({"symlink ", op.path}));
}

Status make_whiteout(const MakeWhiteout& op) {
    if (::mknod(op.path.c_str(), S_IFCHR, 0) == 0) {
        return {};
    }
    return make_errno_error(errno, concat({"mknod ", op.path}));
}

/// Owner and mode of another file. An owner that the user namespace does not map cannot be given, and is EINVAL.
Status make_alike(const std::string& path, const struct stat& like) {
    if (::chown(path.c_str(), like.st_uid, like.st_gid) != 0 && errno != EINVAL) {
        return make_errno_error(errno, concat({"chown ", path}));
    }
    constexpr mode_t kBits = 07777;
    // After chown(2), which takes set-id bits away.
    return ::chmod(path.c_str(), like.st_mode & kBits) == 0 ? Status()
                                                            : Status(make_errno_error(errno, concat({"chmod ", path})));
}

Status make_like(const std::string& like, const std::string& path) {
    struct stat status {};
    if (::lstat(like.c_str(), &status) != 0) {
        return make_errno_error(errno, concat({"lstat ", like}));
    }
    if (S_ISDIR(status.st_mode)) {
        if (::mkdir(path.c_str(), 0700) != 0) {
            return make_errno_error(errno, concat({"mkdir ", path}));
        }
    } else {
        const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!file.valid()) {
            return make_errno_error(errno, concat({"create ", path}));
        }
    }
    return make_alike(path, status);
}

/// The directories on the way to `path` that are not there, each like the one as far up from `like`: a secret below a
/// directory that is closed to others must not become open.
Status make_parents(const std::string& like, const std::string& path) {
    struct stat status {};
    const std::string parent = parent_path(path);
    if (parent == "/" || ::lstat(parent.c_str(), &status) == 0) {
        return {};
    }
    const std::string like_parent = parent_path(like);
    const Status above = make_parents(like_parent, parent);
    return above ? make_like(like_parent, parent) : above;
}

Status make_mount_point(const MakeMountPoint& op) {
    const Status parents = make_parents(op.like, op.path);
    return parents ? make_like(op.like, op.path) : parents;
}

Result<Outcome> outcome_of(const Status& status) {
    if (!status) {
        return status.error();
    }
    return Outcome{};
}

}  // namespace

Status KernelLinux::unshare_cgroup_namespace() {
    UniqueFd current(::open("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC));
    if (!current.valid()) {
        return make_errno_error(errno, "open /proc/self/ns/cgroup");
    }
    left_namespaces_.push_back(std::move(current));
    if (::unshare(CLONE_NEWCGROUP) != 0) {
        const int errnum = errno;
        left_namespaces_.pop_back();
        return make_errno_error(errnum, "unshare(CLONE_NEWCGROUP)");
    }
    return {};
}

Status KernelLinux::restore_cgroup_namespace() {
    if (left_namespaces_.empty()) {
        return make_error(ErrorCode::not_as_planned, "no cgroup namespace was left");
    }
    // Gone from the list even if it fails: the next one further out is still to be had.
    const UniqueFd left = std::move(left_namespaces_.back());
    left_namespaces_.pop_back();
    if (::setns(left.get(), CLONE_NEWCGROUP) != 0) {
        return make_errno_error(errno, "setns(CLONE_NEWCGROUP)");
    }
    return {};
}

Result<Outcome> KernelLinux::enter_directory(const EnterDirectory& op) {
    // O_PATH: a directory that may be held but not read is enough to come back.
    UniqueFd current(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!current.valid()) {
        return make_errno_error(errno, "open .");
    }
    left_directories_.push_back(std::move(current));
    if (::chdir(op.path.c_str()) == 0) {
        return Outcome{};
    }
    const int errnum = errno;
    if (::chdir("/") != 0) {
        left_directories_.pop_back();
        return make_errno_error(errno, "chdir /");
    }
    return Outcome{.notes = {concat({"the init starts in / and not in ", op.path, ": ", errno_text(errnum)})}};
}

Status KernelLinux::return_to_directory() {
    if (left_directories_.empty()) {
        return make_error(ErrorCode::not_as_planned, "no directory was left");
    }
    const UniqueFd left = std::move(left_directories_.back());
    left_directories_.pop_back();
    return ::fchdir(left.get()) == 0 ? Status() : Status(make_errno_error(errno, "fchdir"));
}

/// The lock of before holds whoever stayed in the mount namespace of before, this one whoever comes into the new.
Status KernelLinux::unshare_user_namespace(const UnshareUserNamespace& op) {
    Status status = unshare_with_maps(op);
    return status ? guard_.lock_mount_namespace() : status;
}

Status KernelLinux::make_user_namespace(const MakeUserNamespace& op) {
    Result<KeptNamespaces> made = make_namespaces(op);
    if (!made) {
        return made.error();
    }
    kept_ = std::move(*made);
    return {};
}

Status KernelLinux::enter_user_namespace() {
    Status status = enter_namespaces(kept_);
    return status ? guard_.lock_mount_namespace() : status;
}

Result<Outcome> KernelLinux::enable(const EnableControllers& op) { return enable_controllers(op, enabled_[op.cgroup]); }

Status KernelLinux::disable(const DisableControllers& op) {
    Status status = disable_controllers(op, enabled_[op.cgroup]);
    enabled_.erase(op.cgroup);
    return status;
}

Result<Outcome> KernelLinux::limit_descendants(const LimitDescendants& op) {
    return cginit::limit_descendants(op, lowered_[op.cgroup]);
}

Status KernelLinux::restore_descendant_limits(const RestoreDescendantLimits& op) {
    Status status = restore_values(lowered_[op.cgroup]);
    lowered_.erase(op.cgroup);
    return status;
}

Result<Outcome> KernelLinux::perform(const Op& op) {
    struct Performer {
        KernelLinux& kernel;
        Result<Outcome> operator()(const MountFilesystem& verb) const { return outcome_of(mount_filesystem(verb)); }
        Result<Outcome> operator()(const BindMount& verb) const { return outcome_of(bind_mount(verb)); }
        Result<Outcome> operator()(const RemountBind& verb) const { return outcome_of(remount_bind(verb)); }
        Result<Outcome> operator()(const MoveMount& verb) const { return outcome_of(move_mount_point(verb)); }
        Result<Outcome> operator()(const SetPropagation& verb) const { return outcome_of(set_propagation(verb)); }
        Result<Outcome> operator()(const DetachMount& verb) const { return outcome_of(detach_mount(verb)); }
        Result<Outcome> operator()(const UnshareCgroupNamespace& /*verb*/) const {
            return outcome_of(kernel.unshare_cgroup_namespace());
        }
        Result<Outcome> operator()(const RestoreCgroupNamespace& /*verb*/) const {
            return outcome_of(kernel.restore_cgroup_namespace());
        }
        Result<Outcome> operator()(const UnshareUserNamespace& verb) const {
            return outcome_of(kernel.unshare_user_namespace(verb));
        }
        Result<Outcome> operator()(const MakeUserNamespace& verb) const {
            return outcome_of(kernel.make_user_namespace(verb));
        }
        Result<Outcome> operator()(const EnterUserNamespace& /*verb*/) const {
            return outcome_of(kernel.enter_user_namespace());
        }
        Result<Outcome> operator()(const MakeDirectory& verb) const { return outcome_of(make_directory(verb.path)); }
        Result<Outcome> operator()(const MakeSymlink& verb) const { return outcome_of(make_symlink(verb)); }
        Result<Outcome> operator()(const MakeWhiteout& verb) const { return outcome_of(make_whiteout(verb)); }
        Result<Outcome> operator()(const MakeMountPoint& verb) const { return outcome_of(make_mount_point(verb)); }
        Result<Outcome> operator()(const MakeCgroup& verb) const { return make_cgroup(verb.path); }
        Result<Outcome> operator()(const RemoveCgroup& verb) const { return outcome_of(remove_cgroup(verb.path)); }
        Result<Outcome> operator()(const MoveProcesses& verb) const { return outcome_of(move_processes(verb)); }
        Result<Outcome> operator()(const JoinCgroup& verb) const { return outcome_of(join_cgroup(verb)); }
        Result<Outcome> operator()(const WriteCgroupFile& verb) const { return outcome_of(write_cgroup_file(verb)); }
        Result<Outcome> operator()(const CopyCgroupFile& verb) const { return outcome_of(copy_cgroup_file(verb)); }
        Result<Outcome> operator()(const CopyLimits& verb) const { return copy_limits(verb); }
        Result<Outcome> operator()(const EnableControllers& verb) const { return kernel.enable(verb); }
        Result<Outcome> operator()(const DisableControllers& verb) const { return outcome_of(kernel.disable(verb)); }
        Result<Outcome> operator()(const LimitDescendants& verb) const { return kernel.limit_descendants(verb); }
        Result<Outcome> operator()(const RestoreDescendantLimits& verb) const {
            return outcome_of(kernel.restore_descendant_limits(verb));
        }
        Result<Outcome> operator()(const AssertNotRealRoot& verb) const {
            return outcome_of(assert_not_real_root(verb));
        }
        Result<Outcome> operator()(const AssertRealRoot& verb) const { return outcome_of(assert_real_root(verb)); }
        Result<Outcome> operator()(const AssertHierarchicalMemory& verb) const {
            return outcome_of(assert_hierarchical_memory(verb));
        }
        Result<Outcome> operator()(const AssertMember& verb) const { return outcome_of(assert_member(verb)); }
        Result<Outcome> operator()(const ProbeCgroup& verb) const { return outcome_of(probe_cgroup(verb)); }
        Result<Outcome> operator()(const AssertUnpopulated& verb) const { return outcome_of(assert_unpopulated(verb)); }
        Result<Outcome> operator()(const AssertNoOutsiders& verb) const {
            return outcome_of(assert_no_outsiders(verb));
        }
        Result<Outcome> operator()(const EnterDirectory& verb) const { return kernel.enter_directory(verb); }
        Result<Outcome> operator()(const ReturnToDirectory& /*verb*/) const {
            return outcome_of(kernel.return_to_directory());
        }
        Result<Outcome> operator()(const HoldUmask& /*verb*/) const {
            kernel.guard_.hold_umask();
            return Outcome{};
        }
        Result<Outcome> operator()(const ReleaseUmask& /*verb*/) const {
            kernel.guard_.release_umask();
            return Outcome{};
        }
        Result<Outcome> operator()(const HoldStandardDescriptors& /*verb*/) const {
            return outcome_of(kernel.guard_.hold_standard_descriptors());
        }
        Result<Outcome> operator()(const HideFromOthers& /*verb*/) const { return outcome_of(hide_from_others()); }
        Result<Outcome> operator()(const LockMountNamespace& /*verb*/) const {
            return outcome_of(kernel.guard_.lock_mount_namespace());
        }
        Result<Outcome> operator()(const HoldSignals& /*verb*/) const {
            return outcome_of(kernel.guard_.hold_signals());
        }
        Result<Outcome> operator()(const ReleaseSignals& /*verb*/) const {
            return outcome_of(kernel.guard_.release_signals());
        }
        Result<Outcome> operator()(const CloseDescriptors& verb) const { return outcome_of(close_descriptors(verb)); }
        Result<Outcome> operator()(const KeepCapabilities& verb) const { return outcome_of(keep_capabilities(verb)); }
        Result<Outcome> operator()(const DropCapabilities& verb) const { return outcome_of(drop_capabilities(verb)); }
        Result<Outcome> operator()(const RehearseDropCapabilities& verb) const {
            return outcome_of(rehearse_drop_capabilities(verb));
        }
        Result<Outcome> operator()(const RehearseUnmount& verb) const { return outcome_of(rehearse_unmount(verb)); }
        Result<Outcome> operator()(const ExecuteProgram& verb) const { return outcome_of(execute_program(verb)); }
    };
    return std::visit(Performer{*this}, op);
}

}  // namespace cginit
