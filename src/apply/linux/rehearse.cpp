#include "apply/linux/calls.hpp"

#include <sched.h>

#include <cerrno>
#include <functional>

#include "apply/linux/child.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

/// The errno that `body` came to in the child, 0 if it went well.
Result<int> errno_in_child(const std::function<Status()>& body) {
    return in_child<int>(
        [&body] {
            const Status done = body();
            return done ? 0 : done.error().errnum;
        },
        ENOMEM);
}

Status mount_and_unmount(const std::string& target) {
    const bool prepared = ::unshare(CLONE_NEWNS) == 0 && set_propagation({"/", PropagationType::private_, true}) &&
                          mount_filesystem({"tmpfs", target, "size=4k", {}});
    return prepared ? detach_mount({target}) : Status();
}

}  // namespace

Status rehearse_drop_capabilities(const RehearseDropCapabilities& op) {
    const Result<int> errnum = errno_in_child([&op] { return drop_capabilities({op.names}); });
    if (!errnum) {
        return errnum.error();
    }
    return *errnum == 0 ? Status() : Status(make_errno_error(*errnum, concat({"drop ", join(op.names, ", ")})));
}

Status rehearse_unmount(const RehearseUnmount& op) {
    const Result<int> errnum = errno_in_child([&op] { return mount_and_unmount(op.target); });
    if (!errnum) {
        return errnum.error();
    }
    return *errnum == 0 ? Status() : Status(make_errno_error(*errnum, concat({"umount2(MNT_DETACH) ", op.target})));
}

}  // namespace cginit
