#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "apply/kernel_linux_cgroup.hpp"
#include "apply/kernel_linux_files.hpp"
#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

/// How often a controller is tried while processes that enter the cgroup meanwhile keep it busy, and how long it is
/// waited in between: `docker exec` puts a process into the cgroup and moves it on when that turns out to be busy.
constexpr int kEnablePasses = 32;
constexpr unsigned kPauseMicroseconds = 1000;

constexpr const char* kSubtreeControl = "cgroup.subtree_control";

bool is_real_time(const std::string& thread) {
    const int policy = ::sched_getscheduler(static_cast<pid_t>(parse_number(thread).value_or(0)));
    return policy == SCHED_FIFO || policy == SCHED_RR;
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
            ::usleep(kPauseMicroseconds);
        }
        const Status moved = move_processes({op.cgroup, op.leaf});
        enabled = moved ? write_file(control, value) : moved;
    }
    return enabled;
}

}  // namespace

Result<Outcome> enable_controllers(const EnableControllers& op) {
    std::vector<std::string> wanted = op.controllers;
    if (wanted.empty()) {
        const Result<std::string> available = read_file(join_path(op.cgroup, "cgroup.controllers"));
        if (!available) {
            return available.error();
        }
        wanted = split(trim(*available), ' ');
        std::erase(wanted, "");
    }
    Outcome outcome;
    for (const std::string& controller : wanted) {
        const Status enabled = try_to_enable(op, controller);
        if (enabled) {
            outcome.details.push_back(concat({controller, " is enabled for the children of ", op.cgroup}));
        } else {
            outcome.notes.push_back(concat(
                {"the init cannot use the controller ", controller, ": ", reason_of(enabled.error().errnum, op)}));
        }
    }
    return outcome;
}

Status disable_controllers(const DisableControllers& op) {
    const std::string control = join_path(op.cgroup, kSubtreeControl);
    const Result<std::string> enabled = read_file(control);
    if (!enabled) {
        return enabled.error();
    }
    for (const std::string& controller : split(trim(*enabled), ' ')) {
        Status disabled = controller.empty() ? Status() : write_file(control, concat({"-", controller}));
        if (!disabled) {
            return disabled;
        }
    }
    return {};
}

}  // namespace cginit
