#include "fault/tracer.hpp"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <system_error>

#if !defined(__x86_64__)
#error "say here which registers hold a system call's number and result"
#endif

namespace cginit {
namespace {

constexpr unsigned kSeconds = 10;
constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACEFORK |
                          PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;

void must(long result, const char* what) {
    if (result < 0) {
        throw std::system_error(errno, std::generic_category(), what);
    }
}

void set_register(pid_t process, std::size_t offset, long value) {
    must(::ptrace(PTRACE_POKEUSER, process, offset, value), "PTRACE_POKEUSER");
}

bool is_memory(long number) { return number == SYS_brk || number == SYS_mmap; }

class Tracer {
public:
    Tracer(pid_t process, const Fault& fault, const std::function<void()>& at_end)
        : process_(process), fault_(fault), at_end_(at_end) {}

    Traced run() {
        ::alarm(kSeconds);
        int status = 0;
        for (;;) {
            const pid_t stopped = ::waitpid(-1, &status, __WALL);
            if (stopped < 0 && errno == EINTR) {
                result_.hung = true;
                ::kill(process_, SIGKILL);
                continue;
            }
            must(stopped, "waitpid");
            if (WIFSTOPPED(status)) {
                stop(stopped, status);
            } else if (stopped == process_) {
                break;
            }
        }
        ::alarm(0);
        result_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return result_;
    }

private:
    void stop(pid_t stopped, int status) {
        const int event = status >> 16;
        int signal = 0;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            system_call(stopped);
        } else if (event == PTRACE_EVENT_EXEC && stopped == process_ && executed()) {
            return;
        } else if (event == PTRACE_EVENT_EXIT && stopped == process_ && !result_.handed_over) {
            at_end_();
        } else if (event == 0) {
            signal = WSTOPSIG(status);
            // PID 1 of a pid namespace would not die of it while it is traced, kernel/signal.c, force_sig_info_to_task().
            if (signal == SIGABRT || signal == SIGSEGV || signal == SIGILL || signal == SIGBUS || signal == SIGFPE) {
                result_.crash = signal;
                ::kill(process_, SIGKILL);
            }
        }
        // What was killed meanwhile is gone: ESRCH.
        ::ptrace(follows_calls_ ? PTRACE_SYSCALL : PTRACE_CONT, stopped, nullptr, signal);
    }

    /// True if the process needs no tracing any more.
    bool executed() {
        if (!follows_calls_ && !result_.struck) {
            follows_calls_ = true;
            return false;
        }
        result_.handed_over = true;
        if (fault_.kind == Fault::Kind::kill && pending_.count(process_) > 0) {
            ::kill(process_, SIGKILL);
        }
        ::ptrace(PTRACE_DETACH, process_, nullptr, nullptr);
        return true;
    }

    void system_call(pid_t stopped) {
        struct __ptrace_syscall_info info {};
        if (::ptrace(PTRACE_GET_SYSCALL_INFO, stopped, sizeof info, &info) < 0) {
            return;
        }
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            enter(stopped, info);
        } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
            leave(stopped);
        }
    }

    void enter(pid_t stopped, const struct __ptrace_syscall_info& info) {
        const auto number = static_cast<long>(info.entry.nr);
        bool fails = fault_.kind == Fault::Kind::lasting && result_.struck && is_memory(number);
        if (!result_.struck) {
            fails = fault_.kind != Fault::Kind::none && number == fault_.number && seen_++ == fault_.occurrence;
            result_.struck = fails;
            result_.calls.push_back({number, number == SYS_write && info.entry.args[0] <= STDERR_FILENO});
        }
        if (!fails) {
            return;
        }
        pending_[stopped] = {number, static_cast<long>(info.entry.args[0])};
        if (fault_.kind != Fault::Kind::kill) {
            // brk(2) fails by saying where the heap ends, as it does when it is asked for nothing.
            const bool is_brk = number == SYS_brk;
            set_register(stopped, is_brk ? offsetof(user_regs_struct, rdi) : offsetof(user_regs_struct, orig_rax),
                         is_brk ? 0 : -1);
        }
    }

    void leave(pid_t stopped) {
        const auto found = pending_.find(stopped);
        if (found == pending_.end()) {
            return;
        }
        const Pending call = found->second;
        pending_.erase(found);
        if (fault_.kind == Fault::Kind::kill) {
            ::kill(process_, SIGKILL);
        } else if (call.number == SYS_brk) {
            set_register(stopped, offsetof(user_regs_struct, rdi), call.argument);
        } else {
            set_register(stopped, offsetof(user_regs_struct, rax), -static_cast<long>(fault_.errnum));
        }
        follows_calls_ = fault_.kind == Fault::Kind::lasting;
    }

    /// A call that fails when it returns, or is the last.
    struct Pending {
        long number = -1;
        long argument = 0;  ///< its first
    };

    pid_t process_;
    Fault fault_;
    const std::function<void()>& at_end_;
    Traced result_;
    bool follows_calls_ = false;
    std::size_t seen_ = 0;  ///< calls with the fault's number
    /// By process: while one is in a call, others enter and leave theirs.
    std::map<pid_t, Pending> pending_;
};

}  // namespace

Traced trace(pid_t process, const std::function<void()>& go, const Fault& fault, const std::function<void()>& at_end) {
    struct sigaction wake {};
    wake.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &wake, nullptr);
    must(::ptrace(PTRACE_SEIZE, process, nullptr, kOptions), "PTRACE_SEIZE");
    go();
    return Tracer(process, fault, at_end).run();
}

}  // namespace cginit
