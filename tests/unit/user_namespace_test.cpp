#include "decide/obstacles.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "cginit/decision.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

/// What Docker gives by default.
Snapshot without_sys_admin(Snapshot snapshot) {
    snapshot.status.effective_capabilities = 0xa80425fb;
    return snapshot;
}

Snapshot without_cgroup_namespaces(Snapshot snapshot) {
    snapshot.namespaces.erase("cgroup");
    snapshot.kernel_release = "3.10.0-1160.el7.x86_64";
    return snapshot;
}

Snapshot refusing_userns(Snapshot snapshot, int errnum, Tri filter = Tri::no) {
    snapshot.user_namespaces = {Tri::no, errnum};
    snapshot.status.seccomp_filter = filter;
    return snapshot;
}

Snapshot labelled(Snapshot snapshot, const char* label) {
    snapshot.security_label = label;
    return snapshot;
}

Snapshot without(Snapshot snapshot, unsigned capability) {
    snapshot.status.effective_capabilities &= ~(std::uint64_t{1} << capability);
    return snapshot;
}

Snapshot as_user(Snapshot snapshot) {
    snapshot.status.uid = 1000;
    return snapshot;
}

Snapshot with_max_user_namespaces(Snapshot snapshot, unsigned long number) {
    snapshot.max_user_namespaces = number;
    return snapshot;
}

Snapshot without_id_maps(Snapshot snapshot) {
    snapshot.uid_map.clear();
    snapshot.gid_map.clear();
    return snapshot;
}

constexpr const char* kInstead =
    "this container has no CAP_SYS_ADMIN, which mounting cgroups needs, and cannot have it in a user namespace: ";
constexpr const char* kCapability = "; add --cap-add SYS_ADMIN";
constexpr const char* kOrCapability = ", or add --cap-add SYS_ADMIN";
constexpr const char* kAuto = "use --method=auto with --cap-add SYS_ADMIN";

struct Case {
    const char* what;
    Snapshot snapshot;
    const char* cause;
    const char* permits;     ///< empty: nothing does
    bool is_module = false;  ///< what refuses that refuses mounts, too: the capability comes last
};

std::vector<Case> cases() {
    return {
        Case{"Docker's filter", without_sys_admin(refusing_userns(docker_v2(), EPERM, Tri::yes)),
             "the engine's seccomp filter refuses new user namespaces",
             "add --security-opt seccomp=docker.json, which allows unshare and setns (examples/seccomp), or "
             "add "
             "--security-opt seccomp=unconfined"},
        Case{"no filter", without_sys_admin(refusing_userns(docker_v1(), EACCES)),
             "new user namespaces are refused, and not by a seccomp filter",
             "permit user namespaces on the host (sysctl -w kernel.unprivileged_userns_clone=1, or the security "
             "module's "
             "rules)"},
        Case{"AppArmor 4",
             labelled(without_sys_admin(refusing_userns(docker_v2(), EACCES, Tri::yes)), "docker-default (enforce)"),
             "AppArmor's profile docker-default (enforce) refuses new user namespaces",
             "add --security-opt apparmor=unconfined, or add --security-opt apparmor=cginit with that profile loaded "
             "(examples/apparmor/cginit)",
             true},
        Case{"SELinux",
             labelled(without_sys_admin(refusing_userns(docker_v2(), EACCES, Tri::yes)),
                      "system_u:system_r:container_t:s0:c1,c2"),
             "SELinux (system_u:system_r:container_t:s0:c1,c2) refuses new user namespaces",
             "add --security-opt label=disable", true},
        Case{"SELinux, of the capability",
             labelled(without_sys_admin(refusing_userns(docker_v2(), EPERM)),
                      "system_u:system_r:container_init_t:s0:c1,c2"),
             "SELinux (system_u:system_r:container_init_t:s0:c1,c2) refuses new user namespaces",
             "add --security-opt label=disable", true},
        Case{"SELinux, or Docker's filter",
             labelled(without_sys_admin(refusing_userns(docker_v1(), EPERM, Tri::yes)),
                      "system_u:system_r:container_t:s0:c1,c2"),
             "SELinux (system_u:system_r:container_t:s0:c1,c2) or the engine's seccomp filter refuses new user "
             "namespaces",
             "add --security-opt label=disable and --security-opt seccomp=docker.json, both (examples/seccomp), or "
             "add --security-opt label=disable",
             true},
        Case{"a type that may do anything",
             labelled(without_sys_admin(refusing_userns(docker_v2(), EPERM, Tri::yes)), "system_u:system_r:spc_t:s0"),
             "the engine's seccomp filter refuses new user namespaces",
             "add --security-opt seccomp=docker.json, which allows unshare and setns (examples/seccomp), or "
             "add "
             "--security-opt seccomp=unconfined"},
        Case{"too many", without_sys_admin(refusing_userns(docker_v1(), ENOSPC)),
             "there are as many user namespaces as there may be, or 32 within each other",
             "raise user.max_user_namespaces on the host (sysctl)"},
        Case{"none", without_sys_admin(with_max_user_namespaces(docker_v1(), 0)), "user.max_user_namespaces is 0",
             "raise user.max_user_namespaces on the host (sysctl)"},
        Case{"no such kernel", without_sys_admin(refusing_userns(docker_v1(), EINVAL)),
             "this kernel makes no user namespaces", ""},
        Case{"no maps", without_sys_admin(without_id_maps(docker_v1())), "this kernel has no user namespaces", ""},
        Case{"no CAP_SETUID", without(without_sys_admin(docker_v2()), 7),
             "this container has not all of CAP_SETUID, CAP_SETGID and CAP_SETFCAP, which mapping ids into a user "
             "namespace needs, and a single id will not do for an init",
             "add --cap-add SETUID --cap-add SETGID --cap-add SETFCAP, or leave out --cap-drop ALL"},
        Case{"no cgroup namespaces", without_sys_admin(without_cgroup_namespaces(docker_v1())),
             "this kernel has no cgroup namespaces (Linux 4.6), in which alone cgroups can be mounted there", ""},
        Case{"a writable volume", without_sys_admin(docker_hybrid_volume()),
             "the writable cgroup mount at /sys/fs/cgroup/misc reaches above the own cgroup, and could not be taken "
             "away there",
             "leave that volume out (Podman: --systemd=always, too)"}};
}

