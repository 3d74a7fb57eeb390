#include "apply/kernel_linux_rehearse.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <new>

#include "apply/kernel_linux_mount.hpp"
#include "apply/kernel_linux_process.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

/// Nothing may be thrown past the child's end: on the way the parent's work would be taken back.
int errno_of(const std::function<Status()>& body) {
    try {
        const Status done = body();
        return done ? 0 : done.error().errnum;
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
}

/// The errno that `body` came to in the child, 0 if it went well.
Result<int> in_child(const std::function<Status()>& body) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return make_errno_error(errno, "pipe2");
    }
    const pid_t child = ::fork();
    if (child == 0) {
        const int errnum = errno_of(body);
        const bool told = ::write(ends[1], &errnum, sizeof errnum) == sizeof errnum;
        ::_exit(told ? 0 : 1);
    }
    const int error = errno;
    ::close(ends[1]);
    int errnum = 0;
    ssize_t count = 0;
    // Not the exit status: where SIGCHLD is ignored there is none, wait(2).
    do {
        count = child < 0 ? 0 : ::read(ends[0], &errnum, sizeof errnum);
    } while (count < 0 && errno == EINTR);
    ::close(ends[0]);
    if (child < 0) {
        return make_errno_error(error, "fork");
    }
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return count == sizeof errnum ? Result<int>(errnum)
                                  : make_error(ErrorCode::not_as_planned, "the rehearsal ended early");
}

Status mount_and_unmount(const std::string& target) {
    const bool prepared = ::unshare(CLONE_NEWNS) == 0 && set_propagation({"/", PropagationType::private_, true}) &&
                          mount_filesystem({"tmpfs", target, "size=4k", {}});
    return prepared ? detach_mount({target}) : Status();
}

}  // namespace

Status rehearse_drop_capabilities(const RehearseDropCapabilities& op) {
    const Result<int> errnum = in_child([&op] { return drop_capabilities({op.names}); });
    if (!errnum) {
        return errnum.error();
    }
    return *errnum == 0 ? Status() : Status(make_errno_error(*errnum, concat({"drop ", join(op.names, ", ")})));
}

Status rehearse_unmount(const RehearseUnmount& op) {
    const Result<int> errnum = in_child([&op] { return mount_and_unmount(op.target); });
    if (!errnum) {
        return errnum.error();
    }
    return *errnum == 0 ? Status() : Status(make_errno_error(*errnum, concat({"umount2(MNT_DETACH) ", op.target})));
}

}  // namespace cginit
