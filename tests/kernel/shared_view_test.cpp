#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cstdio>

#include "core/text.hpp"
#include "kernel/support/container.hpp"
#include "kernel/support/contract.hpp"
#include "kernel/support/story.hpp"
#include "read/proc_files.hpp"
#include "unit/normalized_table.hpp"

namespace cginit {
namespace {

using Lines = std::vector<std::string>;

Lines mounts_now() { return normalized(parse_mountinfo(read_text("/proc/self/mountinfo"), "mountinfo").value()); }

/// Runs `inner` in a container that received the tree of an outer mount namespace with its peers
/// (-v /sys/fs/cgroup:/sys/fs/cgroup:rshared). Does the outer one still have all its mounts afterwards?
void outer_mounts_stay(bool expected, const std::function<void()>& inner) {
    const TestCgroups cgroups;
    const ContainerSpec spec{.name = "rshared", .view = EngineView::whole_tree, .keep_propagation = true};
    EXPECT_EQ(run_in_private_mounts([&] {
                  EXPECT_EQ(::mount(nullptr, "/sys/fs/cgroup", nullptr, MS_REC | MS_SHARED, nullptr), 0);
                  const Lines before = mounts_now();
                  EXPECT_EQ(run_container(spec, cgroups, inner), 0);
                  EXPECT_EQ(mounts_now() == before, expected) << join(mounts_now(), "\n");
              }),
              0);
}

void run_plan(bool cut_off_peers) {
    Story story = prepare_story({}, {InitKind::busybox, std::nullopt, ""});
    if (!cut_off_peers) {
        std::erase_if(story.plan.steps,
                      [](const Step& step) { return std::holds_alternative<SetPropagation>(step.op); });
    }
    KernelLinux kernel;
    PlanRunner runner(kernel, story.plan, [](std::size_t, const Step&) {});
    const Status applied = runner.run_until_commit();
    ASSERT_TRUE(applied) << applied.error().message();
    const Status committed = runner.commit();
    ASSERT_TRUE(committed) << committed.error().message();
}

TEST(SharedView, PeersKeepTheirMounts) {
    CGINIT_NEEDS_KERNEL();
    outer_mounts_stay(true, [] {
        EXPECT_NE(join(mounts_now(), "\n").find("shared"), std::string::npos);
        run_plan(true);
        EXPECT_EQ(join(breaches_of_contract({}), "\n"), "");
    });
}

TEST(SharedView, PeersKeepTheirMountsWhicheverStepFails) {
    CGINIT_NEEDS_KERNEL();
    outer_mounts_stay(true, [] {
        const Story story = prepare_story({}, {InitKind::busybox, std::nullopt, ""});
        const Lines before = mounts_now();
        std::size_t injected = 0;
        for (std::size_t k = 0; k < story.plan.steps.size(); ++k) {
            if (story.plan.steps[k].or_else) {
                continue;  // The plan goes on without it.
            }
            ++injected;
            FaultyKernelLinux kernel(k);
            PlanRunner runner(kernel, story.plan, kernel.observe());
            EXPECT_FALSE(runner.run_until_commit() && runner.commit());
            EXPECT_EQ(mounts_now(), before) << k;
        }
        std::printf("[  FAULTS  ] %zu injected: rshared\n", injected);
    });
}

/// What the tests above would see: without the steps that cut off the peers, these lose their mounts.
TEST(SharedView, WithoutTheCutPeersLoseTheirMounts) {
    CGINIT_NEEDS_KERNEL();
    outer_mounts_stay(false, [] { run_plan(false); });
}

}  // namespace
}  // namespace cginit
