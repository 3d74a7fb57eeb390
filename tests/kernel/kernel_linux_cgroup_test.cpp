#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/path.hpp"
#include "core/text.hpp"
#include "kernel/support/cgroup_verbs.hpp"
#include "kernel/support/container.hpp"

namespace cginit {
namespace {

std::string processes(const std::string& cgroup) {
    std::string pids = read_text(join_path(cgroup, "cgroup.procs"));
    for (char& c : pids) {
        c = c == '\n' ? ' ' : c;
    }
    return pids;
}

TEST(KernelLinuxCgroup, MakeAndRemove) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("memory", [](const std::string& own) {
        const std::string child = join_path(own, "child");
        succeeds(MakeCgroup{child});
        succeeds(MakeCgroup{child});
        succeeds(MakeCgroup{join_path(child, "below")});
        fails(RemoveCgroup{child}, concat({"rmdir ", child, ": Device or resource busy"}));
        succeeds(RemoveCgroup{join_path(child, "below")});
        succeeds(RemoveCgroup{child});
        succeeds(RemoveCgroup{child});
        fails(RemoveCgroup{own}, concat({"rmdir ", own, ": Device or resource busy"}));
        fails(MakeCgroup{join_path(child, "x")}, concat({"mkdir ", child, "/x: No such file or directory"}));
        succeeds(BindMount{own, "/proc/driver"});
        succeeds(RemountBind{"/proc/driver", {.read_only = true}});
        fails(MakeCgroup{"/proc/driver/x"}, "mkdir /proc/driver/x: Read-only file system");
        fails(ProbeCgroup{"/proc/driver"}, "mkdir /proc/driver/cginit-probe: Read-only file system");
    });
}

TEST(KernelLinuxCgroup, Probe) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("pids", [](const std::string& own) {
        succeeds(ProbeCgroup{own});
        EXPECT_EQ(::access(join_path(own, "cginit-probe").c_str(), F_OK), -1);
        // A killed run may have left it.
        succeeds(MakeCgroup{join_path(own, "cginit-probe")});
        succeeds(ProbeCgroup{own});
        EXPECT_EQ(::access(join_path(own, "cginit-probe").c_str(), F_OK), -1);
    });
}

TEST(KernelLinuxCgroup, MoveAllProcessesThereAndBack) {
    CGINIT_NEEDS_KERNEL();
    for (const char* hierarchy : {"memory", "systemd", "unified"}) {
        in_cgroup(hierarchy, [](const std::string& own) {
            const std::string inner = join_path(own, "inner");
            const std::string both = concat({"1 ", std::to_string(start_bystander()), " "});
            succeeds(MakeCgroup{inner});
            succeeds(MoveProcesses{own, inner});
            EXPECT_EQ(processes(own), "");
            EXPECT_EQ(processes(inner), both);
            succeeds(AssertMember{inner});
            fails(AssertMember{own}, concat({own, "/cgroup.procs does not hold process 1"}), ErrorCode::not_as_planned);
            succeeds(MoveProcesses{inner, own});
            EXPECT_EQ(processes(own), both);
            succeeds(RemoveCgroup{inner});
            fails(MoveProcesses{own, inner}, concat({"open ", inner, "/cgroup.procs: No such file or directory"}));
            fails(MoveProcesses{inner, own}, concat({"open ", inner, "/cgroup.procs: No such file or directory"}));
            EXPECT_EQ(processes(own), both);
        });
    }
}

/// Waits until /proc/PID/status says that the process is in this state.
void wait_for_state(pid_t pid, char state) {
    const std::string wanted = concat({"State:\t", std::string(1, state)});
    while (read_text(concat({"/proc/", std::to_string(pid), "/status"})).find(wanted) == std::string::npos) {
        ::usleep(1000);
    }
}

pid_t start(void (*body)()) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        body();
        ::_exit(0);
    }
    return child;
}

void* sleep_for_ever(void* /*unused*/) {
    for (;;) {
        ::pause();
    }
}

/// Processes that do nothing by themselves any more, and how to tell that they came to that.
struct Stuck {
    const char* what;
    void (*body)();
    char state;
};

const std::vector<Stuck> kStuck{
    {"stopped", [] { ::raise(SIGSTOP); }, 'T'},
    {"stopped by its tracer",
     [] {
         ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
         ::raise(SIGUSR1);
     },
     't'},
    // The kernel lets a vfork(2)ing parent sleep where no signal but SIGKILL reaches it.
    {"in an uninterruptible sleep",
     [] {
         if (::vfork() == 0) {
             ::pause();
             ::_exit(0);
         }
     },
     'D'},
    {"a zombie", [] {}, 'Z'},
    {"a dead leader with a living thread",
     [] {
         pthread_t thread{};
         ::pthread_create(&thread, nullptr, sleep_for_ever, nullptr);
         ::syscall(SYS_exit, 0);
     },
     'Z'},
};

