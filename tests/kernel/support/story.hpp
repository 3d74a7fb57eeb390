#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apply/kernel_linux.hpp"
#include "apply/plan_runner.hpp"
#include "cginit/decision.hpp"
#include "cginit/options.hpp"
#include "cginit/plan.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// The running kernel, but for one call that fails: the one with that number, counted from 0.
class FaultyKernelLinux : public Kernel {
public:
    explicit FaultyKernelLinux(std::size_t failing) : failing_(failing) {}
    Result<Outcome> perform(const Op& op) override;

private:
    KernelLinux kernel_;
    std::size_t failing_;
    std::size_t calls_ = 0;
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
/// What check_view says of the running system.
[[nodiscard]] std::vector<std::string> verify_story(const Story& story, const PlanRunner& runner);

}  // namespace cginit
