#include "apply/linux/calls.hpp"

#include <libmount/libmount.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "cginit/mount_table.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

using ContextPtr = std::unique_ptr<libmnt_context, decltype(&mnt_free_context)>;

constexpr unsigned long kReadOnly = MS_RDONLY;
constexpr unsigned long kNosuid = MS_NOSUID;
constexpr unsigned long kNodev = MS_NODEV;
constexpr unsigned long kNoexec = MS_NOEXEC;

unsigned long mount_flags(const MountFlags& flags) {
    unsigned long bits = 0;
    bits |= flags.read_only ? kReadOnly : 0UL;
    bits |= flags.nosuid ? kNosuid : 0UL;
    bits |= flags.nodev ? kNodev : 0UL;
    bits |= flags.noexec ? kNoexec : 0UL;
    if (flags.atime == "relatime") {
        bits |= MS_RELATIME;
    } else if (flags.atime == "noatime") {
        bits |= MS_NOATIME;
    } else {
        bits |= MS_STRICTATIME;
    }
    return bits;
}

struct MountCall {
    const char* frame;          ///< `mount(MS_MOVE)`
    bool names_source = false;  ///< the source is a path, too, which the error may be about
    const char* source = nullptr;
    const char* target = nullptr;
    const char* fstype = nullptr;
    const char* options = nullptr;
    unsigned long flags = 0;
};

/// libmount goes by variables, which an image may have set: since 2.39 another system call is made unless this one says
/// otherwise. The init's own environment is handed over as it was given.
void set_environment() {
    static const bool kSet = [] {
        for (const char* name :
             {"LIBMOUNT_FSTAB", "LIBMOUNT_MTAB", "LIBMOUNT_UTAB", "LIBMOUNT_DEBUG", "LIBBLKID_DEBUG"}) {
            ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe) there is one thread
        }
        return ::setenv("LIBMOUNT_FORCE_MOUNT2", "always", 1) == 0;  // NOLINT(concurrency-mt-unsafe)
    }();
    static_cast<void>(kSet);
}

Status mount_once(const MountCall& call) {
    set_environment();
    const ContextPtr context(mnt_new_context(), &mnt_free_context);
    if (!context) {
        return make_errno_error(ENOMEM, call.frame);
    }
    libmnt_context* raw = context.get();
    mnt_context_disable_mtab(raw, 1);
    mnt_context_disable_helpers(raw, 1);
    mnt_context_disable_canonicalize(raw, 1);
    mnt_context_set_optsmode(raw, MNT_OMODE_NOTAB);
    int rc = mnt_context_set_mflags(raw, call.flags);
    rc = rc != 0 || call.source == nullptr ? rc : mnt_context_set_source(raw, call.source);
    rc = rc != 0 || call.target == nullptr ? rc : mnt_context_set_target(raw, call.target);
    rc = rc != 0 || call.fstype == nullptr ? rc : mnt_context_set_fstype(raw, call.fstype);
    rc = rc != 0 || call.options == nullptr ? rc : mnt_context_append_options(raw, call.options);
    rc = rc != 0 ? rc : mnt_context_mount(raw);
    if (rc == 0) {
        return {};
    }
    const int called = mnt_context_syscall_called(raw) == 1 ? mnt_context_get_syscall_errno(raw) : 0;
    const std::string from = call.names_source ? concat({call.source, " to "}) : std::string();
    return make_errno_error(called != 0 ? called : (rc < 0 ? -rc : EIO), concat({call.frame, " ", from, call.target}));
}

}  // namespace

Status mount_filesystem(const MountFilesystem& op) {
    const std::string frame = concat({"mount(", op.fstype, ")"});
    return mount_once({.frame = frame.c_str(),
                       .source = op.source.c_str(),
                       .target = op.target.c_str(),
                       .fstype = op.fstype.c_str(),
                       .options = op.options.empty() ? nullptr : op.options.c_str(),
                       .flags = mount_flags(op.flags)});
}

Status bind_mount(const BindMount& op) {
    const unsigned long below = op.recursive ? static_cast<unsigned long>(MS_REC) : 0UL;
    return mount_once({.frame = "mount(MS_BIND)",
                       .names_source = true,
                       .source = op.from.c_str(),
                       .target = op.to.c_str(),
                       .flags = MS_BIND | below});
}

Status remount_bind(const RemountBind& op) {
    return mount_once({.frame = "mount(MS_REMOUNT|MS_BIND)",
                       .source = "none",
                       .target = op.target.c_str(),
                       .fstype = "none",
                       .flags = MS_REMOUNT | MS_BIND | mount_flags(op.flags)});
}

Status move_mount_point(const MoveMount& op) {
    return mount_once({.frame = "mount(MS_MOVE)",
                       .names_source = true,
                       .source = op.from.c_str(),
                       .target = op.to.c_str(),
                       .flags = MS_MOVE});
}

Status set_propagation(const SetPropagation& op) {
    unsigned long flags = MS_PRIVATE;
    const char* frame = "mount(MS_PRIVATE)";
    if (op.type == PropagationType::slave) {
        flags = MS_SLAVE;
        frame = "mount(MS_SLAVE)";
    } else if (op.type == PropagationType::shared) {
        flags = MS_SHARED;
        frame = "mount(MS_SHARED)";
    }
    flags |= op.recursive ? static_cast<unsigned long>(MS_REC) : 0UL;
    // Of a recursive one libmount makes two calls.
    if (::mount("none", op.target.c_str(), nullptr, flags, nullptr) == 0) {
        return {};
    }
    return make_errno_error(errno, concat({frame, " ", op.target}));
}

Status detach_mount(const DetachMount& op) {
    if (::umount2(op.target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
        return {};
    }
    return make_errno_error(errno, concat({"umount2(MNT_DETACH) ", op.target}));
}

}  // namespace cginit
