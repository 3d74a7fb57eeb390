#pragma once

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "apply/linux/kernel_linux.hpp"
#include "apply/plan_runner.hpp"
#include "cginit/decision.hpp"
#include "cginit/options.hpp"
#include "cginit/plan.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// The running kernel, but for one step of a plan that fails: the one with that number, counted from 0, and `more` ops
/// after it, which are those that take the plan back. Its observe() tells it where the plan is.
class FaultyKernelLinux : public Kernel {
public:
    explicit FaultyKernelLinux(std::size_t failing, int errnum = EIO, std::size_t more = 0)
        : failing_(failing), errnum_(errnum), more_(more) {}
    Result<Outcome> perform(const Op& op) override;
    [[nodiscard]] PlanRunner::Observer observe() {
        return [this](std::size_t number, const Step&) { armed_ = number == failing_ + 1; };
    }
    /// False if the plan never came to the step: its part was given up.
    [[nodiscard]] bool has_failed() const { return has_failed_; }
    /// How many ops came after the step that failed.
    [[nodiscard]] std::size_t later_ops() const { return later_ops_; }

private:
    KernelLinux kernel_;
    std::size_t failing_;
    int errnum_;
    std::size_t more_;
    std::size_t later_ops_ = 0;
    bool armed_ = false;
    bool has_failed_ = false;
};

/// All that cginit finds out and decides before it changes anything.
struct Story {
    Options options;
    InitTraits traits;
    World world;
    Decision decision;
    Plan plan;
};

/// The running system, understood; throws std::runtime_error.
[[nodiscard]] World see_now(const InitTraits& traits);
/// gather to check_plan; throws std::runtime_error if anything refuses.
[[nodiscard]] Story prepare_story(const Options& options, const InitTraits& traits);
/// What check_view and check_expectations say of the running system.
[[nodiscard]] std::vector<std::string> verify_story(const Story& story, const PlanRunner& runner);

}  // namespace cginit
