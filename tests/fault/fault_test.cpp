#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <map>

#include "cginit/result.hpp"
#include "core/text.hpp"
#include "fault/place.hpp"
#include "kernel/support/faults.hpp"
#include "kernel/support/runs.hpp"

namespace cginit {
namespace {

std::vector<Shape> shapes() {
    using View = EngineView;
    return {
        {.spec = {.name = "v1_host", .view = View::docker_v1}},
        {.spec = {.name = "hybrid_private", .view = View::docker_hybrid, .private_cgroup_namespace = true}},
        {.spec = {.name = "v2_host_drop_cap", .view = View::docker_v2},
         .options = {"--drop-cap=cap_sys_admin"},
         .leaf = true},
        {.spec = {.name = "v2_private_delegate", .view = View::docker_v2, .private_cgroup_namespace = true},
         .options = {"--delegate=all"},
         .leaf = true},
        {.spec = {.name = "v2_remount", .view = View::docker_v2, .private_cgroup_namespace = true},
         .options = {"--method=remount", "--inner=never"}},
        {.spec = {.name = "v1_bind", .view = View::docker_v1}, .options = {"--method=bind"}},
        {.spec = {.name = "v2_bind", .view = View::docker_v2}, .options = {"--method=bind"}, .leaf = true},
        {.spec = {.name = "whole_tree", .view = View::whole_tree}},
        {.spec = {.name = "v1_systemd_with_run", .view = View::docker_v1, .secret_below_run = true}, .systemd = true},
        {.spec =
             {.name = "v2_privileged", .view = View::docker_v2, .private_cgroup_namespace = true, .privileged = true},
         .systemd = true},
        {.spec = {.name = "v2_userns", .view = View::docker_v2, .private_cgroup_namespace = true},
         .options = {"--method=userns"},
         .leaf = true},
        {.spec = {.name = "v1_userns", .view = View::docker_v1, .secret_below_run = true},
         .options = {"--method=userns"},
         .systemd = true},
        // Every other allocation asks the kernel.
        {.spec = {.name = "v1_scarce_memory", .view = View::docker_v1},
         .environment =
             {"GLIBC_TUNABLES=glibc.malloc.top_pad=0:glibc.malloc.trim_threshold=0:glibc.malloc.tcache_count=0:"
              "glibc.malloc.mmap_threshold=512"}},
    };
}

/// Those after which something is not as it was before.
bool is_change(long number) {
    constexpr std::array kChanges{SYS_mount,   SYS_umount2, SYS_mkdir,  SYS_mkdirat,     SYS_rmdir,     SYS_unlinkat,
                                  SYS_symlink, SYS_mknod,   SYS_write,  SYS_unshare,     SYS_setns,     SYS_prctl,
                                  SYS_capset,  SYS_seccomp, SYS_clone,  SYS_clone3,      SYS_symlinkat, SYS_mknodat,
                                  SYS_vfork,   SYS_fork,    SYS_execve, SYS_close_range, SYS_unlink};
    return std::find(kChanges.begin(), kChanges.end(), number) != kChanges.end();
}

/// Whom no kernel and no filter refuses: they end the program, or read what every process has. futex(2) only wakes here.
bool cannot_fail(long number) {
    constexpr std::array kCalls{SYS_exit_group, SYS_exit,   SYS_getpid,  SYS_getppid, SYS_gettid,
                                SYS_getuid,     SYS_getgid, SYS_geteuid, SYS_getegid, SYS_futex};
    return std::find(kCalls.begin(), kCalls.end(), number) != kCalls.end();
}

bool asks_for_memory(long number) { return number == SYS_brk || number == SYS_mmap; }

/// What is planned for the calls of a run.
std::vector<Fault> plan_faults(const std::vector<TracedCall>& calls, std::size_t turn, bool memory_only) {
    std::map<long, std::size_t> count;
    for (const TracedCall& call : calls) {
        ++count[call.number];
    }
    std::vector<Fault> faults;
    std::map<long, std::size_t> seen;
    for (const TracedCall& call : calls) {
        const long number = call.number;
        const std::size_t occurrence = seen[number]++;
        // The first brk(2) asks where the heap is.
        const bool memory = asks_for_memory(number);
        if (cannot_fail(number) || (number == SYS_brk && occurrence == 0) || (memory_only && !memory)) {
            continue;
        }
        for (std::size_t i = 0; i < kErrnos.size(); ++i) {
            // A call that comes seldom gets more than one, so that all of them have been given to it in the end.
            const std::size_t often = std::min(count[number], kErrnos.size());
            if (number == SYS_brk) {
                continue;
            }
            if (all_faults() || (i + turn) % often == occurrence % often) {
                faults.push_back({Fault::Kind::error, number, occurrence, kErrnos[i]});
            }
        }
        if (memory) {
            faults.push_back({Fault::Kind::lasting, number, occurrence, ENOMEM});
        }
        if (is_change(number)) {
            faults.push_back({Fault::Kind::kill, number, occurrence, 0});
        }
    }
    return faults;
}

std::size_t count_of(long number, const std::vector<TracedCall>& calls) {
    return static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [number](const TracedCall& call) { return call.number == number; }));
}

std::string text_of(const Fault& fault) {
    return concat({"call ", std::to_string(fault.number), ", time ", std::to_string(fault.occurrence + 1), ": ",
                   fault.kind == Fault::Kind::kill ? "SIGKILL" : errno_text(fault.errnum),
                   fault.kind == Fault::Kind::lasting ? ", lasting" : ""});
}

