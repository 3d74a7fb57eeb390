#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>

#include "cginit/result.hpp"
#include "core/text.hpp"
#include "fault/place.hpp"

namespace cginit {
namespace {

/// What Linux 3.10 has not, of all that glibc, libstdc++, libmount or cginit might want.
constexpr std::array kNewCalls{
    SYS_seccomp,    SYS_getrandom,  SYS_memfd_create, SYS_execveat, SYS_renameat2,  SYS_copy_file_range, SYS_statx,
    SYS_rseq,       SYS_pidfd_open, SYS_clone3,       SYS_openat2,  SYS_faccessat2, SYS_close_range,     SYS_open_tree,
    SYS_move_mount, SYS_fsopen,     SYS_fsconfig,     SYS_fsmount,  SYS_fspick,     SYS_mount_setattr};

/// From here on, these calls fail.
void refuse(const std::vector<long>& calls, int errnum) {
    std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const long call : calls) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(call), 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<__u32>(errnum)));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        ::_exit(98);
    }
}

std::vector<Shape> shapes() {
    using View = EngineView;
    return {
        {.spec = {.name = "v1", .view = View::docker_v1}},
        {.spec = {.name = "v2_drop_cap", .view = View::docker_v2},
         .options = {"--drop-cap=cap_sys_admin"},
         .leaf = true},
        {.spec =
             {.name = "v2_privileged", .view = View::docker_v2, .private_cgroup_namespace = true, .privileged = true},
         .systemd = true},
    };
}

/// All of them at once, as on an old kernel, and one by one, as under a profile that knows some.
void works_without(const Shape& shape, int errnum) {
    TestCgroups cgroups;
    enter_private_mounts();
    Place place(shape, cgroups);
    std::vector<std::vector<long>> sets{{kNewCalls.begin(), kNewCalls.end()}};
    for (const long call : kNewCalls) {
        sets.push_back({call});
    }
    for (const std::vector<long>& calls : sets) {
        const Finished finished = place.run({}, [&] { refuse(calls, errnum); });
        EXPECT_TRUE(finished.traced.handed_over) << "without call " << calls.front() << ": " << finished.errors;
        EXPECT_EQ(finished.traced.status, 0) << calls.front() << ": " << finished.output << finished.errors;
        EXPECT_EQ(join(place.clean(), "\n"), "");
    }
    std::printf("[  FAULTS  ] %s: a good view without %zu new calls (%s), all at once and one by one\n",
                shape.spec.name.c_str(), kNewCalls.size(), strerrorname_np(errnum));
}

class OldKernel : public testing::TestWithParam<Shape> {};

INSTANTIATE_TEST_SUITE_P(Shapes, OldKernel, testing::ValuesIn(shapes()),
                         [](const auto& instance) { return instance.param.spec.name; });

TEST_P(OldKernel, NewCallsAreUnknown) {
    CGINIT_NEEDS_SHIPPED_BINARY();
    EXPECT_EQ(run_in_child([] { works_without(GetParam(), ENOSYS); }), 0);
}

TEST_P(OldKernel, NewCallsAreRefusedByAnOldProfile) {
    CGINIT_NEEDS_SHIPPED_BINARY();
    EXPECT_EQ(run_in_child([] { works_without(GetParam(), EPERM); }), 0);
}

}  // namespace
}  // namespace cginit
