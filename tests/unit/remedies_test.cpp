#include "advice/advice.hpp"
#include "decide/obstacles.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "report/explanation.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

std::string lines_of(const std::vector<Remedy>& remedies) {
    std::string all;
    for (const Remedy& remedy : remedies) {
        all += std::to_string(remedy.alternative) + " " + remedy.where + " " + remedy.setting + "\n";
    }
    return all;
}

World run_by(Engine engine) {
    World world;
    world.engine = engine;
    world.place = engine == Engine::docker       ? Place::docker
                  : engine == Engine::podman     ? Place::podman
                  : engine == Engine::kubernetes ? Place::kubernetes
                                                 : Place::unknown;
    return world;
}

TEST(Remedies, EachEngineHasItsOwnWords) {
    const auto told = [](Engine engine) { return lines_of(remedies_for({CureId::add_sys_admin}, run_by(engine))); };
    EXPECT_EQ(told(Engine::docker), "1 docker --cap-add SYS_ADMIN\n1 compose cap_add: [SYS_ADMIN]\n");
    EXPECT_EQ(told(Engine::podman), "1 podman --cap-add SYS_ADMIN\n");
    EXPECT_EQ(told(Engine::kubernetes), "1 kubernetes securityContext: {capabilities: {add: [SYS_ADMIN]}}\n");
    EXPECT_EQ(told(Engine::oci), told(Engine::docker).insert(29, "1 podman --cap-add SYS_ADMIN\n") +
                                     "1 kubernetes securityContext: {capabilities: {add: [SYS_ADMIN]}}\n")
        << "which engine it is cannot be told";
}

TEST(Remedies, WhatTheHostAndTheImageCanDoIsForEveryEngine) {
    EXPECT_EQ(lines_of(remedies_for({CureId::boot_v2, CureId::older_systemd}, run_by(Engine::kubernetes))),
              "1 host boot with systemd.unified_cgroup_hierarchy=1\n2 image systemd 257 or older\n");
}

TEST(Remedies, ACureThatTheEngineDoesNotKnowIsLeftOut) {
    const World pod = run_by(Engine::kubernetes);
    EXPECT_EQ(lines_of(remedies_for({CureId::host_cgroup_namespace, CureId::boot_v2}, pod)),
              "2 host boot with systemd.unified_cgroup_hierarchy=1\n");
    EXPECT_EQ(lines_of(remedies_for({CureId::host_cgroup_namespace}, pod)),
              "1 docker --cgroupns=host\n1 podman --cgroupns=host\n1 compose cgroup: host\n")
        << "unless there is no other";
}

TEST(Remedies, WhatStandsAboveTheEngineHasTheWord) {
    World world = run_by(Engine::docker);
    world.place = Place::nomad;
    const Error error = make_error(ErrorCode::no_sys_admin, "no capability", {CureId::add_sys_admin});
    EXPECT_EQ(
        in_words_of_place(error, world).message(),
        "no capability; cap_add = [\"sys_admin\"] in the task, allow_caps in the plugin \"docker\" of the client");
    EXPECT_EQ(lines_of(remedies_for({CureId::no_apparmor, CureId::apparmor_profile}, world)),
              "1 nomad security_opt = [\"apparmor=unconfined\"]\n")
        << "a profile that is loaded and that nobody names is half a cure";
    world.place = Place::nerdctl;
    EXPECT_EQ(in_words_of_place(error, world), error);
    world.place = Place::lxc;
    EXPECT_EQ(remedies_for({CureId::run_as_root}, world).back().where, "image");
    EXPECT_EQ(remedies_for({CureId::add_setpcap}, world).front().where, "docker") << "LXC has no word for it";
    const Error other = make_error(ErrorCode::no_setpcap, "no capability", {CureId::add_setpcap});
    EXPECT_EQ(in_words_of_place(other, world).message(), "no capability; add --cap-add SETPCAP");
}

TEST(Remedies, AHostHasItsOwnWay) {
    World world = run_by(Engine::docker);
    world.host = Host::wsl2;
    EXPECT_EQ(lines_of(remedies_for({CureId::boot_v2}, world)),
              "1 host in .wslconfig: [wsl2] and kernelCommandLine = cgroup_no_v1=all "
              "systemd.unified_cgroup_hierarchy=1\n");
    world.host = Host::talos;
    EXPECT_EQ(lines_of(remedies_for({CureId::mount_tracking, CureId::allow_host_cgroup}, world)),
              "1 cginit CGINIT_ALLOW_HOST_CGROUP=1\n")
        << "nothing can be mounted there by hand";
    EXPECT_EQ(lines_of(remedies_for({CureId::raise_user_namespaces}, world)),
              "1 host sysctl -w user.max_user_namespaces=10000\n")
        << "as on any host";
}

