#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <cerrno>

#include "cli/refusals.hpp"
#include "cli/run_cginit.hpp"
#include "core/text.hpp"
#include "kernel/support/contract.hpp"

// --explain in containers made by hand: what it says, its exit status, and that all is as it was.

namespace cginit {
namespace {

struct Case {
    const char* name;
    std::function<void()> before;  ///< in the process that becomes cginit
    int status;
    const char* says;
};

/// What a report of this container says to whoever replays it.
Finished replayed(const Case& c) {
    const std::string report = "/cginit-work/report";
    const Finished captured = run_program({"/cginit", "--capture", "--", kShowInit}, {}, c.before);
    EXPECT_EQ(captured.status, 0) << captured.errors;
    write_text(report, captured.output);
    return run_program({"/cginit", "--explain", concat({"--root=", report})}, {});
}

void expect_explanations(EngineView view, const std::vector<Case>& cases) {
    const TestCgroups cgroups;
    const int status = run_private_container(container_for_cginit(view), cgroups, [&] {
        const std::vector<std::string> before = container_facts(cgroups);
        for (const Case& c : cases) {
            SCOPED_TRACE(c.name);
            for (const char* form : {"--explain", "--explain=json"}) {
                const Finished finished = run_program({"/cginit", form, kShowInit}, {}, c.before);
                EXPECT_EQ(finished.status, c.status) << finished.output << finished.errors;
                EXPECT_EQ(finished.errors, "");
                EXPECT_NE(finished.output.find(c.says), std::string::npos) << finished.output;
                EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n"));
            }
            const Finished plan = run_program({"/cginit", "--dry-run", kShowInit}, {}, c.before);
            EXPECT_EQ(plan.status, c.status == 0 ? 0 : 125) << plan.output << plan.errors;
            EXPECT_NE((plan.output + plan.errors).find(c.says), std::string::npos) << plan.output << plan.errors;
            const Finished report = replayed(c);
            EXPECT_EQ(report.status, c.status) << report.output << report.errors;
            EXPECT_NE(report.output.find(c.says), std::string::npos) << report.output;
            EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n"));
        }
    });
    EXPECT_EQ(status, 0);
}

void hide_proc() {
    static_cast<void>(::unshare(CLONE_NEWNS));
    ::mount("none", "/proc", "tmpfs", 0, nullptr);
}

std::vector<Case> cases() {
    return {{"as it should be", {}, 0, "namespace"},
            {"no capability", drop_sys_admin_for_good, 1, "CG-NOSYSADMIN"},
            {"a user namespace instead", drop_sys_admin, 0, "userns"},
            {"no mount", [] { refuse_call(SYS_mount, EPERM); }, 1, "CG-SECCOMP"},
            {"no mount, by a security module", [] { refuse_call(SYS_mount, EACCES); }, 1, "CG-APPARMOR"},
            {"no unmount", [] { refuse_call(SYS_umount2, EPERM); }, 1, "CG-SECCOMP"},
            {"no proc", hide_proc, 1, "CG-NOPROC"}};
}

TEST(Explain, ContainersOnV1) {
    CGINIT_NEEDS_KERNEL();
    expect_explanations(EngineView::docker_v1, cases());
}

TEST(Explain, ContainersOnV2) {
    CGINIT_NEEDS_KERNEL();
    expect_explanations(EngineView::docker_v2, cases());
}

}  // namespace
}  // namespace cginit
