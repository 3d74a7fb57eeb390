#include <gtest/gtest.h>

#include <regex>

#include "cli/refusals.hpp"
#include "cli/run_cginit.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

/// Steps as the log tells them, but for the time, from `--dry-run`:
///
///     1. mount tmpfs on /proc/driver (rw, ...)
///        why: ...
Strings planned_steps(const std::string& plan) {
    static const std::regex kStep(" *([0-9]+)\\. (.*)\n +why: (.*)");
    Strings steps;
    for (std::sregex_iterator match(plan.begin(), plan.end(), kStep); match != std::sregex_iterator(); ++match) {
        steps.push_back(concat({"step ", (*match)[1].str(), ": ", (*match)[2].str(), " (", (*match)[3].str(), ")"}));
    }
    return steps;
}

/// `cginit: debug: step 1 at 3.141 ms: mount tmpfs on ...`: the same, and that the times are in order.
Strings logged_steps(const std::string& log) {
    static const std::regex kLine("cginit: debug: (step [0-9]+) at ([0-9]+\\.[0-9]{3}) ms(: .*)");
    Strings steps;
    double last = 0;
    for (std::sregex_iterator match(log.begin(), log.end(), kLine); match != std::sregex_iterator(); ++match) {
        const double time = std::stod((*match)[2].str());
        EXPECT_GE(time, last) << match->str();
        last = time;
        steps.push_back(concat({(*match)[1].str(), (*match)[3].str()}));
    }
    EXPECT_GT(last, 0);
    return steps;
}

TEST(Log, DebugTellsEachStepOfThePlanWithItsTime) {
    CGINIT_NEEDS_KERNEL();
    for (const EngineView view : {EngineView::docker_v1, EngineView::docker_v2}) {
        const TestCgroups cgroups;
        const auto body = [] {
            const Strings planned = planned_steps(run_program({"/cginit", "--dry-run", kShowInit}).output);
            EXPECT_GT(planned.size(), 10U);
            const Finished finished = run_program({"/cginit", "--log-level=debug", kShowInit});
            EXPECT_EQ(finished.status, 0) << finished.errors;
            EXPECT_EQ(join(logged_steps(finished.errors), "\n"), join(planned, "\n"));
        };
        EXPECT_EQ(run_private_container(container_for_cginit(view), cgroups, body), 0);
    }
}

}  // namespace
}  // namespace cginit
