#include "apply/linux/guard.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace cginit {
namespace {

constexpr const char* kMountNamespace = "/proc/self/ns/mnt";
/// A run takes milliseconds; a second cginit waits this long for the first one's.
constexpr int kLockTries = 1000;
constexpr timespec kLockPause{0, 10'000'000};

}  // namespace

Status hide_from_others() {
    return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? Status()
                                                     : Status(make_errno_error(errno, "prctl(PR_SET_DUMPABLE)"));
}

Status ProcessGuard::hold_standard_descriptors() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) >= 0) {
            continue;
        }
        // O_PATH: writes fail with EBADF, as to a closed one. Lower numbers are taken, so that it gets this one.
        UniqueFd placeholder(::open("/", O_PATH | O_CLOEXEC));
        if (!placeholder.valid()) {
            return make_errno_error(errno, "open /");
        }
        placeholders_.push_back(std::move(placeholder));
    }
    return {};
}

Status ProcessGuard::lock_mount_namespace() {
    UniqueFd lock(::open(kMountNamespace, O_RDONLY | O_CLOEXEC));
    if (!lock.valid()) {
        // Without /proc nothing works, which is told where it is read; before Linux 3.8 there is no such file.
        return errno == ENOENT ? Status() : Status(make_errno_error(errno, "open /proc/self/ns/mnt"));
    }
    // nsfs has one inode per namespace; the lock ends with the process, however that ends.
    for (int attempt = 0; ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return make_errno_error(errno, "flock /proc/self/ns/mnt");
        }
        if (attempt == kLockTries) {
            return make_error(ErrorCode::busy, "another cginit is at work in this container", {"start one at a time"});
        }
        ::nanosleep(&kLockPause, nullptr);
    }
    locks_.push_back(std::move(lock));
    return {};
}

Status ProcessGuard::hold_signals() {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    if (::sigprocmask(SIG_SETMASK, &all, &before) != 0) {
        return make_errno_error(errno, "sigprocmask");
    }
    mask_ = before;
    return {};
}

void ProcessGuard::hold_umask() { umask_ = ::umask(0); }

void ProcessGuard::release_umask() {
    if (umask_) {
        ::umask(*umask_);
    }
}

Status ProcessGuard::release_signals() {
    if (!mask_) {
        return {};
    }
    if (::sigismember(&*mask_, SIGPIPE) == 0) {
        sigset_t pipe;
        ::sigemptyset(&pipe);
        ::sigaddset(&pipe, SIGPIPE);
        constexpr timespec kAtOnce{0, 0};
        ::sigtimedwait(&pipe, nullptr, &kAtOnce);
    }
    return ::sigprocmask(SIG_SETMASK, &*mask_, nullptr) == 0 ? Status()
                                                             : Status(make_errno_error(errno, "sigprocmask"));
}

}  // namespace cginit
