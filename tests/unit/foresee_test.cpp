#include <gtest/gtest.h>

#include "cginit/prospect.hpp"
#include "report/explanation.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

using Codes = std::vector<ErrorCode>;

constexpr std::uint64_t kDefaultCapabilities = 0xa80425fb;
constexpr std::uint64_t kWithSysAdmin = 0xa82425fb;

Codes codes_of(const std::vector<Error>& errors) {
    Codes codes;
    for (const Error& error : errors) {
        codes.push_back(error.code);
    }
    return codes;
}

Codes codes_of(const std::vector<Finding>& found) {
    Codes codes;
    for (const Finding& finding : found) {
        codes.push_back(finding.error.code);
    }
    return codes;
}

Snapshot plain(Snapshot snapshot) {
    snapshot.status.effective_capabilities = kDefaultCapabilities;
    return snapshot;
}

TEST(Foresee, NothingIsMissing) {
    const Prospect prospect = foresee(classify(docker_v2()), {});
    EXPECT_EQ(codes_of(prospect.missing), Codes{});
    EXPECT_TRUE(prospect.decision);
}

TEST(Foresee, WhatComesAfterTheFirstIsSeenToo) {
    Snapshot snapshot = plain(docker_v2());
    snapshot.pid = 7;
    snapshot.security_label = "docker-default (enforce)";
    Options options;
    options.drop_capabilities = {"cap_sys_boot"};
    snapshot.status.effective_capabilities = 0;
    const Prospect prospect = foresee(classify(snapshot), options);
    EXPECT_EQ(codes_of(prospect.missing), (Codes{ErrorCode::not_pid1, ErrorCode::no_sys_admin, ErrorCode::no_setpcap}));
    EXPECT_EQ(codes_of(prospect.suspected), Codes{ErrorCode::apparmor});
    EXPECT_TRUE(prospect.decision) << "what is missing was imagined as there";
    EXPECT_TRUE(prospect.world.has_sys_admin);
}

TEST(Foresee, AUserThatIsNotRootIsNotToldToAddWhatIsThere) {
    Snapshot snapshot = docker_v2();
    snapshot.status.effective_capabilities = 0;
    snapshot.status.bounding_capabilities = kWithSysAdmin;
    snapshot.status.uid = 1000;
    const Prospect prospect = foresee(classify(snapshot), {});
    EXPECT_EQ(codes_of(prospect.missing), Codes{ErrorCode::not_root});
    EXPECT_NE(prospect.missing.front().cure.find("leave out --user"), std::string::npos);
    snapshot.status.bounding_capabilities = 0;
    EXPECT_EQ(codes_of(foresee(classify(snapshot), {}).missing), (Codes{ErrorCode::not_root, ErrorCode::no_sys_admin}));
}

TEST(Foresee, AnotherContainerIsNotImagined) {
    Snapshot snapshot = docker_v2();
    snapshot.init.version = 219;
    const Prospect prospect = foresee(classify(snapshot), {});
    EXPECT_EQ(codes_of(prospect.missing), Codes{ErrorCode::host_root}) << "even with --allow-host-cgroup";
    EXPECT_FALSE(prospect.decision);
}

TEST(Foresee, SuspectsTheRulesOfEngines) {
    struct Row {
        const char* label;
        Codes suspected;
    };
    const std::vector<Row> rows = {
        {"", {}},
        {"unconfined", {}},
        {"docker-default (enforce)", {ErrorCode::apparmor}},
        {"docker-default (complain)", {}},
        {"containers-default-0.50.1 (enforce)", {ErrorCode::apparmor}},
        {"cri-containerd.apparmor.d (enforce)", {ErrorCode::apparmor}},
        {"my-own-profile (enforce)", {}},
        {"system_u:system_r:container_t:s0:c1,c2", {ErrorCode::selinux}},
        {"system_u:system_r:spc_t:s0", {}},
    };
    for (const Row& row : rows) {
        Snapshot snapshot = docker_v1_private();
        snapshot.security_label = row.label;
        EXPECT_EQ(codes_of(foresee(classify(snapshot), {}).suspected), row.suspected) << row.label;
    }
}

