#include <gtest/gtest.h>

#include <functional>
#include <ostream>

#include "cginit/decision.hpp"
#include "cginit/plan.hpp"
#include "unit/decide_scenes.hpp"

namespace cginit {
namespace {

struct RefusalCase {
    const char* what;
    Snapshot snapshot;
    Change change;
    const char* message;
};

// GoogleTest prints a parameter that it does not know byte by byte.
void PrintTo(const RefusalCase& c, std::ostream* os) { *os << c.what; }

class Refusal : public ::testing::TestWithParam<RefusalCase> {};

TEST_P(Refusal, NamesTheCure) {
    const RefusalCase& c = GetParam();
    EXPECT_EQ(refusal(classify(c.snapshot), options_of(c.change)), c.message) << c.what;
}

constexpr const char* kNoSysAdmin =
    "this container has no CAP_SYS_ADMIN, which mounting cgroups needs; add --cap-add SYS_ADMIN";

Snapshot without_view(PlaceType type) {
    Snapshot snapshot = snapshot_of(base_mounts(), "0::/docker/c\n");
    snapshot.places[kCgroupRoot] = type;
    return snapshot;
}

INSTANTIATE_TEST_SUITE_P(
    Capabilities, Refusal,
    ::testing::Values(RefusalCase{"namespace", without_sys_admin(docker_v2()),
                                  [](Options& o) { o.method = Method::name_space; }, kNoSysAdmin},
                      RefusalCase{"bind", without_sys_admin(docker_v1()), [](Options& o) { o.method = Method::bind; },
                                  kNoSysAdmin},
                      RefusalCase{"only /run is to be made", without_sys_admin(writable(docker_v2())),
                                  [](Options& o) {
                                      o.method = Method::none;
                                      o.inner = Inner::never;
                                  },
                                  "this container has no CAP_SYS_ADMIN, which mounting a tmpfs on /run needs; let the "
                                  "engine mount it (--tmpfs /run), or leave /run as it is with --tmpfs=never"}));

INSTANTIATE_TEST_SUITE_P(
    Layouts, Refusal,
    ::testing::Values(
        RefusalCase{"legacy on v2", with_init(docker_v2(), InitKind::busybox),
                    [](Options& o) { o.layout = Layout::legacy; },
                    "--layout=legacy: this container's view is unified; use --layout=host, or boot the host with v1 "
                    "hierarchies (without cgroup_no_v1=)"},
        RefusalCase{"hybrid on v2", docker_v2(), [](Options& o) { o.layout = Layout::hybrid; },
                    "--layout=hybrid: this container's view is unified; use --layout=host, or boot the host with v1 "
                    "hierarchies (without cgroup_no_v1=)"},
        RefusalCase{
            "unified on v1", docker_v1(), [](Options& o) { o.layout = Layout::unified; },
            "--layout=unified: this kernel has no cgroup2; boot the host with Linux 4.15 or newer and a v2 hierarchy "
            "(systemd.unified_cgroup_hierarchy=1), or use --layout=host"},
        RefusalCase{
            "hybrid on v1", docker_v1(), [](Options& o) { o.layout = Layout::hybrid; },
            "--layout=hybrid: this kernel has no cgroup2; boot the host with Linux 4.15 or newer and a v2 hierarchy "
            "(systemd.unified_cgroup_hierarchy=1), or use --layout=host"},
        RefusalCase{"a contradiction", with_init(docker_v2(), InitKind::busybox),
                    [](Options& o) {
                        o.layout = Layout::legacy;
                        o.method = Method::none;
                    },
                    "--layout=legacy: this container's view is unified; use --layout=host, or boot the host with v1 "
                    "hierarchies (without cgroup_no_v1=)"},
        RefusalCase{
            "nothing to bind", without_cgroup_namespaces(snapshot_of(base_mounts(), "4:memory:/docker/c\n")), kNothing,
            "no cgroup file system is visible at /sys/fs/cgroup, and this kernel has no cgroup namespaces (Linux "
            "4.6), in which one could be mounted; add -v /sys/fs/cgroup:/sys/fs/cgroup:ro"},
        RefusalCase{
            "a link in its place", without_view(PlaceType::symlink), kNothing,
            "no cgroup file system is visible at /sys/fs/cgroup, and none can be mounted there: it is a symbolic "
            "link; leave that volume out"},
        RefusalCase{
            "nothing in its place", without_view(PlaceType::absent), kNothing,
            "no cgroup file system is visible at /sys/fs/cgroup, and none can be mounted there: it is not there; "
            "leave that volume out"},
        RefusalCase{"a directory in its place", without_view(PlaceType::directory), kNothing, "accepted"},
        RefusalCase{"nothing to keep", snapshot_of(base_mounts(), "0::/docker/c\n"), kNone,
                    "no cgroup file system is visible at /sys/fs/cgroup, and --method=none mounts no fresh one; use "
                    "--method=auto"}));

INSTANTIATE_TEST_SUITE_P(
    Methods, Refusal,
    ::testing::Values(
        RefusalCase{"none gives the limits away", docker_v2(), kNone,
                    "--method=none leaves the engine's limits within reach of the init; use --method=auto, or accept "
                    "that with --inner=never"},
        RefusalCase{"remount gives the limits away", docker_v2(), kRemount,
                    "--method=remount leaves the engine's limits within reach of the init; use --method=auto, or "
                    "accept that with --inner=never"},
        RefusalCase{"none leaves it read-only", docker_v2(),
                    [](Options& o) {
                        o.method = Method::none;
                        o.inner = Inner::never;
                    },
                    "--method=none: /sys/fs/cgroup is read-only; use --method=auto"},
        RefusalCase{"remount of the host's tree", docker_hybrid_volume(),
                    [](Options& o) {
                        o.method = Method::remount;
                        o.inner = Inner::never;
                    },
                    "--method=remount: /sys/fs/cgroup/misc is the host's root of the hierarchy; use --method=auto"},
        RefusalCase{"another layout needs new mounts", docker_hybrid_volume(),
                    [](Options& o) {
                        o.layout = Layout::unified;
                        o.method = Method::none;
                    },
                    "--layout=unified needs new mounts, --method=none makes none; use --method=auto"},
        RefusalCase{"no namespaces", without_cgroup_namespaces(docker_v1()),
                    [](Options& o) { o.method = Method::name_space; },
                    "--method=namespace: this kernel has no cgroup namespaces (Linux 4.6); use --method=bind"}));

INSTANTIATE_TEST_SUITE_P(
    Elsewhere, Refusal,
    ::testing::Values(
        RefusalCase{"writable", elsewhere(docker_v1(), "rw"), kNothing,
                    "a writable cgroup mount at /host/memory reaches above the own cgroup; leave that volume out, or "
                    "say --keep-mount /host/memory if the init may have it"},
        RefusalCase{"another one is kept", elsewhere(docker_v1(), "rw"),
                    [](Options& o) { o.keep_mounts = {"/host/cpu"}; },
                    "a writable cgroup mount at /host/memory reaches above the own cgroup; leave that volume out, or "
                    "say --keep-mount /host/memory if the init may have it"},
        RefusalCase{"hidden", with_mount(elsewhere(docker_v1(), "ro"), "31 10 0:50 / /host rw - tmpfs tmpfs rw\n"),
                    kNothing,
                    "the cgroup mount at /host/memory cannot be taken out of reach; leave that volume out, or say "
                    "--keep-mount /host/memory if the init may have it"},
        RefusalCase{"below /run, which is carried over", elsewhere(docker_v1(), "ro", "/run/memory"), kNothing,
                    "the cgroup mount at /run/memory cannot be taken out of reach; leave that volume out, or say "
                    "--keep-mount /run/memory if the init may have it"},
        RefusalCase{"nothing may be changed", elsewhere(docker_v2(), "ro"),
                    [](Options& o) {
                        o.method = Method::remount;
                        o.inner = Inner::never;
                    },
                    "a cgroup mount at /host/memory reaches above the own cgroup; use --method=auto, or say "
                    "--keep-mount /host/memory if the init may have it"}));

INSTANTIATE_TEST_SUITE_P(
    RealRoots, Refusal,
    ::testing::Values(
        RefusalCase{"v2 with --cgroups=disabled at the host's root",
                    snapshot_of(base_mounts() + cgroup_line(20, 12, "/", "/sys/fs/cgroup", "ro", "unified"), "0::/\n"),
                    kNothing,
                    "the init needs the unified hierarchy, but the own cgroup is the host's root of it; give the "
                    "container a cgroup of its own (no --cgroups=disabled, no host cgroup as its parent)"},
        RefusalCase{"v1 at the root in name=systemd",
                    snapshot_of(base_mounts() + "20 12 0:46 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
                                    cgroup_line(21, 20, "/", "/sys/fs/cgroup/systemd", "rw", "name=systemd") +
                                    cgroup_line(22, 20, "/a", "/sys/fs/cgroup/memory", "rw", "memory"),
                                "2:memory:/a\n1:name=systemd:/\n"),
                    kNothing,
                    "the init needs the name=systemd hierarchy, but the own cgroup is the host's root of it; give the "
                    "container a cgroup of its own (no --cgroups=disabled, no host cgroup as its parent)"},
        RefusalCase{"busybox at the root everywhere",
                    with_init(snapshot_of(base_mounts() + "20 12 0:46 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
                                              cgroup_line(21, 20, "/", "/sys/fs/cgroup/memory", "rw", "memory"),
                                          "2:memory:/\n"),
                              InitKind::busybox),
                    kNothing,
                    "no cgroup hierarchy can be made writable: the own cgroup is the host's root of it; give "
                    "the container a cgroup of its own (no --cgroups=disabled, no host cgroup as its parent)"}));

}  // namespace
}  // namespace cginit
