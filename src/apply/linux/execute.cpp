#include "apply/linux/calls.hpp"

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace cginit {
namespace {

constexpr int kNoFormat = 1;
constexpr int kNotTried = 2;

/// In the child: who is traced is stopped by SIGTRAP as soon as its new program is there.
[[noreturn]] void execute_traced(const std::string& file) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) {
        ::_exit(kNotTried);
    }
    std::array<char*, 2> argv{const_cast<char*>(file.c_str()), nullptr};
    std::array<char*, 1> environment{nullptr};
    ::execve(file.c_str(), argv.data(), environment.data());
    ::_exit(errno == ENOEXEC ? kNoFormat : kNotTried);
}

int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return kNotTried << 8;
        }
    }
    return status;
}

}  // namespace

Tri kernel_executes(const std::string& file) {
    const pid_t child = ::fork();
    if (child == 0) {
        execute_traced(file);
    }
    if (child < 0) {
        return Tri::unknown;
    }
    int status = wait_for(child);
    const bool stopped = WIFSTOPPED(status);
    while (WIFSTOPPED(status)) {
        ::kill(child, SIGKILL);
        status = wait_for(child);
    }
    return stopped ? Tri::yes : (WIFEXITED(status) && WEXITSTATUS(status) == kNoFormat ? Tri::no : Tri::unknown);
}

}  // namespace cginit