/// One line that says what failed.
void expect_one_error(const Finished& finished, bool after_commit) {
    const Lines lines = split(finished.errors, '\n');
    const auto is_error = [](const std::string& line) { return line.starts_with("cginit: error: "); };
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(), is_error), 1) << finished.errors;
    for (const std::string& line : lines) {
        EXPECT_TRUE(line.empty() || is_error(line) || line.starts_with("cginit: warning: ") ||
                    (after_commit && line.starts_with("cginit: info: ")))
            << finished.errors;
    }
}

/// What there is to compare: a process that has entered a user namespace ends with the mounts of that, and the container's own
/// were not touched. Lines of mounts begin with their points.
Lines comparable(Lines facts, bool in_user_namespace) {
    std::erase_if(facts, [in_user_namespace](const std::string& fact) {
        return in_user_namespace &&
               (fact.starts_with("/") || fact.starts_with("cgroup:[") || fact.starts_with("cgroup namespace "));
    });
    return facts;
}

bool uses_user_namespace(const Shape& shape) {
    return std::find(shape.options.begin(), shape.options.end(), "--method=userns") != shape.options.end();
}

void judge(const Finished& finished, const Fault& fault, bool after_commit, const Place& place, bool in_user_namespace,
           Tally& tally) {
    const Traced& traced = finished.traced;
    // How often it asks for memory depends on how long the numbers in /proc have become.
    if (!traced.struck && asks_for_memory(fault.number) && traced.status == 0) {
        ++tally.never;
        return;
    }
    EXPECT_TRUE(traced.struck) << "the call never came";
    EXPECT_FALSE(traced.hung);
    if (fault.kind == Fault::Kind::kill) {
        ++tally.kills;
        EXPECT_EQ(traced.status, 128 + SIGKILL);
        return;
    }
    tally.count_error(fault.errnum);
    if (traced.handed_over) {
        ++tally.survived;
        EXPECT_EQ(traced.status, 0) << finished.output << finished.errors;
        return;
    }
    // The first thing that is done in main().
    if (count_of(SYS_openat, traced.calls) == 0) {
        ++tally.before_main;
        EXPECT_NE(traced.status, 0);
        return;
    }
    EXPECT_EQ(traced.crash, 0) << finished.errors;
    EXPECT_TRUE(traced.status == 125 || traced.status == 126 || traced.status == 127)
        << traced.status << finished.errors;
    if (!traced.calls.back().to_log) {
        expect_one_error(finished, after_commit);
    }
    if (after_commit) {
        ++tally.after_commit;
    } else {
        ++tally.refused;
        // A rehearsal takes back what it did even if all went well: then the fault may strike that, and is told.
        if (in_user_namespace && finished.errors.find("rehearsal: roll-back of step ") != std::string::npos) {
            return;
        }
        EXPECT_EQ(join(comparable(finished.facts, in_user_namespace), "\n"),
                  join(comparable(place.engines_facts(), in_user_namespace), "\n"))
            << finished.errors;
    }
}

Tally fails_everywhere(const Shape& shape, std::size_t turn, std::size_t worker, TestCgroups& cgroups) {
    Tally tally;
    Place place(shape, cgroups);
    const Lines host = host_facts();
    const Finished plain = place.run({});
    EXPECT_TRUE(plain.traced.handed_over) << plain.errors;
    EXPECT_EQ(plain.traced.status, 0) << plain.output << plain.errors;
    EXPECT_EQ(join(place.clean(), "\n"), "");
    const std::vector<TracedCall>& calls = plain.traced.calls;
    // The last is the detaching of the workbench, after which there is no way back.
    const std::size_t unmounts = count_of(SYS_umount2, calls);
    const std::vector<Fault> faults = plan_faults(calls, turn, !shape.environment.empty());
    for (std::size_t i = worker; i < faults.size(); i += kWorkers) {
        const Fault& fault = faults[i];
        SCOPED_TRACE(text_of(fault));
        const Finished finished = place.run(fault);
        // A view that is only remounted has no workbench to be detached.
        const bool told = finished.errors.starts_with("cginit: info: ") ||
                          finished.errors.find("\ncginit: info: ") != std::string::npos;
        const bool committed = told || (fault.number != SYS_umount2 && unmounts > 0 &&
                                        count_of(SYS_umount2, finished.traced.calls) == unmounts);
        judge(finished, fault, committed, place, uses_user_namespace(shape), tally);
        if (finished.facts != place.engines_facts()) {
            EXPECT_EQ(join(place.clean(), "\n"), "") << "left behind";
        }
    }
    // Nobody takes away what was left outside meanwhile.
    expect_host_untouched(host);
    return tally;
}

class Faults : public testing::TestWithParam<Shape> {};

INSTANTIATE_TEST_SUITE_P(Shapes, Faults, testing::ValuesIn(shapes()),
                         [](const auto& instance) { return instance.param.spec.name; });

TEST_P(Faults, EveryCallOfTheBinaryFailsWell) {
    CGINIT_NEEDS_SHIPPED_BINARY();
    const auto all = shapes();
    const auto turn = std::find_if(all.begin(), all.end(),
                                   [](const Shape& shape) { return shape.spec.name == GetParam().spec.name; }) -
                      all.begin();
    const Lines host = host_facts();
    const Tally sum = in_workers([turn](std::size_t worker) {
        TestCgroups cgroups;
        enter_private_mounts();
        return fails_everywhere(GetParam(), static_cast<std::size_t>(turn), worker, cgroups);
    });
    expect_host_untouched(host);
    EXPECT_LE(sum.never, 2 * kWorkers) << "calls that the first run made never came again";
    sum.print(GetParam().spec.name);
}

}  // namespace
}  // namespace cginit