TEST(Notes, AKernelWithoutTheMemoryController) {
    Snapshot snapshot = docker_v1();
    EXPECT_EQ(codes_of(explain_facts(snapshot, {}, {}).notes), Codes{}) << "not known";
    snapshot.controllers = {{"cpu", "memory"}};
    EXPECT_EQ(codes_of(explain_facts(snapshot, {}, {}).notes), Codes{});
    snapshot.controllers = {{"cpu"}};
    const Explanation explanation = explain_facts(snapshot, {}, {});
    EXPECT_EQ(codes_of(explanation.notes), Codes{ErrorCode::no_memory_controller});
    EXPECT_EQ(codes_of(explanation.missing), Codes{}) << "the init gets its view all the same";
    const std::string text = explanation_text(explanation, {});
    EXPECT_NE(text.find("cgroup_enable=memory"), std::string::npos);
    EXPECT_NE(text.find("CONFIG_MEMCG_V1"), std::string::npos) << "which Linux 6.11 made an option of its own";
    EXPECT_LT(text.find("CG-NOMEMORY"), text.find("who runs us")) << "on the first screen";
    snapshot = docker_v2();
    snapshot.controllers = {{"cpu"}};
    EXPECT_EQ(codes_of(explain_facts(snapshot, {}, {}).notes), Codes{}) << "there the file tells of v1 only";
}

TEST(Notes, APidNamespaceThatIsShared) {
    struct Row {
        const char* what;
        Tri pid1_mounts;
        Method method;
        Codes notes;
    };
    for (const Row& row : {Row{"PID 1 is in the same container", Tri::yes, Method::automatic, {}},
                           {"not known", Tri::unknown, Method::automatic, {}},
                           {"another container's PID 1", Tri::no, Method::automatic, {ErrorCode::shared_processes}},
                           {"in a user namespace", Tri::no, Method::userns, {}}}) {
        Snapshot snapshot = docker_v2();
        snapshot.pid = 7;
        snapshot.init.kind = InitKind::busybox;
        snapshot.neighbours = Neighbours::none;
        // CAP_SETGID, CAP_SETUID and CAP_SETFCAP.
        snapshot.status.effective_capabilities |= 1U << 6U | 1U << 7U | 1U << 31U;
        snapshot.pid1_mounts = row.pid1_mounts;
        Options options;
        options.method = row.method;
        const Explanation explanation = explain_facts(snapshot, {}, options);
        EXPECT_EQ(codes_of(explanation.notes), row.notes) << row.what;
        EXPECT_EQ(codes_of(explanation.missing), Codes{}) << row.what;
        EXPECT_EQ(explanation_text(explanation, {}).find("CGINIT_METHOD=userns") != std::string::npos,
                  !row.notes.empty());
    }
}

TEST(Explanation, FactsThatCannotBeHadAreWhatIsMissing) {
    const Explanation explanation =
        explain_failure(make_error(ErrorCode::no_proc, "open /proc/self/mountinfo", "mount it"));
    const std::string text = explanation_text(explanation, {});
    EXPECT_TRUE(
        text.starts_with("The init would NOT get its view.\n\nmissing\n  1. CG-NOPROC  open /proc/self/mountinfo\n"))
        << text;
    EXPECT_EQ(text.find("who runs us"), std::string::npos) << "nothing is known of that";
    EXPECT_NE(explanation_json(explanation).find("\"facts\": null"), std::string::npos);
}

TEST(Findings, WhatWasTriedIsNotSuspected) {
    Prospect prospect;
    prospect.suspected = {make_error(ErrorCode::apparmor, "a")};
    Trial trial;
    EXPECT_EQ(codes_of(findings(prospect, trial, {})), Codes{ErrorCode::apparmor});
    EXPECT_EQ(findings(prospect, trial, {}).front().ground, Ground::rules);
    trial.tried = true;
    EXPECT_EQ(codes_of(findings(prospect, trial, {})), Codes{});
    trial.refused = {make_error(ErrorCode::seccomp, "b")};
    EXPECT_EQ(codes_of(findings(prospect, trial, {})), Codes{ErrorCode::seccomp});
    EXPECT_EQ(findings(prospect, trial, {}).front().ground, Ground::trial);
}

