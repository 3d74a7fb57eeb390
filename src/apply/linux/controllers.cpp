#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "apply/linux/cgroup.hpp"
#include "apply/linux/files.hpp"
#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

/// How often a controller is tried while processes that enter the cgroup meanwhile keep it busy, and how long it is
/// waited in between: `docker exec` puts a process into the cgroup and moves it on when that turns out to be busy.
constexpr int kEnablePasses = 32;
constexpr unsigned kEnableMicroseconds = 1000;

constexpr const char* kSubtreeControl = "cgroup.subtree_control";

/// sched(7): a thread that resets on fork says so with a bit beside its policy. Deadline threads count as real-time ones,
/// rt_task(), include/linux/sched/rt.h.
bool is_real_time(const std::string& thread) {
#ifndef SCHED_DEADLINE
    constexpr int SCHED_DEADLINE = 6;
#endif
#ifndef SCHED_RESET_ON_FORK
    constexpr int SCHED_RESET_ON_FORK = 0x40000000;
#endif
    const int found = ::sched_getscheduler(static_cast<pid_t>(parse_number(thread).value_or(0)));
    const int policy = found < 0 ? found : found & ~SCHED_RESET_ON_FORK;
    return policy == SCHED_FIFO || policy == SCHED_RR || policy == SCHED_DEADLINE;
}

/// `12 (rtkit-daemon), 40 (jackd)`: the threads with a real-time policy, as many as a line holds.
std::string real_time_threads(const std::vector<std::string>& cgroups) {
    constexpr std::size_t kAtMost = 5;
    std::vector<std::string> found;
    for (const std::string& cgroup : cgroups) {
        const auto threads = list_numbers(join_path(cgroup, "cgroup.threads"));
        for (const std::string& thread : threads ? *threads : std::vector<std::string>()) {
            if (is_real_time(thread) && found.size() < kAtMost) {
                const Result<std::string> name = read_file(concat({"/proc/", thread, "/comm"}));
                found.push_back(concat({thread, " (", name ? trim(*name) : "?", ")"}));
            }
        }
    }
    return join(found, ", ");
}

/// Why the kernel did not enable a controller, and what helps: cgroups(7) and kernel/cgroup/cgroup.c,
/// cgroup_subtree_control_write().
std::string reason_of(int errnum, const EnableControllers& op) {
    switch (errnum) {
        case EBUSY: return "processes keep entering the cgroup; stop what forks in the container at its start";
        case EINVAL: {
            const std::string threads = real_time_threads({op.leaf, op.cgroup});
            return threads.empty() ? "Invalid argument"
                                   : concat({"real-time processes cannot be put under it: ", threads});
        }
        case ENOENT:
            return "it is not available there; the host enables it above the container's cgroup, or keeps it on v1";
        case EOPNOTSUPP: return "the cgroup is threaded, or below one that is";
        default: return errno_text(errnum);
    }
}

Status try_to_enable(const EnableControllers& op, const std::string& controller) {
    const std::string control = join_path(op.cgroup, kSubtreeControl);
    const std::string value = concat({"+", controller});
    Status enabled = write_file(control, value);
    for (int pass = 0; pass < kEnablePasses && !enabled && enabled.error().errnum == EBUSY; ++pass) {
        if (pass > 0) {
            ::usleep(kEnableMicroseconds);
        }
        const Status moved = move_processes({op.cgroup, op.leaf});
        enabled = moved ? write_file(control, value) : moved;
    }
    return enabled;
}

}  // namespace

Result<Outcome> enable_controllers(const EnableControllers& op, std::vector<std::string>& enabled) {
    std::vector<std::string> wanted = op.controllers;
    if (wanted.empty()) {
        const Result<std::string> available = read_file(join_path(op.cgroup, "cgroup.controllers"));
        if (!available) {
            return available.error();
        }
        wanted = words_of(*available);
    }
    const Result<std::string> control = read_file(join_path(op.cgroup, kSubtreeControl));
    const std::vector<std::string> before = control ? words_of(*control) : std::vector<std::string>();
    Outcome outcome;
    for (const std::string& controller : wanted) {
        if (std::find(before.begin(), before.end(), controller) != before.end()) {
            continue;
        }
        // Remembered first: memory may run out.
        enabled.push_back(controller);
        const Status done = try_to_enable(op, controller);
        if (done) {
            outcome.details.push_back(concat({controller, " is enabled for the children of ", op.cgroup}));
        } else {
            enabled.pop_back();
            outcome.notes.push_back(
                concat({"the init cannot use the controller ", controller, ": ", reason_of(done.error().errnum, op)}));
        }
    }
    return outcome;
}

Status disable_controllers(const DisableControllers& op, const std::vector<std::string>& enabled) {
    const std::string control = join_path(op.cgroup, kSubtreeControl);
    Status first;
    for (const std::string& controller : enabled) {
        Status disabled = write_file(control, concat({"-", controller}));
        // ENOENT: enabling it was broken off.
        if (!disabled && disabled.error().errnum != ENOENT && first) {
            first = std::move(disabled);
        }
    }
    return first;
}

}  // namespace cginit
