#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "apply/kernel_linux.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "kernel/support/container.hpp"

namespace cginit {
namespace {

/// Runs `body` as PID 1 of a container that sees the machine's whole tree; it gets the own cgroup of one hierarchy.
void in_cgroup(const std::string& hierarchy, const std::function<void(const std::string&)>& body) {
    const TestCgroups cgroups;
    const ContainerSpec spec{.name = "verbs", .view = EngineView::whole_tree};
    const std::string own = concat({"/sys/fs/cgroup/", hierarchy, cgroups.path()});
    EXPECT_EQ(run_private_container(spec, cgroups, [&] { body(own); }), 0);
}

Outcome succeeds(const Op& op) {
    KernelLinux kernel;
    const Result<Outcome> outcome = kernel.perform(op);
    EXPECT_TRUE(outcome) << describe(op) << ": " << (outcome ? "" : outcome.error().message());
    return outcome ? *outcome : Outcome{};
}

void fails(const Op& op, const std::string& message) {
    KernelLinux kernel;
    const Result<Outcome> outcome = kernel.perform(op);
    EXPECT_EQ(outcome ? "success" : outcome.error().message(), message) << describe(op);
}

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
        fails(RemoveCgroup{child}, concat({"rmdir ", child, ": No such file or directory"}));
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
            fails(AssertMember{own}, concat({own, "/cgroup.procs does not hold process 1"}));
            succeeds(MoveProcesses{inner, own});
            EXPECT_EQ(processes(own), both);
            succeeds(RemoveCgroup{inner});
            fails(MoveProcesses{own, inner}, concat({"open ", inner, "/cgroup.procs: No such file or directory"}));
            fails(MoveProcesses{inner, own}, concat({"open ", inner, "/cgroup.procs: No such file or directory"}));
            EXPECT_EQ(processes(own), both);
        });
    }
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

TEST(KernelLinuxCgroup, ControllersOfV2) {
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
            EXPECT_NE(note.find(" controller cannot be used by the init: "), std::string::npos) << note;
        }
        fails(EnableControllers{join_path(own, "none"), inner},
              concat({"open ", own, "/none/cgroup.controllers: No such file or directory"}));
        fails(DisableControllers{join_path(own, "none")},
              concat({"open ", own, "/none/cgroup.subtree_control: No such file or directory"}));
    });
}

TEST(KernelLinuxCgroup, RealRoot) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("memory", [](const std::string& own) {
        succeeds(AssertNotRealRoot{own, false});
        fails(AssertNotRealRoot{"/sys/fs/cgroup/memory", false},
              "/sys/fs/cgroup/memory is the host's root; give the container a cgroup of its own");
    });
    in_cgroup("unified", [](const std::string& own) {
        succeeds(AssertNotRealRoot{own, true});
        fails(AssertNotRealRoot{"/sys/fs/cgroup/unified", true},
              "/sys/fs/cgroup/unified is the host's root; give the container a cgroup of its own");
    });
}

TEST(KernelLinuxCgroup, HierarchicalMemory) {
    CGINIT_NEEDS_KERNEL();
    in_cgroup("memory", [](const std::string& own) {
        succeeds(AssertHierarchicalMemory{own});
        succeeds(AssertHierarchicalMemory{"/cginit-work"});  // kernels without the file
        write_text("/cginit-work/memory.use_hierarchy", "0\n");
        fails(AssertHierarchicalMemory{"/cginit-work"}, "/cginit-work/memory.use_hierarchy is not 1");
    });
}

}  // namespace
}  // namespace cginit
