#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

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
    });
}

TEST(KernelLinuxControllers, WhatWasEnabledBeforeStaysEnabled) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("unified", [](const std::string& own) {
        const std::string inner = join_path(own, "inner");
        const std::string control = join_path(own, "cgroup.subtree_control");
        const std::string offered(trim(read_text(join_path(own, "cgroup.controllers"))));
        const std::string first = offered.substr(0, offered.find(' '));
        succeeds(MakeCgroup{inner});
        succeeds(MoveProcesses{own, inner});
        write_text(control, first.empty() ? "" : concat({"+", first}));
        EXPECT_TRUE(succeeds(EnableControllers{own, inner}).notes.empty());
        succeeds(DisableControllers{own});
        EXPECT_EQ(trim(read_text(control)), first);
    });
}

TEST(KernelLinuxControllers, TheLimitsOfDescendants) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("unified", [](const std::string& own) {
        const std::string descendants = join_path(own, "cgroup.max.descendants");
        const std::string depth = join_path(own, "cgroup.max.depth");
        const auto both = [&] { return concat({trim(read_text(descendants)), " ", trim(read_text(depth))}); };
        succeeds(LimitDescendants{own, 2, 1});
        EXPECT_EQ(both(), "2 1");
        succeeds(MakeCgroup{join_path(own, "a")});
        succeeds(MakeCgroup{join_path(own, "b")});
        fails(MakeCgroup{join_path(own, "c")}, concat({"mkdir ", own, "/c: Resource temporarily unavailable"}));
        succeeds(RemoveCgroup{join_path(own, "b")});
        fails(MakeCgroup{join_path(own, "a/b")}, concat({"mkdir ", own, "/a/b: Resource temporarily unavailable"}));
        succeeds(RestoreDescendantLimits{own});
        EXPECT_EQ(both(), "max max");
        // What is lower stays, and is not what a roll-back writes.
        write_text(descendants, "10");
        succeeds(LimitDescendants{own, 4096, 15});
        EXPECT_EQ(both(), "10 15");
        succeeds(RestoreDescendantLimits{own});
        EXPECT_EQ(both(), "10 max");
        succeeds(LimitDescendants{own, {}, 15});
        succeeds(LimitDescendants{own, 5, {}});
        EXPECT_EQ(both(), "5 15");
        succeeds(RestoreDescendantLimits{own});
        EXPECT_EQ(both(), "10 max") << "all that was lowered there";
        // At the hierarchy's root both files are, too.
        fails(LimitDescendants{"/sys/fs/cgroup/unified", 4096, 15}, "/sys/fs/cgroup/unified is the host's root",
              ErrorCode::host_root);
    });
}

