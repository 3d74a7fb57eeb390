#include "apply/linux/child.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace cginit {

Status run_in_child(const std::function<void()>& body, void* answer, std::size_t size) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return make_errno_error(errno, "pipe2");
    }
    const pid_t child = ::fork();
    if (child == 0) {
        bool told = false;
        try {
            body();
            told = ::write(ends[1], answer, size) == static_cast<ssize_t>(size);
        } catch (...) {
            told = false;
        }
        ::_exit(told ? 0 : 1);
    }
    const int error = errno;
    ::close(ends[1]);
    // Not the exit status: where SIGCHLD is ignored there is none, wait(2).
    ssize_t count = 0;
    do {
        count = child < 0 ? 0 : ::read(ends[0], answer, size);
    } while (count < 0 && errno == EINTR);
    ::close(ends[0]);
    if (child < 0) {
        return make_errno_error(error, "fork");
    }
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return count == static_cast<ssize_t>(size)
               ? Status()
               : Status(make_error(ErrorCode::not_as_planned, "what was tried in a child process ended early"));
}

}  // namespace cginit
