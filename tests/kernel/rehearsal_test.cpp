#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "apply/linux/trial.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "kernel/support/container.hpp"
#include "kernel/support/contract.hpp"

// The child process in which a plan is rehearsed.

namespace cginit {
namespace {

/// Waits until `parent` has a second child that sleeps, and kills it: the first is the caller.
void kill_the_other_child(pid_t parent) {
    const std::string own = std::to_string(::getpid());
    const std::string id = std::to_string(parent);
    for (;;) {
        for (const std::string& child : split(read_text(concat({"/proc/", id, "/task/", id, "/children"})), ' ')) {
            const std::string state =
                child.empty() || child == own ? "" : read_text(concat({"/proc/", child, "/status"}));
            if (state.find("State:\tS") != std::string::npos) {
                ::kill(std::stoi(child), SIGKILL);
                return;
            }
        }
        ::usleep(1000);
    }
}

/// As with `podman --uidmap --cgroupns=host`: the cgroup namespace is one of a user namespace above.
void enter_user_namespace() {
    ASSERT_EQ(::unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/uid_map", "0 0 1");
    write_text("/proc/self/gid_map", "0 0 1");
}

/// What a plan does there, with nothing that takes back the mounts.
Plan plan_without_return() {
    const std::string engine = "/mnt/engine";
    const std::string inner = "/mnt/engine/inner";
    Plan plan;
    const auto add = [&plan](const Op& op, const std::optional<Op>& undo, Scope scope) {
        Step step;
        step.op = op;
        step.undo = undo;
        step.scope = scope;
        plan.steps.push_back(step);
    };
    add(MountFilesystem{"tmpfs", "/mnt", "", {}, "test"}, {}, Scope::mount_namespace);
    add(MakeDirectory{engine}, {}, Scope::mount_namespace);
    add(UnshareCgroupNamespace{}, {}, Scope::irreversible);
    add(MountFilesystem{"cgroup2", engine, "", {}, "test"}, {}, Scope::mount_namespace);
    add(MakeCgroup{inner}, RemoveCgroup{inner}, Scope::persistent);
    add(MoveProcesses{engine, inner}, MoveProcesses{inner, engine}, Scope::persistent);
    add(UnshareCgroupNamespace{}, RestoreCgroupNamespace{}, Scope::process);
    return plan;
}

void rehearse_without_a_trace(const TestCgroups& cgroups) {
    cgroups.join();
    enter_user_namespace();
    start_bystander();
    const auto facts = [&cgroups] { return join(container_facts(cgroups), "\n"); };
    const std::string before = facts();
    Plan plan = plan_without_return();
    const auto passed = rehearse_plan(plan);
    ASSERT_TRUE(passed) << passed.error().message();
    EXPECT_FALSE(*passed) << (*passed)->error.message();
    EXPECT_EQ(facts(), before);
    plan.steps.resize(plan.steps.size() + 1);
    plan.steps.back().op = AssertMember{"/mnt/engine"};
    const auto refused = rehearse_plan(plan);
    ASSERT_TRUE(refused) << refused.error().message();
    ASSERT_TRUE(*refused);
    EXPECT_EQ((*refused)->step, plan.steps.size() - 1);
    EXPECT_EQ(facts(), before);
}

TEST(Rehearsal, LeavesNothingWhereTheCgroupNamespaceIsOneFromAbove) {
    CGINIT_NEEDS_KERNEL();
    const TestCgroups cgroups;
    EXPECT_EQ(run_in_private_mounts([&cgroups] { rehearse_without_a_trace(cgroups); }), 0);
}

TEST(Rehearsal, WhoseTheCgroupNamespaceIsIsKnown) {
    CGINIT_NEEDS_KERNEL();
    EXPECT_EQ(owns_cgroup_namespace(), Tri::yes);
    EXPECT_EQ(run_in_private_mounts([] {
                  enter_user_namespace();
                  EXPECT_EQ(owns_cgroup_namespace(), Tri::no);
                  ASSERT_EQ(::unshare(CLONE_NEWCGROUP), 0);
                  EXPECT_EQ(owns_cgroup_namespace(), Tri::yes);
              }),
              0);
}

/// As a seccomp profile of a container may do it.
void refuse_mount_namespaces() {
    std::array<sock_filter, 6> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWNS, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

TEST(Rehearsal, WithoutAPlaceForOneThePlanIsRefused) {
    CGINIT_NEEDS_KERNEL();
    EXPECT_EQ(
        run_in_private_mounts([] {
            enter_user_namespace();
            refuse_mount_namespaces();
            const Plan plan = plan_without_return();
            for (const auto& outcome : {rehearse_plan(plan), try_plan(plan)}) {
                ASSERT_TRUE(outcome) << outcome.error().message();
                ASSERT_TRUE(*outcome);
                EXPECT_TRUE(std::holds_alternative<UnshareCgroupNamespace>(plan.steps[(*outcome)->step].op));
                EXPECT_EQ((*outcome)->error.errnum, EPERM);
            }
            EXPECT_FALSE(try_plan(Plan{{plan.steps.begin(), plan.steps.begin() + 2}})) << "nothing is known of it";
        }),
        0);
}

TEST(Rehearsal, OneThatIsKilledIsNotUndone) {
    CGINIT_NEEDS_KERNEL();
    EXPECT_EQ(run_in_private_mounts([] {
                  ASSERT_EQ(::mount("tmpfs", "/mnt", "tmpfs", 0, ""), 0);
                  ASSERT_EQ(::mkfifo("/mnt/waits", 0600), 0);
                  const pid_t self = ::getpid();
                  const pid_t killer = start_child([self] { kill_the_other_child(self); });
                  Plan plan;
                  plan.steps.resize(1);
                  // Nobody reads: open(2) does not return.
                  plan.steps[0].op = WriteCgroupFile{"/mnt/waits", "x"};
                  const auto outcome = rehearse_plan(plan);
                  EXPECT_EQ(status_of(killer), 0);
                  ASSERT_FALSE(outcome);
                  EXPECT_EQ(outcome.error().kind, ErrorKind::not_undone);
                  EXPECT_EQ(outcome.error().message(),
                            "it was killed, and may have left the container's processes in another cgroup; start the "
                            "container again: its cgroups go with it");
              }),
              0);
}

}  // namespace
}  // namespace cginit
