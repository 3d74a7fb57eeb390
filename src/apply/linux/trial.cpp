#include "apply/linux/trial.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <span>
#include <string_view>

#include "apply/linux/calls.hpp"
#include "apply/linux/child.hpp"
#include "apply/linux/guard.hpp"
#include "apply/linux/kernel_linux.hpp"
#include "apply/plan_runner.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "core/unique_fd.hpp"

namespace cginit {
namespace {

enum class Course { passed, refused, not_tried, not_undone };

/// A text as long as a pipe takes it in one piece with the rest of a message.
using Text = std::array<char, 768>;

/// A Cure with its first argument. Those of the steps have no more, and no error of theirs has more than kMostCures.
struct SentCure {
    CureId id = CureId::in_words;
    std::array<char, 256> argument{};
};
constexpr std::size_t kMostCures = 4;

/// What the child tells; written and read in one piece.
struct Message {
    Course course = Course::not_tried;
    std::size_t step = 0;
    int errnum = 0;
    ErrorCode code = ErrorCode::system_call;
    Text frames{};
    Text because{};
    std::size_t cure_count = 0;
    std::array<SentCure, kMostCures> cures{};
};

template <class Array>
void copy_to(Array& text, std::string_view words) {
    std::copy_n(words.begin(), std::min(words.size(), text.size() - 1), text.begin());
}

Message message_of(Course course, std::size_t step, const Error& error) {
    Message message{.course = course, .step = step, .errnum = error.errnum, .code = error.code};
    copy_to(message.frames, join(error.frames, ": "));
    copy_to(message.because, error.because);
    message.cure_count = std::min(error.cures.size(), kMostCures);
    for (std::size_t i = 0; i < message.cure_count; ++i) {
        const Cure& cure = error.cures[i];
        message.cures[i].id = cure.id;
        copy_to(message.cures[i].argument, cure.arguments.empty() ? std::string_view() : cure.arguments.front());
    }
    return message;
}

Message out_of_memory(Course course) { return {.course = course, .errnum = ENOMEM}; }

Error error_of(const Message& message) {
    Error error = make_errno_error(message.errnum, message.frames.data());
    error.because = message.because.data();
    for (const SentCure& cure : std::span(message.cures).first(message.cure_count)) {
        error.cures.emplace_back(cure.id, cure.argument.data());
    }
    error.code = message.code;
    return error;
}

bool leaves_nothing(const Step& step) {
    return step.phase < Phase::verify && step.scope != Scope::persistent && step.scope != Scope::host;
}

std::size_t index_of(const Plan& plan, const Op* op) {
    const auto found =
        std::find_if(plan.steps.begin(), plan.steps.end(), [op](const Step& step) { return &step.op == op; });
    return static_cast<std::size_t>(found - plan.steps.begin());
}

/// Who may not change a mount of the trial's own will not be let do what the plan does either.
Message refused_mount(const Plan& plan, const Error& error) {
    const auto first = std::find_if(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
        return std::holds_alternative<MountFilesystem>(step.op) || std::holds_alternative<RemountBind>(step.op) ||
               std::holds_alternative<SetPropagation>(step.op);
    });
    return first == plan.steps.end()
               ? message_of(Course::not_tried, 0, error)
               : message_of(Course::refused, static_cast<std::size_t>(first - plan.steps.begin()), error);
}

/// In a user namespace that does not map the cgroup's owner no capability helps; inode_permission(), fs/namei.c.
std::optional<Message> refused_cgroup(const Plan& plan) {
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        const auto* make = std::get_if<MakeCgroup>(&plan.steps[i].op);
        if (make != nullptr && ::faccessat(AT_FDCWD, parent_path(make->path).c_str(), W_OK | X_OK, AT_EACCESS) != 0 &&
            (errno == EACCES || errno == EPERM)) {
            return message_of(Course::refused, i, make_errno_error(errno, concat({"mkdir ", make->path})));
        }
    }
    return std::nullopt;
}

/// The user namespace that comes later in the plan, within the one where the trial is. Nothing is left of it.
std::optional<Message> refused_nesting(const Plan& plan, std::size_t tried, Kernel& kernel) {
    for (std::size_t i = tried; i < plan.steps.size(); ++i) {
        const Op& op = plan.steps[i].op;
        if (std::holds_alternative<MakeUserNamespace>(op)) {
            const Result<Outcome> outcome = kernel.perform(op);
            return outcome ? std::nullopt : std::optional<Message>(message_of(Course::refused, i, outcome.error()));
        }
    }
    return std::nullopt;
}