TEST(Findings, OneOfEachCode) {
    Prospect prospect;
    prospect.missing = {make_error(ErrorCode::no_sys_admin, "a")};
    Trial trial;
    trial.refused = {make_error(ErrorCode::no_sys_admin, "b"), make_error(ErrorCode::system_call, "c"),
                     make_error(ErrorCode::system_call, "d")};
    EXPECT_EQ(codes_of(findings(prospect, trial, {})),
              (Codes{ErrorCode::no_sys_admin, ErrorCode::system_call, ErrorCode::system_call}));
}

TEST(Remedies, TheEngineThatRunsUsComesFirst) {
    World world;
    const auto first = [&world](ErrorCode code) { return remedies_for(code, world).front(); };
    world.engine = Engine::podman;
    EXPECT_EQ(first(ErrorCode::no_sys_admin), (Remedy{"podman", "--cap-add SYS_ADMIN"}));
    world.engine = Engine::kubernetes;
    EXPECT_EQ(first(ErrorCode::no_sys_admin).where, "kubernetes");
    world.engine = Engine::oci;
    EXPECT_EQ(first(ErrorCode::no_sys_admin).where, "docker");
    EXPECT_EQ(first(ErrorCode::host_root).where, "cginit") << "the surest, whatever the engine";
}

/// All that is offered for the first that is missing in a container without CAP_SYS_ADMIN.
std::string offered(Snapshot snapshot, Method method = Method::automatic) {
    Options options;
    options.method = method;
    const Explanation explanation = explain_facts(plain(std::move(snapshot)), {}, options);
    EXPECT_EQ(explanation.missing.front().error.code, ErrorCode::no_sys_admin);
    std::string text;
    for (const Remedy& remedy : explanation.missing.front().remedies) {
        text += remedy.where + " " + remedy.setting + "\n";
    }
    return text;
}

Snapshot refusing_userns(int errnum, Tri filter) {
    Snapshot snapshot = docker_v2();
    snapshot.user_namespaces = {Tri::no, errnum};
    snapshot.status.seccomp_filter = filter;
    return snapshot;
}

constexpr const char* kCapabilityAlone =
    "docker --cap-add SYS_ADMIN\npodman --cap-add SYS_ADMIN\ncompose cap_add: [SYS_ADMIN]\n"
    "kubernetes securityContext: {capabilities: {add: [SYS_ADMIN]}}\n";

TEST(Remedies, WhatPermitsAUserNamespaceIsOfferedBesideTheCapability) {
    EXPECT_EQ(
        offered(refusing_userns(EPERM, Tri::yes)),
        std::string(kCapabilityAlone) +
            "docker --security-opt seccomp=docker.json (examples/seccomp) instead\n"
            "compose security_opt: [\"seccomp=docker.json\"] # instead\n"
            "kubernetes securityContext: {seccompProfile: {type: Localhost, localhostProfile: docker.json}} # instead\n"
            "kubernetes securityContext: {seccompProfile: {type: Unconfined}} # instead\n"
            "podman --security-opt seccomp=unconfined instead\n");
    EXPECT_EQ(offered(refusing_userns(ENOSPC, Tri::yes)),
              std::string(kCapabilityAlone) + "host sysctl -w user.max_user_namespaces=10000 # instead\n");
    EXPECT_EQ(offered(refusing_userns(EPERM, Tri::no)),
              std::string(kCapabilityAlone) + "host sysctl -w kernel.unprivileged_userns_clone=1 # instead\n");
    EXPECT_EQ(offered(refusing_userns(EINVAL, Tri::yes)), kCapabilityAlone) << "no kernel does without user namespaces";
    EXPECT_EQ(offered(refusing_userns(EPERM, Tri::yes), Method::name_space), kCapabilityAlone) << "asked for";
}

