#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "core/path.hpp"
#include "core/text.hpp"
#include "kernel/support/cgroup_verbs.hpp"
#include "kernel/support/container.hpp"

namespace cginit {
namespace {

TEST(KernelLinuxControllers, ControllersOfV2) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("unified", [](const std::string& own) {
        const std::string inner = join_path(own, "inner");
        const std::string offered = read_text(join_path(own, "cgroup.controllers"));
        succeeds(MakeCgroup{inner});
        // Processes that are still in the way are moved out of it.
        EXPECT_TRUE(succeeds(EnableControllers{own, inner}).notes.empty());
        EXPECT_EQ(read_text(join_path(own, "cgroup.subtree_control")), offered);
        succeeds(DisableControllers{own});
        EXPECT_EQ(std::string(trim(read_text(join_path(own, "cgroup.subtree_control")))), "");
        // What cannot be enabled is told, not failed.
        succeeds(MoveProcesses{inner, own});
        const Outcome outcome = succeeds(EnableControllers{own, join_path(own, "none")});
        // A host that hands no controller down has none to refuse.
        EXPECT_EQ(outcome.notes.empty(), trim(offered).empty());
        for (const std::string& note : outcome.notes) {
            EXPECT_TRUE(note.starts_with("the init cannot use the controller ")) << note;
        }
        fails(EnableControllers{join_path(own, "none"), inner},
              concat({"open ", own, "/none/cgroup.controllers: No such file or directory"}));
        fails(DisableControllers{join_path(own, "none")},
              concat({"open ", own, "/none/cgroup.subtree_control: No such file or directory"}));
    });
}

TEST(KernelLinuxControllers, EachControllerIsReported) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("unified", [](const std::string& own) {
        // The kernel has it, but on v1, or nobody enabled it above.
        const Outcome absent = succeeds(EnableControllers{own, own, {"memory", "cpu"}});
        EXPECT_EQ(absent.notes, (std::vector<std::string>{
                                    "the init cannot use the controller memory: it is not available there; the "
                                    "host enables it above the container's cgroup, or keeps it on v1",
                                    "the init cannot use the controller cpu: it is not available there; the host "
                                    "enables it above the container's cgroup, or keeps it on v1"}));
        EXPECT_TRUE(absent.details.empty());
    });
}

/// A cgroup by name only, whose subtree_control is another file that takes no text: EINVAL.
void make_refusing_cgroup(const std::string& path, const std::string& threads) {
    succeeds(MakeDirectory{path});
    write_text(join_path(path, "cgroup.threads"), threads);
    write_text(join_path(path, "cgroup.subtree_control"), "");
    succeeds(BindMount{"/proc/self/oom_score_adj", join_path(path, "cgroup.subtree_control")});
}

/// Outside of any test cgroup: a v1 cpu cgroup without rt_runtime permits no real-time thread.
TEST(KernelLinuxControllers, RealTimeThreadsThatStandInTheWayAreNamed) {
    CGINIT_NEEDS_KERNEL();
    EXPECT_EQ(run_in_private_mounts([] {
                  const std::string self = std::to_string(::getpid());
                  const std::string name(trim(read_text("/proc/self/comm")));
                  succeeds(MountFilesystem{"tmpfs", "/mnt", "mode=755", {}});
                  make_refusing_cgroup("/mnt/refusing", concat({"0\n", self, "\n"}));
                  const EnableControllers op{"/mnt/refusing", "/mnt/refusing/leaf", {"cpu"}};
                  EXPECT_EQ(succeeds(op).notes,
                            std::vector<std::string>{"the init cannot use the controller cpu: Invalid argument"});
                  const sched_param priority{.sched_priority = 1};
                  ASSERT_EQ(::sched_setscheduler(0, SCHED_RR, &priority), 0) << "needs CAP_SYS_NICE";
                  EXPECT_EQ(succeeds(op).notes,
                            std::vector<std::string>{concat({"the init cannot use the controller cpu: real-time "
                                                             "processes cannot be put under it: ",
                                                             self, " (", name, ")"})});
              }),
              0);
}

}  // namespace
}  // namespace cginit
