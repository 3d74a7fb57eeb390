#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <vector>

namespace cginit {

/// One system call of a traced program and its children, as it was entered.
struct TracedCall {
    long number = -1;
    bool to_log = false;  ///< write(2) to standard output or error
};

/// What is done to one of the calls: to the n-th with a number, from 0. When the heap grows, brk(2), differs from run to
/// run, and with it the place of every other call.
struct Fault {
    enum class Kind {
        none,
        error,    ///< it fails instead of being made
        lasting,  ///< likewise, and so does every later brk(2) and mmap(2)
        kill,     ///< SIGKILL right after it
    };
    Kind kind = Kind::none;
    long number = -1;
    std::size_t occurrence = 0;
    int errnum = 0;
};

/// What became of a traced program.
struct Traced {
    std::vector<TracedCall> calls;  ///< up to the fault
    bool struck = false;            ///< the fault's call came
    bool handed_over = false;       ///< another program was executed, which was no longer traced
    bool hung = false;              ///< it was killed after ten seconds
    int crash = 0;                  ///< the signal that its own mistake would have ended it with
    int status = 0;                 ///< as status_of()
};

/// Traces the process, a child of the caller that waits in `go`, from its next execve(2) to the one after that: `go` lets
/// it run on. `at_end` is called while the process is about to exit and still has its namespaces.
[[nodiscard]] Traced trace(pid_t process, const std::function<void()>& go, const Fault& fault,
                           const std::function<void()>& at_end);

}  // namespace cginit