TEST(Remedies, WhatAnErrorKnowsStandsInTheSetting) {
    EXPECT_EQ(lines_of(remedies_for({{CureId::keep_mount, "/a b"}, "say so"}, run_by(Engine::docker))),
              "1 cginit CGINIT_KEEP_MOUNT=/a b, if the init may have it\n2  say so\n");
    EXPECT_EQ(text_of(Cures{{CureId::keep_mount, "/{1}"}, "say so"}),
              "say --keep-mount /{1} if the init may have it, or say so");
}

TEST(Remedies, AnErrorLineSpeaksThePodsLanguage) {
    const Error error = make_error(ErrorCode::no_sys_admin, "no capability", {CureId::add_sys_admin, "or so"});
    EXPECT_EQ(in_words_of_place(error, run_by(Engine::kubernetes)).line(),
              "no capability; securityContext: {capabilities: {add: [SYS_ADMIN]}}, or or so (CG-NOSYSADMIN)");
    EXPECT_EQ(in_words_of_place(error, run_by(Engine::docker)), error);
    const Error scope = make_error(ErrorCode::not_pid1, "no PID 1", {CureId::be_pid1});
    EXPECT_EQ(in_words_of_place(scope, run_by(Engine::kubernetes)).message(),
              "no PID 1; shareProcessNamespace: false, hostPID: false and ENTRYPOINT [\"/usr/local/bin/cginit\"], "
              "without a shell in front");
}

/// What is offered for the first that is missing in a container of Docker's without CAP_SYS_ADMIN.
Cures offered_first(Snapshot snapshot, Method method = Method::automatic) {
    Options options;
    options.method = method;
    snapshot.status.effective_capabilities = 0xa80425fb;
    const Explanation explanation = explain_facts(std::move(snapshot), {}, options);
    EXPECT_EQ(explanation.missing.front().error.code, ErrorCode::no_sys_admin);
    return explanation.missing.front().error.cures;
}

Snapshot refusing_userns(int errnum, Tri filter) {
    Snapshot snapshot = docker_v2();
    snapshot.user_namespaces = {Tri::no, errnum};
    snapshot.status.seccomp_filter = filter;
    return snapshot;
}

TEST(Remedies, WhatPermitsAUserNamespaceIsOfferedBesideTheCapability) {
    EXPECT_EQ(offered_first(refusing_userns(EPERM, Tri::yes)),
              (Cures{CureId::add_sys_admin, CureId::seccomp_profile, CureId::no_seccomp}));
    EXPECT_EQ(offered_first(refusing_userns(ENOSPC, Tri::yes)),
              (Cures{CureId::add_sys_admin, CureId::raise_user_namespaces}));
    EXPECT_EQ(offered_first(refusing_userns(EPERM, Tri::no)),
              (Cures{CureId::add_sys_admin, CureId::permit_user_namespaces}));
    Snapshot unconfined = refusing_userns(EPERM, Tri::no);
    unconfined.security_label = "unconfined";
    EXPECT_EQ(offered_first(unconfined),
              (Cures{CureId::add_sys_admin, CureId::permit_unconfined_user_namespaces, CureId::permit_user_namespaces}))
        << "which of the two sysctls it was is not to be seen";
    EXPECT_EQ(offered_first(refusing_userns(EINVAL, Tri::yes)), Cures{CureId::add_sys_admin})
        << "no kernel does without user namespaces";
    EXPECT_EQ(offered_first(refusing_userns(EPERM, Tri::yes), Method::name_space), Cures{CureId::add_sys_admin})
        << "asked for";
}

TEST(Remedies, AWritableVolumeIsNotTheFiltersDoing) {
    EXPECT_EQ(offered_first(docker_hybrid_volume()), (Cures{CureId::add_sys_admin, CureId::leave_out_cgroup_mount}));
}

TEST(Remedies, CapabilitiesThatMapIdsAreOfferedTogether) {
    Snapshot snapshot = docker_v2();
    snapshot.status.effective_capabilities = 0;
    EXPECT_EQ(explain_facts(snapshot, {}, {}).missing.front().error.cures,
              (Cures{CureId::add_sys_admin, CureId::add_id_map_capabilities}));
}

std::vector<CureId> ids_of(const Cures& cures) {
    std::vector<CureId> ids;
    for (const Cure& cure : cures) {
        ids.push_back(cure.id);
    }
    return ids;
}

