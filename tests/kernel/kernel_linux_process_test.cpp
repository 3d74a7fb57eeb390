#include "apply/linux/kernel_linux.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>

#include "apply/linux/calls.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "core/unique_fd.hpp"
#include "kernel/support/container.hpp"
#include "kernel/support/verbs.hpp"
#include "read/proc_files.hpp"

namespace cginit {
namespace {

namespace fs = std::filesystem;

void namespaces(const TestCgroups& cgroups) {
    KernelLinux kernel;
    const auto now = [] { return fs::read_symlink("/proc/self/ns/cgroup").string(); };
    const std::string first = now();
    fails(kernel, RestoreCgroupNamespace{}, 0, "no cgroup namespace was left");
    succeeds(kernel, UnshareCgroupNamespace{});
    const std::string second = now();
    EXPECT_NE(second, first);
    EXPECT_EQ(read_text("/proc/self/cgroup").find(cgroups.path()), std::string::npos);
    succeeds(kernel, UnshareCgroupNamespace{});
    succeeds(kernel, RestoreCgroupNamespace{});
    EXPECT_EQ(now(), second);
    succeeds(kernel, RestoreCgroupNamespace{});
    EXPECT_EQ(now(), first);
    EXPECT_NE(read_text("/proc/self/cgroup").find(cgroups.path()), std::string::npos);
}

TEST(KernelLinux, CgroupNamespaceVerbs) {
    CGINIT_NEEDS_KERNEL();
    in_container(namespaces);
}

void descriptors() {
    KernelLinux kernel;
    ASSERT_EQ(::dup2(1, 40), 40);
    ASSERT_EQ(::dup2(1, 41), 41);
    ASSERT_EQ(::dup2(1, 900), 900);
    succeeds(kernel, CloseDescriptors{41});
    EXPECT_EQ(::fcntl(40, F_GETFD), 0);
    EXPECT_EQ(::fcntl(41, F_GETFD), -1);
    EXPECT_EQ(::fcntl(900, F_GETFD), -1);
    EXPECT_NE(::fcntl(0, F_GETFD), -1);
}

void programs() {
    KernelLinux kernel;
    write_text(in_place("plain"), "#!/bin/sh\n");
    const Result<Outcome> missing = kernel.perform(ExecuteProgram{in_place("none"), {"none"}, {}});
    EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
    EXPECT_EQ(missing.error().message(), "execve /cginit-work/none: No such file or directory");
    const Result<Outcome> refused = kernel.perform(ExecuteProgram{in_place("plain"), {"plain"}, {}});
    EXPECT_EQ(refused.error().kind, ErrorKind::cannot_execute);
    EXPECT_EQ(refused.error().message(), "execve /cginit-work/plain: Permission denied");
    const pid_t child = ::fork();
    if (child == 0) {
        static_cast<void>(kernel.perform(ExecuteProgram{"/bin/sh", {"sh", "-c", "exit $A"}, {"A=42"}}));
        ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 42);
}

/// The errno of a call in a child, 0 if it succeeded.
int errno_in_child(const std::function<int()>& call) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(call() < 0 ? errno : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// And with it its children.
void hidden_from_others() {
    KernelLinux kernel;
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 1);
    succeeds(kernel, HideFromOthers{});
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 0);
    EXPECT_EQ(errno_in_child([] { return ::prctl(PR_GET_DUMPABLE) == 0 ? 0 : -1; }), 0);
    // Its own files in /proc stay within its reach.
    for (const char* path :
         {"/proc/self/ns/user", "/proc/self/ns/mnt", "/proc/self/environ", "/proc/self/fd", "/proc/self/root"}) {
        EXPECT_TRUE(UniqueFd(::open(path, O_RDONLY | O_CLOEXEC)).valid()) << path;
    }
}

TEST(KernelLinux, HidesFromOthers) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) { hidden_from_others(); });
}

/// clone(2) without a new stack, as fork(2) does it.
int raw_clone(unsigned long flags) {
    const long child = ::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) {
        ::_exit(0);
    }
    return static_cast<int>(child);
}

#if defined(__x86_64__)
/// unshare(2) as a 32-bit program calls it.
int unshare_as_i386(unsigned long flags) {
    long result = 310;
    asm volatile("int $0x80" : "+a"(result) : "b"(flags) : "memory");
    errno = static_cast<int>(-result);
    return result < 0 ? -1 : 0;
}
#endif

void expect_no_user_namespaces() {
    EXPECT_EQ(errno_in_child([] { return ::unshare(CLONE_NEWUSER); }), EPERM);
    EXPECT_EQ(errno_in_child([] { return ::unshare(CLONE_NEWNS | CLONE_NEWUSER); }), EPERM);
    EXPECT_EQ(errno_in_child([] { return raw_clone(CLONE_NEWUSER); }), EPERM);
    EXPECT_EQ(errno_in_child([] { return static_cast<int>(::syscall(SYS_clone3, nullptr, 0)); }), ENOSYS);
    EXPECT_EQ(errno_in_child([] { return raw_clone(0); }), 0) << "a fork is none of its business";
    EXPECT_EQ(errno_in_child([] { return ::unshare(CLONE_FILES); }), 0);
#if defined(__x86_64__)
    const int as_i386 = errno_in_child([] { return unshare_as_i386(CLONE_NEWUSER); });
    EXPECT_TRUE(as_i386 == EPERM || as_i386 == -1) << as_i386;  // -1: killed, where the kernel has no 32-bit calls
    EXPECT_EQ(errno_in_child([] { return static_cast<int>(::syscall(0x40000000L | SYS_unshare, CLONE_NEWUSER)); }),
              EPERM);
#endif
}

