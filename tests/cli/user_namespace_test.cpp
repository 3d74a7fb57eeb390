#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "cli/refusals.hpp"
#include "cli/run_cginit.hpp"
#include "core/text.hpp"
#include "kernel/support/contract.hpp"

// Containers without CAP_SYS_ADMIN: the view is built in a user namespace, or one error says what keeps it from that.

namespace cginit {
namespace {

void in_container(EngineView view, const std::function<void(const TestCgroups&)>& body) {
    const TestCgroups cgroups;
    EXPECT_EQ(run_private_container(container_for_cginit(view), cgroups, [&] { body(cgroups); }), 0);
}

/// A user namespace with root alone in it, as an unprivileged user makes one, and all capabilities but SYS_ADMIN.
void enter_small_namespace() {
    const std::string uid_map = concat({"0 ", std::to_string(::geteuid()), " 1"});
    const std::string gid_map = concat({"0 ", std::to_string(::getegid()), " 1"});
    if (::unshare(CLONE_NEWUSER) != 0) {
        ::_exit(97);
    }
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/uid_map", uid_map);
    write_text("/proc/self/gid_map", gid_map);
}

/// How many there may be besides.
void limit_namespaces(const char* count) {
    enter_small_namespace();
    write_text("/proc/sys/user/max_user_namespaces", count);
}

std::function<void()> with_no_more_than(const char* count) {
    return [count] {
        limit_namespaces(count);
        drop_sys_admin();
    };
}

/// Enters that many, one within the other, as far as the kernel lets it; how many it did.
int go_deeper(int levels) {
    int level = 0;
    for (; level < levels && ::unshare(CLONE_NEWUSER) == 0; ++level) {
        const std::string map = "0 0 1";
        write_text("/proc/self/setgroups", "deny");
        write_text("/proc/self/uid_map", map);
        write_text("/proc/self/gid_map", map);
    }
    return level;
}

/// 32 levels in all, of which the machine has used up one or the other; kernel/user_namespace.c, create_user_ns().
std::function<void()> with_levels_left(int left) {
    return [left] {
        constexpr int kAll = 33;
        const pid_t scout = ::fork();
        if (scout == 0) {
            ::_exit(go_deeper(kAll));
        }
        go_deeper(status_of(scout) - left);
        drop_sys_admin();
    };
}

/// Runs cginit with what a filter of the engine's refuses, and no CAP_SYS_ADMIN.
std::function<void()> refusing(long call, int errnum) {
    return [call, errnum] {
        refuse_call(call, errnum);
        drop_sys_admin();
    };
}

std::function<void()> without(unsigned capability) {
    return [capability] {
        drop_capability(capability);
        drop_sys_admin();
    };
}

struct Case {
    const char* name;
    std::function<void()> before;
    std::vector<std::string> parts;
};

constexpr const char* kTooMany = "there are as many user namespaces as there may be, or 32 within each other";

TEST(UserNamespace, WhatKeepsCginitFromItIsNamed) {
    CGINIT_NEEDS_KERNEL();
    const char* const instead =
        "no CAP_SYS_ADMIN, which mounting cgroups needs, and cannot have it in a user namespace: ";
    const std::vector<Case> cases{
        {"seccomp", refusing(SYS_unshare, EPERM), {instead, "the engine's seccomp filter refuses new user namespaces"}},
        {"seccomp, setns alone", refusing(SYS_setns, EPERM), {instead, "the engine's seccomp filter refuses"}},
        {"no such kernel", refusing(SYS_unshare, EINVAL), {instead, "this kernel makes no user namespaces"}},
        {"mounts, as AppArmor refuses them",
         refusing(SYS_mount, EACCES),
         {"rehearsal: step 2 (", "mount(tmpfs) /proc/driver: Permission denied", "--security-opt apparmor="}},
        {"mounts, as seccomp refuses them",
         refusing(SYS_mount, EPERM),
         {"rehearsal: step 2 (", "mount(tmpfs) /proc/driver: Operation not permitted", "seccomp=unconfined"}},
        {"CAP_SETUID",
         without(CAP_SETUID),
         {instead, "not all of CAP_SETUID, CAP_SETGID and CAP_SETFCAP", "--cap-add SYS_ADMIN", "--cap-add SETUID"}},
        {"CAP_SETFCAP",
         without(CAP_SETFCAP),
         {instead, "not all of CAP_SETUID, CAP_SETGID and CAP_SETFCAP", "--cap-add SYS_ADMIN", "--cap-add SETFCAP"}},
        {"sysctl",
         with_no_more_than("0"),
         {instead, "user.max_user_namespaces is 0", "--cap-add SYS_ADMIN", "raise user.max_user_namespaces"}},
        {"32 levels", with_levels_left(0), {kTooMany, "--cap-add SYS_ADMIN"}},
    };
    for (const EngineView view : {EngineView::docker_v1, EngineView::docker_v2}) {
        in_container(view, [&cases](const TestCgroups& cgroups) {
            const std::vector<std::string> before = container_facts(cgroups);
            for (const Case& c : cases) {
                SCOPED_TRACE(c.name);
                const Finished finished = run_program({"/cginit", kShowInit}, {}, c.before);
                expect_error(finished, 125, c.parts);
                EXPECT_NE(finished.errors.find("; "), std::string::npos) << "no cure: " << finished.errors;
                EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n"));
            }
        });
    }
}

struct OneLeft {
    std::function<void()> before;
    const char* method;
    const char* code;
};

/// The view takes two, one within the other. Where one alone is left, --explain says so, too, and not only the run.
TEST(UserNamespace, OneIsNotEnough) {
    CGINIT_NEEDS_KERNEL();
    const std::vector<OneLeft> cases{{with_no_more_than("1"), "--method=auto", "CG-NOSYSADMIN"},
                                     {with_no_more_than("1"), "--method=userns", "CG-NOUSERNS"},
                                     {with_levels_left(1), "--method=userns", "CG-NOUSERNS"},
                                     // With CAP_SYS_ADMIN only the trial tells.
                                     {[] { limit_namespaces("1"); }, "--method=userns", "CG-NOUSERNS"}};
    in_container(EngineView::docker_v2, [&cases](const TestCgroups& cgroups) {
        const std::vector<std::string> before = container_facts(cgroups);
        for (const auto& [one_is_left, method, code] : cases) {
            const Finished explained = run_program({"/cginit", "--explain", method, kShowInit}, {}, one_is_left);
            EXPECT_EQ(explained.status, 1) << explained.output;
            EXPECT_NE(explained.output.find(code), std::string::npos) << explained.output;
            expect_error(run_program({"/cginit", method, kShowInit}, {}, one_is_left), 125, {kTooMany, code});
            EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n"));
        }
        const Finished two = run_program({"/cginit", "--explain", kShowInit}, {}, with_levels_left(2));
        EXPECT_EQ(two.status, 0) << two.output << two.errors;
    });
}

/// As with --cap-add ALL --cap-drop SYS_ADMIN: a new user namespace has them all, and nothing has to be dropped in it.
TEST(UserNamespace, ContainerWithAllOtherCapabilities) {
    CGINIT_NEEDS_KERNEL();
    in_container(EngineView::docker_v2, [](const TestCgroups&) {
        const Finished finished = run_program({"/cginit", kShowInit}, {}, with_levels_left(2));
        EXPECT_EQ(finished.status, 0) << finished.errors;
    });
}

TEST(UserNamespace, TheInitHasItsViewAndNoMoreThanTheContainerHad) {
    CGINIT_NEEDS_KERNEL();
    const auto without_more = [] {
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        drop_capability(CAP_SYS_RAWIO);
        drop_sys_admin();
    };
    for (const EngineView view : {EngineView::docker_v1, EngineView::docker_hybrid, EngineView::docker_v2}) {
        in_container(view, [&without_more](const TestCgroups&) {
            const Finished finished =
                run_program({"/cginit", "/bin/cat", "/proc/self/status", "/proc/self/uid_map"}, {}, without_more);
            EXPECT_EQ(finished.status, 0) << finished.errors;
            EXPECT_NE(finished.errors.find(" cgroups private (userns): "), std::string::npos) << finished.errors;
            EXPECT_NE(finished.output.find("0 4294967294\n"), std::string::npos) << finished.output;
            const std::size_t at = finished.output.find("CapBnd:\t");
            const std::uint64_t bounding = parse_hex(finished.output.substr(at + 8, 16)).value_or(0);
            EXPECT_EQ(bounding >> CAP_SYS_RAWIO & 1U, 0U);
            EXPECT_EQ(bounding >> CAP_SYS_ADMIN & 1U, 1U);
        });
    }
}

/// After the first step nothing leads back: `continue` is for what the rehearsal found.
TEST(UserNamespace, ContinuesOnTheEnginesOwnViewAfterTheRehearsalOnly) {
    CGINIT_NEEDS_KERNEL();
    in_container(EngineView::docker_v1, [](const TestCgroups& cgroups) {
        const std::vector<std::string> before = container_facts(cgroups);
        const Finished finished =
            run_program({"/cginit", "--on-failure=continue", kShowInit}, {}, refusing(SYS_mount, EPERM));
        EXPECT_EQ(finished.status, 0) << finished.errors;
        EXPECT_NE(finished.errors.find("the init runs on the engine's own view"), std::string::npos) << finished.errors;
        EXPECT_NE(finished.errors.find("rehearsal: step 2"), std::string::npos) << finished.errors;
        EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n"));
    });
}

}  // namespace
}  // namespace cginit