TEST(Remedies, AWritableVolumeIsNotTheFiltersDoing) {
    const std::string text = offered(docker_hybrid_volume());
    EXPECT_TRUE(text.starts_with("docker --cap-add SYS_ADMIN\ndocker leave out -v /sys/fs/cgroup:... instead\n"))
        << text;
    EXPECT_NE(text.find("podman leave out --systemd=always and -v /sys/fs/cgroup:... instead\n"), std::string::npos)
        << text;
    EXPECT_EQ(text.find("seccomp"), std::string::npos) << text;
    EXPECT_EQ(text.find("CGINIT_KEEP_MOUNT"), std::string::npos) << text;
}

TEST(Remedies, CapabilitiesThatMapIdsAreOfferedTogether) {
    Snapshot snapshot = docker_v2();
    snapshot.status.effective_capabilities = 0;
    const Explanation explanation = explain_facts(snapshot, {}, {});
    ASSERT_EQ(explanation.missing.front().remedies.size(), 8U);
    EXPECT_EQ(explanation.missing.front().remedies[4],
              (Remedy{"docker", "--cap-add SETUID --cap-add SETGID --cap-add SETFCAP instead"}));
}

TEST(Remedies, DelegationDependsOnWhoMadeTheCgroup) {
    World world;
    world.view = View::unified;
    world.engine = Engine::podman;
    EXPECT_EQ(remedies_for(ErrorCode::not_delegated, world).front(),
              (Remedy{"podman", "--userns=host instead of --uidmap and --gidmap"}))
        << "which podman does not take together";
    world.rootless = true;
    const Remedy unit = remedies_for(ErrorCode::not_delegated, world).front();
    EXPECT_EQ(unit.where, "host");
    EXPECT_NE(unit.setting.find("Delegate=cpu cpuset io memory pids"), std::string::npos);
    world.view = View::legacy;
    EXPECT_EQ(remedies_for(ErrorCode::not_delegated, world),
              (std::vector<Remedy>{{"podman", "run it as root (sudo podman run)"}}));
    EXPECT_EQ(remedies_for(ErrorCode::no_hierarchy, world).front(),
              (Remedy{"podman", "run it as root (sudo podman run)"}));
    world.rootless = false;
    world.engine = Engine::docker;
    EXPECT_EQ(remedies_for(ErrorCode::not_delegated, world).front(), (Remedy{"docker", "--userns=host"}));
    EXPECT_EQ(remedies_for(ErrorCode::not_delegated, world).back().where, "kubernetes");
    world.view = View::unified;
    const std::vector<Remedy> remedies = remedies_for(ErrorCode::not_delegated, world);
    EXPECT_EQ(remedies[remedies.size() - 2],
              (Remedy{"host", "dockerd --exec-opt native.cgroupdriver=systemd  # delegates"}));
    EXPECT_TRUE(remedies.back().setting.starts_with("# in a createRuntime hook"))
        << "Docker has no moment between making a container and starting it: " << remedies.back().setting;
}

TEST(Remedies, PodmanGivesTheCgroupAwayBeforeCginitStarts) {
    World world;
    world.view = View::unified;
    world.engine = Engine::podman;
    world.uid_ranges = {{0, 100000, 65536}};
    world.gid_ranges = {{0, 200000, 65536}};
    world.container_id = "0123456789abcdef";
    EXPECT_EQ(remedies_for(ErrorCode::not_delegated, world).back(),
              (Remedy{"host",
                      "# podman create instead of run, and podman init; then this:\n"
                      "pid=$(podman inspect -f '{{.State.Pid}}' 0123456789ab)\n"
                      "cd \"/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$pid/cgroup)\" && chown 100000:200000 .\n"
                      "for f in $(cat /sys/kernel/cgroup/delegate); do\n"
                      "  [ ! -e $f ] || chown 100000:200000 $f; done\n"
                      "# and last podman start"}));
}