/// A user namespace that a process of the same user made: who owns it may enter it with no capability, user_namespaces(7).
UniqueFd other_user_namespace() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const char done = ::unshare(CLONE_NEWUSER) == 0 ? '1' : '0';
        static_cast<void>(::write(ends[1], &done, 1));
        ::pause();
        ::_exit(0);
    }
    char done = 0;
    EXPECT_EQ(::read(ends[0], &done, 1), 1);
    EXPECT_EQ(done, '1');
    UniqueFd found(::open(concat({"/proc/", std::to_string(child), "/ns/user"}).c_str(), O_RDONLY | O_CLOEXEC));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    return found;
}

void expect_nobody_enters(const UniqueFd& user_namespace) {
    for (const int type : {CLONE_NEWUSER, 0}) {
        EXPECT_EQ(errno_in_child([&] { return ::setns(user_namespace.get(), type); }), EPERM);
    }
    // Whatever the arguments are.
    EXPECT_EQ(errno_in_child([] { return ::setns(-1, 0); }), EPERM);
#if defined(__x86_64__)
    EXPECT_EQ(errno_in_child([] { return static_cast<int>(::syscall(0x40000000L | SYS_setns, -1, 0)); }), EPERM);
#endif
}

bool holds_sys_admin() {
    const std::string status = read_text("/proc/self/status");
    const std::size_t at = status.find("CapEff:");
    return (std::stoull(status.substr(at + 7), nullptr, 16) >> 21 & 1U) != 0;
}

TEST(KernelLinux, DroppedSysAdminDoesNotComeBack) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) {
        KernelLinux kernel;
        EXPECT_EQ(errno_in_child([] { return ::unshare(CLONE_NEWUSER); }), 0) << "else nothing is shown below";
        const UniqueFd other = other_user_namespace();
        EXPECT_EQ(errno_in_child([&other] { return ::setns(other.get(), CLONE_NEWUSER); }), 0);
        succeeds(kernel, RehearseDropCapabilities{{"cap_sys_admin"}});
        EXPECT_TRUE(holds_sys_admin());
        EXPECT_EQ(errno_in_child([] { return ::unshare(CLONE_NEWUSER); }), 0);
        // What it does not hold it cannot get back either; only the filter would need the capability.
        succeeds(kernel, DropCapabilities{{"cap_sys_admin"}});
        EXPECT_FALSE(holds_sys_admin());
        expect_no_user_namespaces();
        expect_nobody_enters(other);
        succeeds(kernel, DropCapabilities{{"cap_sys_admin"}});
        succeeds(kernel, DropCapabilities{{"cap_setpcap"}});
        fails(kernel, RehearseDropCapabilities{{"cap_net_raw"}}, EPERM, "drop cap_net_raw");
    });
}

/// Of a container that has them all nothing has to go.
TEST(KernelLinux, AllCapabilitiesCanBeKept) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) {
        KernelLinux kernel;
        succeeds(kernel, KeepCapabilities{~std::uint64_t{0}});
        EXPECT_TRUE(holds_sys_admin());
        succeeds(kernel, KeepCapabilities{~(std::uint64_t{1} << 21U)});
        EXPECT_FALSE(holds_sys_admin());
    });
}

/// The mask is what the container had, and need not hold what dropping takes: CAP_SETPCAP goes last.
TEST(KernelLinux, WhatIsKeptAndDroppedNeedsNoSetpcapOfTheContainers) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) {
        constexpr std::uint64_t kKillAndSysAdmin = std::uint64_t{1} << 5U | std::uint64_t{1} << 21U;
        KernelLinux kernel;
        succeeds(kernel, KeepCapabilities{kKillAndSysAdmin, {"cap_sys_admin"}});
        const std::string status = read_text("/proc/self/status");
        for (const char* set : {"CapPrm:", "CapEff:", "CapBnd:"}) {
            EXPECT_EQ(std::stoull(status.substr(status.find(set) + 7), nullptr, 16), std::uint64_t{1} << 5U) << set;
        }
    });
}

/// What the kernel itself has no format for may be binfmt_misc's; whoever tries it runs nothing of it.
TEST(KernelLinux, WhetherAFormatIsKnownIsTried) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) {
        write_text(in_place("touch"), concat({"#!/bin/sh\n: >", in_place("ran"), "\n"}));
        write_text(in_place("unknown"), std::string("\0cginit", 7));
        for (const char* name : {"touch", "unknown"}) {
            ASSERT_EQ(::chmod(in_place(name).c_str(), 0755), 0);
        }
        EXPECT_EQ(kernel_executes(in_place("touch")), Tri::yes);
        EXPECT_FALSE(fs::exists(in_place("ran")));
        EXPECT_EQ(kernel_executes(in_place("unknown")), Tri::no);
        EXPECT_EQ(kernel_executes(in_place("missing")), Tri::unknown);
        EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "no child is left";
    });
}

TEST(KernelLinux, ProcessVerbs) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) {
        descriptors();
        programs();
    });
}

}  // namespace
}  // namespace cginit
