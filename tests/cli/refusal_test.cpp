#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>

#include "cli/refusals.hpp"
#include "cli/run_cginit.hpp"
#include "core/text.hpp"
#include "kernel/support/container.hpp"
#include "kernel/support/contract.hpp"

namespace cginit {
namespace {

TEST(Refusal, WhatTheEngineDoesNotPermit) {
    CGINIT_NEEDS_KERNEL();
    const auto refuse = [](int errnum) { return [errnum] { refuse_call(SYS_mount, errnum); }; };
    const std::vector<Refused> cases{
        {"no capability", {kShowInit}, {}, drop_sys_admin_for_good, 125, {"no CAP_SYS_ADMIN", "--cap-add SYS_ADMIN"}},
        {"mount refused as AppArmor does",
         {kShowInit},
         {},
         refuse(EACCES),
         125,
         {"step 2 (", "mount(tmpfs) /proc/driver: Permission denied", "--security-opt apparmor=unconfined"}},
        {"mount refused as seccomp does",
         {kShowInit},
         {},
         refuse(EPERM),
         125,
         {"step 2 (", "mount(tmpfs) /proc/driver: Operation not permitted", "--security-opt seccomp=unconfined"}},
        {"unshare refused",
         {kShowInit},
         {},
         [] { refuse_call(SYS_unshare, EPERM); },
         125,
         {"unshare(CLONE_NEWCGROUP): Operation not permitted", "--security-opt seccomp=unconfined"}},
        {"not PID 1 with systemd", {"/cginit-work/systemd"}, {}, {}, 125, {"not PID 1", "leave out --init"}},
        {"no proc",
         {kShowInit},
         {},
         [] {
             static_cast<void>(::unshare(CLONE_NEWNS));
             ::mount("none", "/proc", "tmpfs", 0, nullptr);
         },
         125,
         {"/proc/self/mountinfo: No such file or directory", "proc file system at /proc"}},
    };
    expect_refusals(container_for_cginit(EngineView::docker_v1), cases);
}

/// Whatever is mounted could not go again: that is seen before anything is.
TEST(Refusal, UnmountThatIsRefusedIsSeenFirst) {
    CGINIT_NEEDS_KERNEL();
    expect_refusals(
        container_for_cginit(EngineView::docker_v1),
        {{"no umount2",
          {kShowInit},
          {},
          [] { refuse_call(SYS_umount2, EPERM); },
          125,
          {"step 1 (", "umount2(MNT_DETACH) /proc/driver: Operation not", "--security-opt seccomp=unconfined"}}});
}

/// Where that cannot be rehearsed nothing can be taken back either: the one error says both, and no init runs.
TEST(Refusal, RollBackThatFailsIsTold) {
    CGINIT_NEEDS_KERNEL();
    const TestCgroups cgroups;
    EXPECT_EQ(run_private_container(
                  container_for_cginit(EngineView::docker_v1), cgroups,
                  [] {
                      const auto refuse = [] {
                          refuse_call(SYS_unshare, EPERM);
                          refuse_call(SYS_umount2, EPERM);
                      };
                      expect_error(
                          run_program({"/cginit", "--method=bind", "--on-failure=continue", kShowInit}, {}, refuse),
                          125,
                          {"roll-back of step ", "(the engine's view and the workbench go, all in one): ",
                           "umount2(MNT_DETACH) /proc/driver: Operation not permitted"});
                  }),
              0);
}

/// --on-failure=continue: the engine's view is safe for this init, which runs on it as if cginit were not there.
TEST(OnFailure, ContinuesOnTheEnginesOwnView) {
    CGINIT_NEEDS_KERNEL();
    const std::vector<std::pair<const char*, std::function<void()>>> troubles{
        {"no CAP_SYS_ADMIN", drop_sys_admin_for_good},
        {"step 2 (", [] { refuse_call(SYS_mount, EPERM); }},
        {"unshare(CLONE_NEWCGROUP): Invalid argument", [] { refuse_call(SYS_unshare, EINVAL); }}};
    const TestCgroups cgroups;
    EXPECT_EQ(
        run_private_container(
            container_for_cginit(EngineView::docker_v1), cgroups,
            [&] {
                const Strings before = container_facts(cgroups);
                for (const auto& [cause, make] : troubles) {
                    const Finished finished = run_program({"/cginit", kShowInit}, {"CGINIT_ON_FAILURE=continue"}, make);
                    EXPECT_EQ(finished.status, 0) << finished.errors;
                    EXPECT_NE(finished.output.find("env CGINIT_ON_FAILURE=continue\n"), std::string::npos);
                    EXPECT_EQ(split(finished.errors, '\n').size(), 2U) << finished.errors;
                    EXPECT_TRUE(finished.errors.starts_with("cginit: warning: the init runs on the engine's own view"))
                        << finished.errors;
                    EXPECT_NE(finished.errors.find(cause), std::string::npos) << finished.errors;
                    EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n"));
                }
            }),
        0);
}

TEST(OnFailure, ExitsWhereTheEnginesViewWillNotDo) {
    CGINIT_NEEDS_KERNEL();
    const char* const will_not_do = "the engine's own view will not do either (";
    expect_refusals(container_for_cginit(EngineView::docker_v1), {{"systemd as a child",
                                                                   {"--on-failure=continue", "/cginit-work/systemd"},
                                                                   {},
                                                                   {},
                                                                   125,
                                                                   {will_not_do, "systemd has to be PID 1"}}});
    ContainerSpec host = container_for_cginit(EngineView::whole_tree);
    host.keep_propagation = false;
    expect_refusals(host, {{"the host's tree, writable",
                            {"--on-failure=continue", kShowInit},
                            {},
                            drop_sys_admin_for_good,
                            125,
                            {will_not_do, "shows more than the own cgroup and is writable", "--cap-add SYS_ADMIN"}}});
}

/// Descriptors that are closed must not become files of ours that the log is written to.
TEST(Handover, ClosedStandardDescriptors) {
    CGINIT_NEEDS_KERNEL();
    for (const EngineView view : {EngineView::docker_v1, EngineView::docker_v2}) {
        const TestCgroups cgroups;
        EXPECT_EQ(run_private_container(container_for_cginit(view), cgroups,
                                        [] {
                                            const auto close_all = [] {
                                                for (const int fd : {0, 1, 2}) {
                                                    ::close(fd);
                                                }
                                            };
                                            const Finished finished =
                                                run_program({"/cginit", "-v", kShowInit, "/cginit-work/descriptors"},
                                                            {}, close_all);
                                            EXPECT_EQ(finished.status, 0);
                                            EXPECT_EQ(finished.output + finished.errors, "");
                                        }),
                  0);
    }
}

void enter_plain_directory() {
    namespace fs = std::filesystem;
    const fs::path root = "/cginit-work/root";
    static_cast<void>(::unshare(CLONE_NEWNS));
    for (const std::string name : {"proc", "sys", "usr"}) {
        fs::create_directories(root / name);
        ::mount(("/" + name).c_str(), (root / name).c_str(), nullptr, MS_BIND | MS_REC, nullptr);
    }
    for (const std::string name : {"lib", "lib64"}) {
        fs::create_directory_symlink("usr/" + name, root / name);
    }
    fs::create_directory(root / "cginit-work");
    fs::copy_file(kShowInit, root.string() + kShowInit);
    fs::copy_file("/cginit", root / "cginit");
    static_cast<void>(::chroot(root.c_str()));
    static_cast<void>(::chdir("/"));
}

TEST(Refusal, RootThatIsNoMountPoint) {
    CGINIT_NEEDS_KERNEL();
    expect_refusals(container_for_cginit(EngineView::docker_v2),
                    {{"chroot",
                      {kShowInit},
                      {},
                      enter_plain_directory,
                      125,
                      {"the root directory is no mount point (chroot)", "pivot_root"}}});
}

TEST(Refusal, Contradictions) {
    CGINIT_NEEDS_KERNEL();
    expect_refusals(
        container_for_cginit(EngineView::docker_v2),
        {{"no v1 here",
          {"--layout=legacy", "--method=none", kShowInit},
          {},
          {},
          125,
          {"--layout=legacy", "this container's view is unified", "--layout=host"}},
         {"limits within reach", {kShowInit}, {"CGINIT_METHOD=none"}, {}, 125, {"--method=none", "--inner=never"}}});
}

TEST(Refusal, WritableCgroupMountElsewhere) {
    CGINIT_NEEDS_KERNEL();
    ContainerSpec spec = container_for_cginit(EngineView::docker_v2);
    spec.elsewhere_writable = true;
    expect_refusals(spec, {{"elsewhere",
                            {kShowInit},
                            {},
                            {},
                            125,
                            {"a writable cgroup mount at /cginit-host/cgroup", "--keep-mount /cginit-host/cgroup"}}});
}

TEST(Warning, UnknownVariableDoesNotStopIt) {
    CGINIT_NEEDS_KERNEL();
    const TestCgroups cgroups;
    EXPECT_EQ(
        run_private_container(
            container_for_cginit(EngineView::docker_v1), cgroups,
            [] {
                const Finished finished =
                    run_program({"/cginit", kShowInit}, {"CGINIT_SERVICE_HOST=10.0.0.1", "CGINIT_PORT=tcp://10.0.0.1"});
                EXPECT_EQ(finished.status, 0);
                EXPECT_NE(finished.output.find("env CGINIT_SERVICE_HOST=10.0.0.1\n"), std::string::npos);
                const Strings lines = split(finished.errors, '\n');
                ASSERT_EQ(lines.size(), 4U) << finished.errors;
                EXPECT_EQ(lines[0], "cginit: warning: unknown environment variable CGINIT_SERVICE_HOST, ignoring");
                EXPECT_EQ(lines[1], "cginit: warning: unknown environment variable CGINIT_PORT, ignoring");
                EXPECT_TRUE(lines[2].starts_with("cginit: info: legacy cgroups private (namespace)")) << lines[2];
                EXPECT_EQ(join(breaches_of_contract({}), "\n").find("shows more"), std::string::npos);
            }),
        0);
}

/// The line of /proc/PID/status: `CapBnd:\t000001ffffffffff`
std::uint64_t capabilities_in(const std::string& status, const std::string& set) {
    const std::size_t at = status.find(concat({set, ":\t"}));
    EXPECT_NE(at, std::string::npos) << status;
    return parse_hex(status.substr(at + set.size() + 2, 16)).value_or(~0UL);
}

TEST(DropCap, IsGoneFromEverySet) {
    CGINIT_NEEDS_KERNEL();
    const TestCgroups cgroups;
    EXPECT_EQ(run_private_container(container_for_cginit(EngineView::docker_v1), cgroups,
                                    [] {
                                        const Finished finished =
                                            run_program({"/cginit", "--drop-cap=SYS_ADMIN", "--drop-cap", "cap_mknod",
                                                         "--drop-cap=SETPCAP", "/bin/cat", "/proc/self/status"});
                                        ASSERT_EQ(finished.status, 0) << finished.errors;
                                        constexpr std::uint64_t kDropped = 1UL << 21U | 1UL << 27U | 1UL << 8U;
                                        constexpr std::uint64_t kKept = 1UL << 0U | 1UL << 7U;
                                        for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
                                            EXPECT_EQ(capabilities_in(finished.output, set) & kDropped, 0U) << set;
                                        }
                                        EXPECT_EQ(capabilities_in(finished.output, "CapEff") & kKept, kKept);
                                    }),
              0);
}

}  // namespace
}  // namespace cginit