TEST(KernelLinuxControllers, WhatRefusesOneLimitLeavesNone) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("unified", [](const std::string& own) {
        const std::string descendants = join_path(own, "cgroup.max.descendants");
        const std::string depth = join_path(own, "cgroup.max.depth");
        // A file that nobody can write.
        succeeds(BindMount{join_path(own, "cgroup.events"), depth});
        fails(LimitDescendants{own, 4096, 15}, concat({"write \"15\" to ", depth, ": Invalid argument"}));
        EXPECT_EQ(trim(read_text(descendants)), "max");
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

/// A cgroup by name only, whose subtree_control is another file, one that refuses.
void make_refusing_cgroup(const std::string& path, const std::string& threads, const std::string& refuses) {
    succeeds(MakeDirectory{path});
    succeeds(MakeDirectory{join_path(path, "leaf")});
    write_text(join_path(path, "cgroup.threads"), threads);
    write_text(join_path(path, "cgroup.procs"), "");
    write_text(join_path(path, "cgroup.subtree_control"), "");
    succeeds(BindMount{refuses, join_path(path, "cgroup.subtree_control")});
}

/// Outside of any test cgroup: a v1 cpu cgroup without rt_runtime permits no real-time thread.
TEST(KernelLinuxControllers, RealTimeThreadsThatStandInTheWayAreNamed) {
    CGINIT_NEEDS_KERNEL();
    EXPECT_EQ(run_in_private_mounts([] {
                  const std::string self = std::to_string(::getpid());
                  const std::string name(trim(read_text("/proc/self/comm")));
                  succeeds(MountFilesystem{"tmpfs", "/mnt", "mode=755", {}});
                  // It takes no text: EINVAL.
                  make_refusing_cgroup("/mnt/refusing", concat({"0\n", self, "\n"}), "/proc/self/oom_score_adj");
                  const EnableControllers op{"/mnt/refusing", "/mnt/refusing/leaf", {"cpu"}};
                  EXPECT_EQ(succeeds(op).notes,
                            std::vector<std::string>{"the init cannot use the controller cpu: Invalid argument"});
                  for (const int policy : {SCHED_RR, SCHED_RR | SCHED_RESET_ON_FORK}) {
                      const sched_param priority{.sched_priority = 1};
                      ASSERT_EQ(::sched_setscheduler(0, policy, &priority), 0) << "needs CAP_SYS_NICE";
                      EXPECT_EQ(succeeds(op).notes,
                                std::vector<std::string>{concat({"the init cannot use the controller cpu: real-time "
                                                                 "processes cannot be put under it: ",
                                                                 self, " (", name, ")"})});
                  }
              }),
              0);
}

/// A terminal that its owner has for itself: whoever opens it without CAP_SYS_ADMIN gets EBUSY, ioctl_tty(2).
std::string busy_terminal() {
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_EQ(::grantpt(terminal) + ::unlockpt(terminal), 0);
    std::string name = ::ptsname(terminal);
    EXPECT_EQ(::ioctl(::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC), TIOCEXCL), 0);
    ::chmod(name.c_str(), 0666);
    return name;
}

/// As long as processes return, so often is it tried; then the init comes up without the controller.
TEST(KernelLinuxControllers, CgroupThatStaysBusyIsGivenUp) {
    CGINIT_NEEDS_KERNEL();
    EXPECT_EQ(run_in_private_mounts([] {
                  succeeds(MountFilesystem{"tmpfs", "/mnt", "mode=755", {}});
                  make_refusing_cgroup("/mnt/busy", "", busy_terminal());
                  constexpr uid_t kNobody = 65534;
                  ASSERT_EQ(::seteuid(kNobody), 0);
                  const Outcome outcome = succeeds(EnableControllers{"/mnt/busy", "/mnt/busy/leaf", {"pids"}});
                  EXPECT_EQ(outcome.notes,
                            std::vector<std::string>{"the init cannot use the controller pids: processes keep entering "
                                                     "the cgroup; stop what forks in the container at its start"});
                  EXPECT_TRUE(outcome.details.empty());
                  ASSERT_EQ(::seteuid(0), 0);
              }),
              0);
}

/// Hosts hand down whichever controllers they like, but every cgroup.procs takes a `+0`, and refuses it below a threaded
/// cgroup as cgroup.subtree_control does.
TEST(KernelLinuxControllers, ThreadedCgroupIsTold) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("unified", [](const std::string& own) {
        const std::string threaded = join_path(own, "threaded");
        const std::string below = join_path(threaded, "below");
        succeeds(MakeCgroup{threaded});
        succeeds(WriteCgroupFile{join_path(threaded, "cgroup.type"), "threaded"});
        succeeds(MakeCgroup{below});
        make_refusing_cgroup("/cginit-work/refusing", "", join_path(below, "cgroup.procs"));
        EXPECT_EQ(succeeds(EnableControllers{"/cginit-work/refusing", "/cginit-work/refusing/leaf", {"0"}}).notes,
                  std::vector<std::string>{
                      "the init cannot use the controller 0: the cgroup is threaded, or below one that is"});
    });
}

/// Each of those that are offered is enabled by itself, and said to be.
TEST(KernelLinuxControllers, WhatIsEnabledIsTold) {
    CGINIT_NEEDS_KERNEL();
    EXPECT_EQ(run_in_private_mounts([] {
                  succeeds(MountFilesystem{"tmpfs", "/mnt", "mode=755", {}});
                  write_text("/mnt/cgroup.controllers", "cpu pids\n");
                  write_text("/mnt/cgroup.subtree_control", "");
                  const Outcome outcome = succeeds(EnableControllers{"/mnt", "/mnt/leaf"});
                  EXPECT_TRUE(outcome.notes.empty());
                  EXPECT_EQ(outcome.details, (std::vector<std::string>{"cpu is enabled for the children of /mnt",
                                                                       "pids is enabled for the children of /mnt"}));
                  EXPECT_EQ(read_text("/mnt/cgroup.subtree_control"), "+pids");
              }),
              0);
}

}  // namespace
}  // namespace cginit
