#include "apply/kernel_linux_trial.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "apply/kernel_linux.hpp"
#include "apply/kernel_linux_child.hpp"
#include "apply/kernel_linux_mount.hpp"
#include "apply/plan_runner.hpp"
#include "core/path.hpp"

namespace cginit {
namespace {

enum class Course { passed, refused, not_tried };

/// What the child tells; written and read in one piece.
struct Message {
    Course course = Course::not_tried;
    Refusal refusal;
};

bool leaves_nothing(const Step& step) {
    return step.phase < Phase::verify && step.scope != Scope::persistent && step.scope != Scope::host;
}

std::size_t index_of(const Plan& plan, const Op* op) {
    const auto found =
        std::find_if(plan.steps.begin(), plan.steps.end(), [op](const Step& step) { return &step.op == op; });
    return static_cast<std::size_t>(found - plan.steps.begin());
}

/// Who may not change a mount of the trial's own will not be let do what the plan does either.
Message refused_mount(const Plan& plan, int errnum) {
    const auto first = std::find_if(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
        return std::holds_alternative<MountFilesystem>(step.op) || std::holds_alternative<RemountBind>(step.op) ||
               std::holds_alternative<SetPropagation>(step.op);
    });
    return first == plan.steps.end()
               ? Message{Course::not_tried, {0, errnum}}
               : Message{Course::refused, {static_cast<std::size_t>(first - plan.steps.begin()), errnum}};
}

/// In a user namespace that does not map the cgroup's owner no capability helps; inode_permission(), fs/namei.c.
std::optional<Refusal> refused_cgroup(const Plan& plan) {
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        const auto* make = std::get_if<MakeCgroup>(&plan.steps[i].op);
        if (make != nullptr && ::faccessat(AT_FDCWD, parent_path(make->path).c_str(), W_OK | X_OK, AT_EACCESS) != 0 &&
            (errno == EACCES || errno == EPERM)) {
            return Refusal{i, errno};
        }
    }
    return std::nullopt;
}

Message run_trial(const Plan& plan) {
    if (::unshare(CLONE_NEWNS) != 0) {
        return {Course::not_tried, {0, errno}};
    }
    const Status cut_off = set_propagation({"/", PropagationType::private_, true});
    if (!cut_off) {
        return refused_mount(plan, cut_off.error().errnum);
    }
    // What comes after the first step that would stay stands on it.
    const auto end =
        std::find_if(plan.steps.begin(), plan.steps.end(), [](const Step& step) { return !leaves_nothing(step); });
    const Plan harmless{{plan.steps.begin(), end}};
    KernelLinux kernel;
    PlanRunner runner(kernel, harmless, [](std::size_t, const Step&) {});
    const Status status = runner.run_until_commit();
    if (!status && runner.failed_op() != nullptr) {
        return {Course::refused, {index_of(harmless, runner.failed_op()), status.error().errnum}};
    }
    const std::optional<Refusal> refusal = refused_cgroup(plan);
    return refusal ? Message{Course::refused, *refusal} : Message{Course::passed, {}};
}

}  // namespace

Result<std::optional<Refusal>> try_plan(const Plan& plan) {
    const Result<Message> message =
        in_child<Message>([&plan] { return run_trial(plan); }, Message{Course::not_tried, {0, ENOMEM}});
    if (!message) {
        return message.error();
    }
    switch (message->course) {
        case Course::passed: return std::optional<Refusal>();
        case Course::refused: return std::optional<Refusal>(message->refusal);
        case Course::not_tried: break;
    }
    return make_errno_error(message->refusal.errnum, "a mount namespace to try it in");
}

}  // namespace cginit
