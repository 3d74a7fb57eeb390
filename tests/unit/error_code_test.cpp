#include "cginit/error_code.hpp"

#include <gtest/gtest.h>

#include "cginit/decision.hpp"
#include "decide/stages.hpp"
#include "read/proc_files.hpp"
#include "unit/world_builder.hpp"

// What each identifier stands for where a message could change and it must not.

namespace cginit {
namespace {

ErrorCode refused_with(const Snapshot& snapshot, const Options& options = {}) {
    const Result<Decision> decision = decide(classify(snapshot), options);
    EXPECT_FALSE(decision);
    return decision ? ErrorCode::system_call : decision.error().code;
}

TEST(ErrorCode, Facts) {
    EXPECT_EQ(parse_mountinfo("one\n", "mountinfo").error().code, ErrorCode::bad_facts);
    EXPECT_EQ(parse_mountinfo("", "mountinfo").error().code, ErrorCode::no_proc);
}

TEST(ErrorCode, Containers) {
    Snapshot rootless = docker_v2();
    std::erase_if(rootless.mounts, [](const MountEntry& mount) { return mount.point == "/"; });
    EXPECT_EQ(refused_with(rootless), ErrorCode::chroot);
    Snapshot child = docker_v2();
    child.pid = 2;
    EXPECT_EQ(refused_with(child), ErrorCode::not_pid1);
    Snapshot plain = docker_v2();
    plain.status.effective_capabilities = 0;
    EXPECT_EQ(refused_with(plain), ErrorCode::no_sys_admin);
    const Snapshot volume = with_mount(docker_v1(), cgroup_line(30, 10, "/", "/host/memory", "rw", "memory"));
    EXPECT_EQ(refused_with(volume), ErrorCode::host_mount);
    Snapshot hidden = docker_v2();
    std::erase_if(hidden.mounts, [](const MountEntry& mount) { return mount.point.starts_with(kCgroupRoot); });
    Options options;
    for (const Method method : {Method::bind, Method::remount, Method::none}) {
        options.method = method;
        EXPECT_EQ(refused_with(hidden, options), ErrorCode::no_view) << to_string(method);
    }
    hidden.namespaces.erase("cgroup");
    hidden.kernel_release = "4.4.302+";
    EXPECT_EQ(refused_with(hidden), ErrorCode::no_view);
    hidden.cgroups.clear();
    EXPECT_EQ(refused_with(hidden), ErrorCode::no_view);
}

TEST(ErrorCode, MountsWithPeers) {
    Snapshot snapshot = docker_v1();
    for (MountEntry& mount : snapshot.mounts) {
        mount.propagation.shared = mount.point == "/sys/fs/cgroup/memory" ? 7 : 0;
    }
    const int id = visible_mount_at(snapshot.mounts, "/sys/fs/cgroup/memory")->id;
    snapshot = with_mount(snapshot, cgroup_line(30, id, "/", "/sys/fs/cgroup/memory", "ro", "memory"));
    EXPECT_EQ(refused_with(snapshot), ErrorCode::shared_mount);
}

TEST(ErrorCode, Wishes) {
    Options options;
    options.method = Method::remount;
    EXPECT_EQ(refused_with(docker_v2(), options), ErrorCode::unusable_view);
    options = {};
    options.layout = Layout::legacy;
    Snapshot busybox = docker_v2();
    busybox.init = {InitKind::busybox, {}, {}};
    EXPECT_EQ(refused_with(busybox, options), ErrorCode::layout);
    options = {};
    options.method = Method::name_space;
    Snapshot old = docker_v1();
    old.namespaces.erase("cgroup");
    old.kernel_release = "3.10.0";
    EXPECT_EQ(refused_with(old, options), ErrorCode::no_cgroup_namespaces);
    Snapshot unknown = docker_v1();
    unknown.init.version.reset();
    EXPECT_EQ(refused_with(unknown), ErrorCode::systemd_version);
}

}  // namespace
}  // namespace cginit