TEST(Remedies, DelegationDependsOnWhoMadeTheCgroup) {
    using Ids = std::vector<CureId>;
    World world = run_by(Engine::podman);
    world.view = View::unified;
    EXPECT_EQ(ids_of(delegation_cures(world)), (Ids{CureId::host_user_namespace, CureId::give_cgroup}));
    world.rootless = true;
    EXPECT_EQ(ids_of(delegation_cures(world)), (Ids{CureId::delegate_to_user, CureId::linger, CureId::rootful}));
    Hierarchy v2;
    v2.version = HierarchyVersion::v2;
    v2.own_path = "/system.slice/runner.service";
    world.hierarchies = {v2};
    EXPECT_EQ(ids_of(delegation_cures(world)), (Ids{CureId::linger, CureId::delegate_to_user, CureId::rootful}))
        << "the user has no manager of his own there";
    world.hierarchies.front().own_path = "/user.slice/user-1000.slice/session-3.scope";
    EXPECT_EQ(ids_of(delegation_cures(world)), (Ids{CureId::delegate_to_user, CureId::linger, CureId::rootful}));
    world.hierarchies.clear();
    world.view = View::legacy;
    EXPECT_EQ(ids_of(delegation_cures(world)), Ids{CureId::rootful});
    world.rootless = false;
    world.engine = Engine::docker;
    EXPECT_EQ(ids_of(delegation_cures(world)), Ids{CureId::host_user_namespace});
    world.view = View::unified;
    EXPECT_EQ(ids_of(delegation_cures(world)),
              (Ids{CureId::host_user_namespace, CureId::systemd_cgroup_driver, CureId::give_cgroup}));
    EXPECT_TRUE(remedies_for(delegation_cures(world), world).back().setting.starts_with("# in a createRuntime hook"))
        << "Docker has no moment between making a container and starting it";
    world.rootless = true;
    EXPECT_EQ(ids_of(delegation_cures(world)),
              (Ids{CureId::delegate_to_user, CureId::systemd_cgroup_driver, CureId::linger, CureId::rootful}));
    world = run_by(Engine::kubernetes);
    EXPECT_EQ(ids_of(delegation_cures(world)), (Ids{CureId::writable_pod_cgroup, CureId::host_user_namespace}));
}

TEST(Remedies, PodmanGivesTheCgroupAwayBeforeCginitStarts) {
    World world = run_by(Engine::podman);
    world.view = View::unified;
    world.uid_ranges = {{0, 100000, 65536}};
    world.gid_ranges = {{0, 200000, 65536}};
    world.container_id = "0123456789abcdef";
    EXPECT_EQ(remedies_for(delegation_cures(world), world).back(),
              (Remedy{"host",
                      "# podman create instead of run, and podman init; then this:\n"
                      "pid=$(podman inspect -f '{{.State.Pid}}' 0123456789ab)\n"
                      "cd \"/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$pid/cgroup)\" && chown 100000:200000 .\n"
                      "for f in $(cat /sys/kernel/cgroup/delegate); do\n"
                      "  [ ! -e $f ] || chown 100000:200000 $f; done\n"
                      "# and last podman start",
                      2}));
}

TEST(Remedies, AppArmorKeepsConfiningWithTheShippedProfile) {
    const Cures both = {CureId::no_apparmor, CureId::apparmor_profile};
    World world = run_by(Engine::podman);
    EXPECT_EQ(lines_of(remedies_for(both, world)),
              "1 podman --security-opt apparmor=unconfined\n"
              "2 podman --security-opt apparmor=cginit, without SYS_ADMIN\n"
              "2 host apparmor_parser -r examples/apparmor/cginit  # loads cginit\n");
    world.has_sys_admin = true;
    EXPECT_EQ(offered(both, world), Cures{CureId::no_apparmor}) << "with the host's capability the profile is no guard";
    world.initial_user_namespace = false;
    EXPECT_EQ(offered(both, world), both) << "it is worth nothing outside";
    world = {};
    world.bounds_sys_admin = true;
    EXPECT_EQ(offered(both, world), Cures{CureId::no_apparmor}) << "what it starts as root has it";
}

TEST(Remedies, ACodeNamesItsCuresAlone) {
    EXPECT_TRUE(is_cure_of(ErrorCode::no_sys_admin, CureId::add_sys_admin));
    EXPECT_TRUE(is_cure_of(ErrorCode::usage, CureId::in_words));
    EXPECT_FALSE(is_cure_of(ErrorCode::usage, CureId::add_sys_admin));
}

}  // namespace
}  // namespace cginit