TEST(KernelLinuxCgroup, MoveProcessesThatAreStuck) {
    CGINIT_NEEDS_KERNEL();
    for (const char* hierarchy : {"memory", "unified"}) {
        for (const Stuck& stuck : kStuck) {
            SCOPED_TRACE(concat({hierarchy, ": ", stuck.what}));
            in_cgroup(hierarchy, [&stuck](const std::string& own) {
                const std::string inner = join_path(own, "inner");
                wait_for_state(start(stuck.body), stuck.state);
                succeeds(MakeCgroup{inner});
                succeeds(MoveProcesses{own, inner});
                if (::access(join_path(own, "cgroup.subtree_control").c_str(), F_OK) == 0) {
                    EXPECT_TRUE(succeeds(EnableControllers{own, inner}).notes.empty());
                    succeeds(DisableControllers{own});
                }
                succeeds(MoveProcesses{inner, own});
                succeeds(RemoveCgroup{inner});
            });
        }
    }
}

/// Frozen in one hierarchy, to be moved in another.
TEST(KernelLinuxCgroup, MoveProcessesThatAreFrozen) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("memory", [](const std::string& own) {
        const std::string freezer =
            concat({"/sys/fs/cgroup/freezer/", own.substr(std::string("/sys/fs/cgroup/memory/").size()), "/frozen"});
        const std::string inner = join_path(own, "inner");
        const std::string frozen = std::to_string(start([] { sleep_for_ever(nullptr); }));
        succeeds(MakeCgroup{freezer});
        succeeds(WriteCgroupFile{join_path(freezer, "cgroup.procs"), frozen});
        succeeds(WriteCgroupFile{join_path(freezer, "freezer.state"), "FROZEN"});
        while (trim(read_text(join_path(freezer, "freezer.state"))) != "FROZEN") {
            ::usleep(1000);
        }
        succeeds(MakeCgroup{inner});
        succeeds(MoveProcesses{own, inner});
        EXPECT_EQ(processes(inner), concat({"1 ", frozen, " "}));
        succeeds(MoveProcesses{inner, own});
        succeeds(WriteCgroupFile{join_path(freezer, "freezer.state"), "THAWED"});
    });
}

/// Sleeps as another user until the container ends.
pid_t start_other_user(uid_t user) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::setresuid(user, user, user) != 0) {
            ::_exit(1);
        }
        for (;;) {
            ::pause();
        }
    }
    const std::string wanted = concat({"Uid:\t", std::to_string(user)});
    while (read_text(concat({"/proc/", std::to_string(child), "/status"})).find(wanted) == std::string::npos) {
        ::usleep(1000);
    }
    return child;
}

/// On v1 who is not root may move processes of its own user only (cgroup1_procs_write): in a user namespace that maps
/// its root to somebody, that is the container's root.
TEST(KernelLinuxCgroup, MoveThatFailsHalfwayIsTakenBack) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("freezer", [](const std::string& own) {
        constexpr uid_t kMine = 12345;
        constexpr uid_t kOthers = 12346;
        const std::string inner = join_path(own, "inner");
        succeeds(MakeCgroup{inner});
        for (const std::string& cgroup : {own, inner}) {
            ASSERT_EQ(::chmod(join_path(cgroup, "cgroup.procs").c_str(), 0666), 0);
        }
        ASSERT_EQ(::setresuid(kMine, kMine, 0), 0);
        ASSERT_EQ(::seteuid(0), 0);
        start_other_user(kOthers);
        const std::string before = processes(own);
        ASSERT_EQ(::seteuid(kMine), 0);
        fails(MoveProcesses{own, inner}, concat({"write \"2\" to ", inner, "/cgroup.procs: Permission denied"}));
        EXPECT_EQ(processes(own), before);
        ASSERT_EQ(::seteuid(0), 0);
    });
}

TEST(KernelLinuxCgroup, CopyFile) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("cpuset", [](const std::string& own) {
        const std::string inner = join_path(own, "inner");
        succeeds(MakeCgroup{inner});
        fails(MoveProcesses{own, inner}, concat({"write \"1\" to ", inner, "/cgroup.procs: No space left on device"}));
        for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
            succeeds(CopyCgroupFile{join_path(own, file), join_path(inner, file)});
            EXPECT_EQ(read_text(join_path(inner, file)), read_text(join_path(own, file)));
        }
        succeeds(MoveProcesses{own, inner});
        fails(CopyCgroupFile{join_path(own, "none"), join_path(inner, "cpuset.cpus")},
              concat({"open ", own, "/none: No such file or directory"}));
        succeeds(MoveProcesses{inner, own});
    });
}

