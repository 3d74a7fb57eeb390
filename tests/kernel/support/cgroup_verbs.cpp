#include "kernel/support/cgroup_verbs.hpp"

#include <gtest/gtest.h>

#include "apply/linux/kernel_linux.hpp"
#include "core/text.hpp"
#include "kernel/support/container.hpp"

namespace cginit {

void in_cgroup(const std::string& hierarchy, const std::function<void(const std::string&)>& body) {
    const TestCgroups cgroups;
    const ContainerSpec spec{.name = "verbs", .view = EngineView::whole_tree};
    const std::string own = concat({"/sys/fs/cgroup/", hierarchy, cgroups.path()});
    EXPECT_EQ(run_private_container(spec, cgroups, [&] { body(own); }), 0);
}

namespace {

/// One for all verbs of a process: it remembers what DisableControllers has to take back.
KernelLinux& kernel() {
    static KernelLinux kernel;
    return kernel;
}

}  // namespace

Outcome succeeds(const Op& op) {
    const Result<Outcome> outcome = kernel().perform(op);
    EXPECT_TRUE(outcome) << describe(op) << ": " << (outcome ? "" : outcome.error().message());
    return outcome ? *outcome : Outcome{};
}

void fails(const Op& op, const std::string& message, ErrorCode code) {
    const Result<Outcome> outcome = kernel().perform(op);
    EXPECT_EQ(outcome ? "success" : outcome.error().message(), message) << describe(op);
    EXPECT_EQ(outcome ? code : outcome.error().code, code) << describe(op);
}

}  // namespace cginit
