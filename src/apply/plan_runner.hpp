#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "cginit/kernel.hpp"
#include "cginit/plan.hpp"

namespace cginit {

/// Walks a plan's steps through a Kernel. Before commit every failure takes back what was done; there is no errno here
/// that is treated differently from another: what to do instead stands in the plan.
class PlanRunner {
public:
    /// Called before each step is performed; `number` counts from 1.
    using Observer = std::function<void(std::size_t number, const Step& step)>;

    PlanRunner(Kernel& kernel, const Plan& plan, Observer observer);
    PlanRunner(const PlanRunner&) = delete;
    PlanRunner& operator=(const PlanRunner&) = delete;
    /// Takes back what was neither committed nor taken back: nothing else does when memory runs out (std::bad_alloc).
    ~PlanRunner();

    /// Everything before commit. On failure all is undone and the error names the step.
    Status run_until_commit();
    /// Takes back what was done, last step first. Goes on after a failure; the first one is returned.
    Status roll_back();
    /// The same because of `error`, which is returned; if that fails, too, with what could not be taken back.
    Error take_back(const Error& error);
    /// The commit steps. A failure of the first one can still be rolled back and has been.
    Status commit();

    /// True once a step was begun that this process cannot go back from: a roll-back leaves it where that led.
    [[nodiscard]] bool is_past_return() const { return is_past_return_; }
    /// Parts that fell back to their or_else.
    [[nodiscard]] const Parts& given_up() const { return given_up_; }
    /// What the steps had to tell, and what was given up, in order.
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
    /// What went well in more detail than the steps say, for the debug log.
    [[nodiscard]] const std::vector<std::string>& details() const { return details_; }
    /// The op that failed; empty if none did.
    [[nodiscard]] const Op* failed_op() const { return failed_; }

private:
    /// False if the step belongs to a part that was given up.
    Result<bool> perform(std::size_t index);
    Status fall_back(const OrElse& or_else);
    Status undo(std::size_t index);
    Error failure(std::size_t index, const Error& error);
    [[nodiscard]] bool is_given_up(const Step& step) const;

    Kernel& kernel_;
    const Plan& plan_;
    Observer observer_;
    std::vector<std::size_t> done_;
    std::vector<char> reserve_;  ///< given back before the undo, so that it has memory to work with
    Parts given_up_;
    std::vector<std::string> notes_;
    std::vector<std::string> details_;
    const Op* failed_ = nullptr;
    bool is_past_return_ = false;
};

}  // namespace cginit