/// The view that the plan moves away; what a user namespace above locked stays where it is.
std::optional<Message> refused_move(const Plan& plan, std::size_t tried, Kernel& kernel) {
    for (std::size_t i = tried; i < plan.steps.size() && plan.steps[i].phase <= Phase::aside; ++i) {
        const auto* made = std::get_if<MakeDirectory>(&plan.steps[i].op);
        const auto* move = i + 1 < plan.steps.size() ? std::get_if<MoveMount>(&plan.steps[i + 1].op) : nullptr;
        if (made == nullptr || move == nullptr || !plan.steps[i + 1].parts.empty() || move->to != made->path) {
            continue;
        }
        for (std::size_t step : {i, i + 1}) {
            if (const Result<Outcome> outcome = kernel.perform(plan.steps[step].op); !outcome) {
                return message_of(Course::refused, step, outcome.error());
            }
        }
    }
    return std::nullopt;
}

/// A mount namespace for the trial, unless the plan begins with one of its own.
std::optional<Message> refused_namespace(const Plan& plan) {
    if (has_own_mounts(plan)) {
        return std::nullopt;
    }
    if (::unshare(CLONE_NEWNS) != 0) {
        const Error error = make_errno_error(errno, "a mount namespace to try it in");
        // Without it there is no rehearsal, and without that the plan is not begun.
        const std::optional<std::size_t> last_return = step_without_return(plan);
        return last_return ? message_of(Course::refused, *last_return, error) : message_of(Course::not_tried, 0, error);
    }
    const Status cut_off = set_propagation({"/", PropagationType::private_, true});
    return cut_off ? std::nullopt : std::optional<Message>(refused_mount(plan, cut_off.error()));
}

Message run_trial(const Plan& plan) {
    // What the trial mounts is for nobody else to reach through /proc.
    if (const Status hidden = hide_from_others(); !hidden) {
        return message_of(Course::not_tried, 0, hidden.error());
    }
    const std::optional<Message> refused = refused_namespace(plan);
    if (refused) {
        return *refused;
    }
    // What comes after the first step that would stay stands on it.
    const auto end =
        std::find_if(plan.steps.begin(), plan.steps.end(), [](const Step& step) { return !leaves_nothing(step); });
    const Plan harmless{{plan.steps.begin(), end}};
    KernelLinux kernel;
    PlanRunner runner(kernel, harmless, [](std::size_t, const Step&) {});
    const Status status = runner.run_until_commit();
    if (!status) {
        return message_of(Course::refused, index_of(harmless, runner.failed_op()), status.error());
    }
    std::optional<Message> later = refused_cgroup(plan);
    if (!later) {
        later = refused_nesting(plan, harmless.steps.size(), kernel);
    }
    if (!later) {
        later = refused_move(plan, harmless.steps.size(), kernel);
    }
    return later.value_or(Message{.course = Course::passed});
}

/// Of the commit what changes the process for good; the mounts are not what they are then.
Message rehearse_commit(const Plan& plan, KernelLinux& kernel) {
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        const Step& step = plan.steps[i];
        const bool lasting = step.scope == Scope::irreversible || step.scope == Scope::process;
        if (step.phase != Phase::commit || !lasting) {
            continue;
        }
        const Result<Outcome> outcome = kernel.perform(step.op);
        if (!outcome) {
            return message_of(Course::refused, i, outcome.error());
        }
    }
    return {.course = Course::passed};
}

Message run_rehearsal(const Plan& plan) {
    if (const std::optional<Message> refused = refused_namespace(plan)) {
        return *refused;
    }
    KernelLinux kernel;
    PlanRunner runner(kernel, plan, [](std::size_t, const Step&) {});
    const Status status = runner.run_until_commit();
    if (!status) {
        const bool left = status.error().kind == ErrorKind::not_undone;
        return message_of(left ? Course::not_undone : Course::refused, index_of(plan, runner.failed_op()),
                          status.error());
    }
    const Status undone = runner.roll_back();
    return undone ? rehearse_commit(plan, kernel) : message_of(Course::not_undone, 0, undone.error());
}

