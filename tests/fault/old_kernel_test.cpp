#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <functional>

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
        {.spec = {.name = "v2_userns", .view = View::docker_v2, .private_cgroup_namespace = true},
         .options = {"--method=userns"},
         .leaf = true},
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

/// Linux before 4.6: no file for them, and unshare(CLONE_NEWCGROUP) is EINVAL.
void hide_cgroup_namespaces() {
    if (::mount("none", "/proc/self/ns", "tmpfs", 0, nullptr) != 0) {
        ::_exit(97);
    }
    for (const std::string name : {"ipc", "mnt", "net", "pid", "user", "uts"}) {
        std::filesystem::create_symlink(concat({name, ":[4026532001]"}), concat({"/proc/self/ns/", name}));
    }
    refuse({SYS_unshare}, EINVAL);
}

/// No kernel says so that has mounted it; a container's /proc may.
void hide_cgroup2() {
    write_text("/cginit-work/filesystems", "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup\n\text4\n");
    if (::mount("/cginit-work/filesystems", "/proc/filesystems", nullptr, MS_BIND, nullptr) != 0) {
        ::_exit(97);
    }
}

/// A good view all the same; what cginit says of it has this in it.
void works_where(const Shape& shape, const std::function<void()>& something_is_hidden, const std::string& says) {
    TestCgroups cgroups;
    enter_private_mounts();
    Place place(shape, cgroups);
    const Finished finished = place.run({}, something_is_hidden);
    EXPECT_TRUE(finished.traced.handed_over) << finished.errors;
    EXPECT_EQ(finished.traced.status, 0) << finished.output << finished.errors;
    EXPECT_NE(finished.errors.find(says), std::string::npos) << finished.errors;
    EXPECT_EQ(join(place.clean(), "\n"), "");
}

TEST(OldKernelOf, NoCgroupNamespaces) {
    CGINIT_NEEDS_SHIPPED_BINARY();
    const Shape v1{.spec = {.name = "v1", .view = EngineView::docker_v1}};
    const Shape v2{.spec = {.name = "v2", .view = EngineView::docker_v2}, .leaf = true};
    EXPECT_EQ(run_in_child([&] { works_where(v1, hide_cgroup_namespaces, "legacy cgroups private (bind)"); }), 0);
    EXPECT_EQ(run_in_child([&] { works_where(v2, hide_cgroup_namespaces, "unified cgroups private (bind)"); }), 0);
}

TEST(OldKernelOf, NoCgroup2) {
    CGINIT_NEEDS_SHIPPED_BINARY();
    const Shape v1{.spec = {.name = "v1", .view = EngineView::docker_v1}};
    EXPECT_EQ(run_in_child([&] { works_where(v1, hide_cgroup2, "legacy cgroups private (namespace)"); }), 0);
}

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
