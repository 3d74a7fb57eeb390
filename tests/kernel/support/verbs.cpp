#include "kernel/support/verbs.hpp"

#include <gtest/gtest.h>

#include "core/path.hpp"

namespace cginit {

std::string in_place(const std::string& name) { return join_path("/cginit-work", name); }

void in_container(const std::function<void(const TestCgroups&)>& body) {
    const TestCgroups cgroups;
    const ContainerSpec spec{.name = "verbs", .view = EngineView::whole_tree};
    EXPECT_EQ(run_private_container(spec, cgroups, [&] { body(cgroups); }), 0);
}

void succeeds(KernelLinux& kernel, const Op& op) {
    const Result<Outcome> outcome = kernel.perform(op);
    EXPECT_TRUE(outcome) << describe(op) << ": " << (outcome ? "" : outcome.error().message());
}

void fails(KernelLinux& kernel, const Op& op, int errnum, const std::string& frame) {
    const Result<Outcome> outcome = kernel.perform(op);
    ASSERT_FALSE(outcome) << describe(op);
    EXPECT_EQ(errno_text(outcome.error().errnum), errno_text(errnum)) << describe(op);
    EXPECT_EQ(outcome.error().frames.back(), frame) << describe(op);
}

}  // namespace cginit