TEST(KernelLinuxCgroup, CopyLimits) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("memory", [](const std::string& own) {
        const std::string inner = join_path(own, "inner");
        const std::string limit = std::to_string(512 << 20);
        succeeds(WriteCgroupFile{join_path(own, "memory.limit_in_bytes"), limit});
        succeeds(MakeCgroup{inner});
        const CopyLimits op{own, inner, {"memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.max"}};
        // The second is not set, and the third is v2's.
        EXPECT_EQ(succeeds(op).details,
                  std::vector<std::string>{concat({"memory.limit_in_bytes of ", inner, " is the engine's"})});
        EXPECT_EQ(trim(read_text(join_path(inner, "memory.limit_in_bytes"))), limit);
        EXPECT_TRUE(succeeds(op).details.empty());
    });
}

/// Cgroups by name only, one of which has a file that takes no text: EINVAL.
TEST(KernelLinuxCgroup, LimitsThatCannotBeCopiedAreTold) {
    CGINIT_NEEDS_KERNEL();
    EXPECT_EQ(run_in_private_mounts([] {
                  succeeds(MountFilesystem{"tmpfs", "/mnt", "mode=755", {}});
                  succeeds(MakeDirectory{"/mnt/inner"});
                  write_text("/mnt/memory.max", "max\n");
                  write_text("/mnt/inner/memory.max", "");
                  succeeds(BindMount{"/proc/self/oom_score_adj", "/mnt/inner/memory.max"});
                  EXPECT_EQ(succeeds(CopyLimits{"/mnt", "/mnt/inner", {"memory.max"}}).notes,
                            std::vector<std::string>{"programs in the container do not see the engine's memory.max: "
                                                     "write \"max\" to /mnt/inner/memory.max: Invalid argument"});
              }),
              0);
}

TEST(KernelLinuxCgroup, JoinAndWrite) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("cpuset", [](const std::string& own) {
        const std::string inner = join_path(own, "inner");
        const int other = start_bystander();
        succeeds(MakeCgroup{inner});
        fails(JoinCgroup{inner}, concat({"write \"0\" to ", inner, "/cgroup.procs: No space left on device"}));
        succeeds(WriteCgroupFile{join_path(own, "cgroup.clone_children"), "1"});
        const std::string usable = join_path(own, "usable");
        succeeds(MakeCgroup{usable});
        succeeds(JoinCgroup{usable});
        EXPECT_EQ(processes(usable), concat({std::to_string(::getpid()), " "}));
        EXPECT_NE(processes(own).find(std::to_string(other)), std::string::npos) << "only the caller moves";
        succeeds(JoinCgroup{own});
        fails(WriteCgroupFile{join_path(own, "none"), "1"}, concat({"open ", own, "/none: No such file or directory"}));
    });
}

TEST(KernelLinuxCgroup, RealRoot) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("memory", [](const std::string& own) {
        succeeds(AssertNotRealRoot{own, false});
        fails(AssertNotRealRoot{"/sys/fs/cgroup/memory", false},
              "the container sits at the host's root of /sys/fs/cgroup/memory", ErrorCode::host_root);
        succeeds(AssertRealRoot{"/sys/fs/cgroup/memory", false});
        fails(AssertRealRoot{own, false}, concat({own, " is not the host's root"}), ErrorCode::host_root);
    });
    in_cgroup("unified", [](const std::string& own) {
        succeeds(AssertNotRealRoot{own, true});
        fails(AssertNotRealRoot{"/sys/fs/cgroup/unified", true},
              "the container sits at the host's root of /sys/fs/cgroup/unified", ErrorCode::host_root);
        succeeds(AssertRealRoot{"/sys/fs/cgroup/unified", true});
        fails(AssertRealRoot{own, true}, concat({own, " is not the host's root"}), ErrorCode::host_root);
    });
}

TEST(KernelLinuxCgroup, Unpopulated) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("unified", [](const std::string& own) {
        const std::string shared = join_path(own, "shared");
        const std::string deep = join_path(shared, "deep");
        succeeds(MakeCgroup{shared});
        succeeds(MakeCgroup{deep});
        succeeds(AssertUnpopulated{shared});
        succeeds(JoinCgroup{deep});
        fails(AssertUnpopulated{shared},
              concat({"another container has the cgroup ", shared, ": they pass for the same one"}),
              ErrorCode::host_root);
        succeeds(JoinCgroup{own});
        succeeds(AssertUnpopulated{shared});
        succeeds(RemoveCgroup{deep});
        succeeds(RemoveCgroup{shared});
    });
    in_cgroup("memory", [](const std::string& own) { succeeds(AssertUnpopulated{own}); });
}

TEST(KernelLinuxCgroup, HierarchicalMemory) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("memory", [](const std::string& own) {
        succeeds(AssertHierarchicalMemory{own});
        succeeds(AssertHierarchicalMemory{"/cginit-work"});  // kernels without the file
        write_text("/cginit-work/memory.use_hierarchy", "0\n");
        fails(AssertHierarchicalMemory{"/cginit-work"}, "/cginit-work/memory.use_hierarchy is not 1",
              ErrorCode::not_as_planned);
    });
}

}  // namespace
}  // namespace cginit