std::string refusal(const Snapshot& snapshot, Method method) {
    Options options;
    options.method = method;
    const Result<Decision> decision = decide(classify(snapshot), options);
    return decision ? "accepted" : decision.error().message();
}

TEST(UserNamespace, WhatKeepsCginitFromItHasTwoCures) {
    for (const Case& c : cases()) {
        const std::string permits = c.permits;
        EXPECT_EQ(refusal(c.snapshot, Method::automatic),
                  kInstead + std::string(c.cause) +
                      (c.is_module ? "; " + permits + kOrCapability
                                   : kCapability + (permits.empty() ? "" : ", or " + permits)))
            << c.what;
        EXPECT_EQ(refusal(c.snapshot, Method::userns), "--method=userns: " + std::string(c.cause) + "; " + permits +
                                                           (permits.empty() ? "" : ", or ") + kAuto)
            << c.what;
    }
}

TEST(UserNamespace, NoMethodDoesWithoutRoot) {
    EXPECT_EQ(refusal(as_user(docker_v2()), Method::userns),
              "--method=userns: only root can map all ids into a user namespace, and a single one will not do for an "
              "init; leave out --user");
}

TEST(UserNamespace, WhatKeepsCginitFromItHasACode) {
    const auto code_of = [](const Snapshot& snapshot) { return user_namespace_obstacle(classify(snapshot)).code; };
    EXPECT_EQ(code_of(refusing_userns(docker_v2(), ENOSPC)), ErrorCode::no_user_namespaces);
    EXPECT_EQ(code_of(refusing_userns(docker_v2(), EPERM, Tri::yes)), ErrorCode::seccomp);
    EXPECT_EQ(code_of(without(without_sys_admin(docker_v2()), 31)), ErrorCode::no_id_map);
    EXPECT_EQ(code_of(as_user(docker_v2())), ErrorCode::not_root);
}

TEST(UserNamespace, NothingKeepsAContainerFromItThatHasWhatEnginesGive) {
    EXPECT_EQ(user_namespace_obstacle(classify(without_sys_admin(docker_v1()))).text, "");
    EXPECT_EQ(user_namespace_obstacle(classify(without_sys_admin(docker_v2()))).text, "");
}

}  // namespace
}  // namespace cginit