/// Ubuntu's kernel.apparmor_restrict_unprivileged_userns=1: who is unconfined has no capability in a user namespace.
TEST(Remedies, WhoIsUnconfinedIsNotToldToBeIt) {
    World world;
    EXPECT_EQ(remedies_for(ErrorCode::apparmor, world).front(),
              (Remedy{"docker", "--security-opt apparmor=unconfined"}));
    world.engine = Engine::podman;
    world.security_label = "unconfined";
    world.user_namespaces.possible = Tri::yes;
    const std::vector<Remedy> remedies = remedies_for(ErrorCode::apparmor, world);
    EXPECT_EQ(remedies.front(), (Remedy{"host", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"}));
    std::string all;
    for (const Remedy& remedy : remedies) {
        all += remedy.where + " " + remedy.setting + "\n";
    }
    EXPECT_EQ(all.find("nconfined"), std::string::npos) << all;
    EXPECT_NE(all.find("podman --security-opt apparmor=cginit (examples/apparmor)\n"), std::string::npos) << all;
    EXPECT_NE(all.find("podman --cap-add SYS_ADMIN instead\n"), std::string::npos) << all;
    world.has_sys_admin = true;
    EXPECT_EQ(remedies_for(ErrorCode::apparmor, world).front(),
              (Remedy{"podman", "--security-opt apparmor=unconfined"}))
        << "no user namespace is needed";
}

TEST(Remedies, WhichSysctlPermitsUserNamespacesDependsOnAppArmor) {
    World world;
    world.user_namespaces = {Tri::no, EPERM};
    EXPECT_EQ(remedies_for(ErrorCode::no_user_namespaces, world).front().setting,
              "sysctl -w kernel.unprivileged_userns_clone=1");
    world.security_label = "unconfined";
    EXPECT_EQ(remedies_for(ErrorCode::no_user_namespaces, world).front().setting,
              "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
}

/// What --explain says of AppArmor's refusal: each remedy a line.
std::string apparmor_remedies(const World& world, std::optional<ErrorCode> barrier = {}) {
    std::string all;
    for (const Remedy& remedy : remedies_for(ErrorCode::apparmor, world, barrier)) {
        all += remedy.where + " " + remedy.setting + "\n";
    }
    return all;
}

TEST(Remedies, AppArmorKeepsConfiningWithTheShippedProfile) {
    World world;
    world.engine = Engine::docker;
    const std::string named =
        "docker --security-opt apparmor=unconfined\n"
        "docker --security-opt apparmor=cginit (examples/apparmor)\n"
        "podman --security-opt apparmor=unconfined\n"
        "compose security_opt: [\"apparmor=unconfined\"]\n"
        "kubernetes securityContext: {appArmorProfile: {type: Unconfined}}\n"
        "podman --security-opt apparmor=cginit (examples/apparmor)\n"
        "host apparmor_parser -r examples/apparmor/cginit  # loads cginit\n";
    EXPECT_EQ(apparmor_remedies(world), named);
    world.has_sys_admin = true;
    world.initial_user_namespace = false;
    EXPECT_EQ(apparmor_remedies(world), named) << "it is worth nothing outside";
}

TEST(Remedies, WithTheHostsCapabilityTheShippedProfileIsNoGuard) {
    const std::string unconfined =
        "docker --security-opt apparmor=unconfined\n"
        "podman --security-opt apparmor=unconfined\n"
        "compose security_opt: [\"apparmor=unconfined\"]\n"
        "kubernetes securityContext: {appArmorProfile: {type: Unconfined}}\n";
    World world;
    world.has_sys_admin = true;
    EXPECT_EQ(apparmor_remedies(world), unconfined);
    world.has_sys_admin = false;
    world.bounds_sys_admin = true;
    EXPECT_EQ(apparmor_remedies(world), unconfined) << "what it starts as root has it";
    world.bounds_sys_admin = false;
    const std::string all = apparmor_remedies(world, ErrorCode::seccomp);
    EXPECT_NE(all.find("docker --security-opt apparmor=cginit (examples/apparmor), without SYS_ADMIN\n"),
              std::string::npos)
        << all << "SYS_ADMIN was named as the first cure before";
}

}  // namespace
}  // namespace cginit
