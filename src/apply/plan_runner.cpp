#include "apply/plan_runner.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

#include "core/text.hpp"

namespace cginit {
namespace {

/// More than all undos of a plan need at a time; small enough to come from the heap and to stay there.
constexpr std::size_t kReserve = 64U << 10U;

bool is_answered(const Step& step, const Error& error) {
    return step.or_else && (!step.or_else->only_for || step.or_else->only_for == error.code);
}

}  // namespace

PlanRunner::PlanRunner(Kernel& kernel, const Plan& plan, Observer observer)
    : kernel_(kernel), plan_(plan), observer_(std::move(observer)), reserve_(kReserve) {
    // What was done has to be remembered, come what may.
    done_.reserve(plan.steps.size());
}

PlanRunner::~PlanRunner() {
    try {
        static_cast<void>(roll_back());
    } catch (const std::bad_alloc&) {
        // Told by whoever catches the one that led here.
        return;
    }
}

bool PlanRunner::is_given_up(const Step& step) const {
    return std::any_of(step.parts.begin(), step.parts.end(),
                       [this](const Part& part) { return has_part(given_up_, part); });
}

Error PlanRunner::failure(std::size_t index, const Error& error) {
    const Step& step = plan_.steps[index];
    failed_ = &step.op;
    return error.in(concat({"step ", std::to_string(index + 1), " (", step.why, ")"}));
}

Status PlanRunner::fall_back(const OrElse& or_else) {
    for (const Op& op : or_else.instead) {
        const Result<Outcome> outcome = kernel_.perform(op);
        if (!outcome) {
            return outcome.error();
        }
    }
    given_up_.insert(given_up_.end(), or_else.give_up.begin(), or_else.give_up.end());
    if (!or_else.quiet) {
        notes_.push_back(or_else.why);
    }
    return {};
}

Result<bool> PlanRunner::perform(std::size_t index) {
    const Step& step = plan_.steps[index];
    if (is_given_up(step)) {
        return false;
    }
    observer_(index + 1, step);
    // Before it is: one that is broken off in the middle by std::bad_alloc is taken back, too.
    done_.push_back(index);
    is_past_return_ = is_past_return_ || step.scope == Scope::irreversible;
    const Result<Outcome> outcome = kernel_.perform(step.op);
    if (!outcome || outcome->found) {
        done_.pop_back();
    }
    if (outcome) {
        notes_.insert(notes_.end(), outcome->notes.begin(), outcome->notes.end());
        details_.insert(details_.end(), outcome->details.begin(), outcome->details.end());
        return true;
    }
    if (!is_answered(step, outcome.error())) {
        return failure(index, outcome.error());
    }
    const Status fallen_back = fall_back(*step.or_else);
    return fallen_back ? Result<bool>(false) : failure(index, fallen_back.error());
}

Status PlanRunner::run_until_commit() {
    for (std::size_t i = 0; i < plan_.steps.size() && plan_.steps[i].phase != Phase::commit; ++i) {
        const Result<bool> performed = perform(i);
        if (!performed) {
            return take_back(performed.error());
        }
    }
    return {};
}

Error PlanRunner::take_back(const Error& error) {
    const Status undone = roll_back();
    if (undone) {
        return error;
    }
    Error left = error.in(undone.error().message());
    left.kind = ErrorKind::not_undone;
    return left;
}

Status PlanRunner::undo(std::size_t index) {
    const auto frame = [index] { return concat({"roll-back of step ", std::to_string(index + 1)}); };
    try {
        const Result<Outcome> outcome = kernel_.perform(*plan_.steps[index].undo);
        return outcome ? Status() : Status(outcome.error().in(frame()));
    } catch (const std::bad_alloc&) {
        return make_errno_error(ENOMEM, frame());
    }
}

Status PlanRunner::roll_back() {
    Status first;
    std::vector<char>().swap(reserve_);
    while (!done_.empty()) {
        const std::size_t index = done_.back();
        const Step& step = plan_.steps[index];
        done_.pop_back();
        // An undo takes back what was done and not what was given up: a part that fell back undid itself.
        if (!step.undo || is_given_up(step)) {
            continue;
        }
        Status undone = undo(index);
        if (!undone && first) {
            first = std::move(undone);
        }
    }
    return first;
}

Status PlanRunner::commit() {
    bool anything_gone = false;
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
        if (plan_.steps[i].phase != Phase::commit) {
            continue;
        }
        const Result<bool> performed = perform(i);
        if (!performed && !anything_gone) {
            return take_back(performed.error());
        }
        if (!performed) {
            Error late = performed.error();
            late.kind = ErrorKind::not_undone;
            return late;
        }
        // What was skipped, or could not be done and was given up, took nothing away.
        if (*performed) {
            anything_gone = true;
            done_.clear();
        }
    }
    // A plan may have no step to commit.
    done_.clear();
    return {};
}

}  // namespace cginit