Result<std::optional<Refusal>> result_of(const Result<Message>& message) {
    if (!message) {
        return message.error();
    }
    Error error = error_of(*message);
    switch (message->course) {
        case Course::passed: return std::optional<Refusal>();
        case Course::refused: return std::optional<Refusal>(Refusal{message->step, std::move(error)});
        case Course::not_tried: break;
        case Course::not_undone: error.kind = ErrorKind::not_undone; break;
    }
    return error;
}

/// setns(2) to where the process is anyway fails only where the call is not let through.
int errno_of_entering() {
    const UniqueFd own(::open("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC));
    return !own.valid() || ::setns(own.get(), CLONE_NEWCGROUP) == 0 ? 0 : errno;
}

/// Whether there may be one more within the one just made. Nobody is mapped in that, which is EPERM, and comes after the
/// counts: kernel/user_namespace.c, create_user_ns(); before Linux 4.9 the depth was EUSERS.
int errno_of_nesting() {
    const bool too_many = ::unshare(CLONE_NEWUSER) != 0 && (errno == ENOSPC || errno == EUSERS);
    return too_many ? errno : 0;
}

int errno_of_namespaces() {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWCGROUP) != 0) {
        return errno;
    }
    const int errnum = errno_of_entering();
    return errnum == 0 ? errno_of_nesting() : errnum;
}

/// Not for want of a count: a filter or the kernel's settings refuse it, or the kernel has none (CONFIG_USER_NS).
bool is_for_good(int errnum) { return errnum == EPERM || errnum == EACCES || errnum == ENOSYS || errnum == EINVAL; }

/// clone(2): the flags come second there, and a stack first.
long clone_call(unsigned long flags) {
#ifdef __s390x__
    return ::syscall(SYS_clone, nullptr, flags, nullptr, nullptr, nullptr);
#else
    return ::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr);
#endif
}

/// In the child of a fork that may have been made.
bool is_refused(long pid) {
    if (pid == 0) {
        ::_exit(0);
    }
    if (pid > 0) {
        ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
        return false;
    }
    return is_for_good(errno);
}

/// Each way to a user namespace: a filter may know one and not the others.
int are_closed() {
    clone_args arguments = {};
    arguments.flags = CLONE_NEWUSER;
    arguments.exit_signal = SIGCHLD;
    if (!is_refused(::syscall(SYS_clone3, &arguments, sizeof arguments)) ||
        !is_refused(clone_call(CLONE_NEWUSER | SIGCHLD))) {
        return 0;
    }
    return ::unshare(CLONE_NEWUSER) != 0 && is_for_good(errno) ? 1 : 0;
}

}  // namespace

Result<std::optional<Refusal>> try_plan(const Plan& plan) {
    return result_of(in_child<Message>([&plan] { return run_trial(plan); }, out_of_memory(Course::not_tried)));
}

Result<std::optional<Refusal>> rehearse_plan(const Plan& plan) {
    Result<Message> message =
        in_child<Message>([&plan] { return run_rehearsal(plan); }, out_of_memory(Course::not_undone));
    if (!message && message.error().errnum == 0) {
        // It did not say how far it came, and nobody took back what it had done to the cgroups.
        Error killed = make_error(ErrorCode::not_as_planned,
                                  "it was killed, and may have left the container's processes in another cgroup",
                                  {"start the container again: its cgroups go with it"});
        killed.kind = ErrorKind::not_undone;
        return killed;
    }
    return result_of(message);
}

UserNamespaces try_user_namespace() {
    const Result<int> errnum = in_child<int>(errno_of_namespaces, ENOMEM);
    if (!errnum || *errnum == ENOMEM) {
        return {};
    }
    if (*errnum == 0) {
        return {Tri::yes, 0};
    }
    const Result<int> closed = in_child<int>(are_closed, 0);
    return {Tri::no, *errnum, closed ? (*closed == 1 ? Tri::yes : Tri::no) : Tri::unknown};
}

Tri owns_cgroup_namespace() {
    const UniqueFd own(::open("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC));
    if (!own.valid()) {
        return Tri::unknown;
    }
    // It shows the own user namespace and what is below; ns_get_owner(), kernel/user_namespace.c.
    const UniqueFd owner(::ioctl(own.get(), NS_GET_USERNS));
    return owner.valid() ? Tri::yes : (errno == EPERM ? Tri::no : Tri::unknown);
}

}  // namespace cginit
