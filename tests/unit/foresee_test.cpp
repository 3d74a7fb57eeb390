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

/// A pod with hostPID: who follows the first cure has PID 1 and processes of his own.
TEST(Foresee, WhoBecomesPid1LeavesTheHostsProcesses) {
    Snapshot snapshot = docker_v2();
    snapshot.pid = 4711;
    snapshot.namespaces["pid"] = kInitialPidNamespace;
    snapshot.pid1_mounts = Tri::no;
    ASSERT_EQ(classify(snapshot).host_processes, Tri::yes);
    EXPECT_EQ(codes_of(foresee(classify(snapshot), {}).missing), Codes{ErrorCode::not_pid1});
}

TEST(Foresee, AUserThatIsNotRootIsNotToldToAddWhatIsThere) {
    Snapshot snapshot = docker_v2();
    snapshot.status.effective_capabilities = 0;
    snapshot.status.bounding_capabilities = kWithSysAdmin;
    snapshot.status.uid = 1000;
    const Prospect prospect = foresee(classify(snapshot), {});
    EXPECT_EQ(codes_of(prospect.missing), Codes{ErrorCode::not_root});
    EXPECT_EQ(prospect.missing.front().cures, Cures{CureId::run_as_root});
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

TEST(Foresee, SecurityModulesByTheKindOfTheirRules) {
    struct Row {
        const char* label;
        Codes suspected;
        Codes possible;
    };
    const std::vector<Row> rows = {
        {"", {}, {}},
        {"unconfined", {}, {}},
        {"docker-default (enforce)", {ErrorCode::apparmor}, {}},
        {"docker-default (complain)", {}, {}},
        {"containers-default-0.50.1 (enforce)", {ErrorCode::apparmor}, {}},
        {"cri-containerd.apparmor.d (enforce)", {ErrorCode::apparmor}, {}},
        {"nerdctl-default (enforce)", {ErrorCode::apparmor}, {}},
        {"lxc-container-default-cgns (enforce)", {ErrorCode::apparmor}, {}},
        {"lxc-container-default-with-nesting (enforce)", {}, {}},
        {"cginit (enforce)", {}, {}},
        {"my-own-profile (enforce)", {}, {ErrorCode::apparmor}},
        {"system_u:system_r:container_t:s0:c1,c2", {ErrorCode::selinux}, {}},
        {"system_u:system_r:container_kvm_t:s0:c1,c2", {ErrorCode::selinux}, {}},
        {"system_u:system_r:container_engine_t:s0:c1,c2", {}, {ErrorCode::selinux}},
        {"system_u:system_r:svirt_lxc_net_t:s0:c123,c456", {ErrorCode::selinux}, {}},
        {"system_u:system_r:spc_t:s0", {}, {}},
        {"system_u:system_r:container_t", {ErrorCode::selinux}, {}},  // a policy without levels
        {"docker-default//&:lxd-c1_<var-lib-lxd>:unconfined (enforce)", {ErrorCode::apparmor}, {}},
        {"a:b:c:d (enforce)", {}, {ErrorCode::apparmor}},
        {"unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023", {}, {}},
        {"system_u:system_r:my_own_t:s0", {}, {ErrorCode::selinux}},
    };
    for (const Row& row : rows) {
        Snapshot snapshot = docker_v1_private();
        snapshot.security_label = row.label;
        const Prospect prospect = foresee(classify(snapshot), {});
        EXPECT_EQ(codes_of(prospect.suspected), row.suspected) << row.label;
        EXPECT_EQ(codes_of(prospect.possible), row.possible) << row.label;
    }
}

TEST(Foresee, UbuntuLeavesNoCapabilityToWhomNoProfileConfines) {
    Snapshot snapshot = plain(docker_v2());
    snapshot.security_label = "unconfined";
    snapshot.user_namespaces.possible = Tri::yes;
    snapshot.restricts_user_namespaces = Tri::yes;
    EXPECT_EQ(codes_of(foresee(classify(snapshot), {}).suspected), Codes{ErrorCode::apparmor});
    snapshot.restricts_user_namespaces = Tri::no;
    EXPECT_EQ(codes_of(foresee(classify(snapshot), {}).suspected), Codes{});
    snapshot.restricts_user_namespaces = Tri::yes;
    snapshot.security_label = "cginit (enforce)";
    EXPECT_EQ(codes_of(foresee(classify(snapshot), {}).suspected), Codes{});
    snapshot.security_label = "unconfined";
    snapshot.status.effective_capabilities = kWithSysAdmin;
    EXPECT_EQ(codes_of(foresee(classify(snapshot), {}).suspected), Codes{}) << "no user namespace is made";
}

TEST(Foresee, OfAnOuterContainersProfileNoEngineInItDecides) {
    Snapshot snapshot = docker_v2();
    snapshot.security_label = "lxc-container-default-cgns (enforce)";
    World world = classify(snapshot);
    EXPECT_EQ(foresee(world, {}).suspected.front().cures, Cures{CureId::outer_nesting});
    world.place = Place::lxc;
    EXPECT_EQ(foresee(world, {}).suspected.front().cures, (Cures{CureId::no_apparmor, CureId::apparmor_profile}));
}

TEST(Foresee, RootIsImaginedWithWhatTheContainerMayHave) {
    Snapshot snapshot = docker_v2();
    snapshot.status.effective_capabilities = 0;
    snapshot.status.bounding_capabilities = kDefaultCapabilities;
    snapshot.status.uid = 1000;
    snapshot.uid_map = "         0          1       1000\n      1000          0          1\n";
    snapshot.gid_map = snapshot.uid_map;
    snapshot.user_namespaces = {Tri::yes, 0};
    snapshot.directories["/sys/fs/cgroup"].delegated = Tri::no;
    const Prospect prospect = foresee(classify(snapshot), {});
    EXPECT_EQ(codes_of(prospect.missing), Codes{ErrorCode::not_root}) << "it maps ids, and the cgroup may be its own";
    EXPECT_EQ(prospect.decision->authority, Authority::user_namespace);
}

TEST(Foresee, AnInitThatNeedsNoCgroupsIsNotToldToBecomeRoot) {
    Snapshot snapshot = docker_v2();
    snapshot.status.effective_capabilities = 0;
    snapshot.status.uid = 1000;
    snapshot.init = {InitKind::s6, {}, {}};
    EXPECT_EQ(foresee(classify(snapshot), {}).missing.front().cures, (Cures{CureId::do_without, CureId::run_as_root}));
    EXPECT_EQ(codes_of(foresee(classify(snapshot), {}).missing), Codes{ErrorCode::not_root});
    snapshot.init = {InitKind::systemd, 252, {}};
    EXPECT_EQ(foresee(classify(snapshot), {}).missing.front().cures, Cures{CureId::run_as_root});
}

TEST(Notes, WhatMayRefuseIsANote) {
    Snapshot snapshot = docker_v2();
    snapshot.security_label = "my-own-profile (enforce)";
    const Explanation explanation = explain_facts(snapshot, {}, {});
    EXPECT_TRUE(explanation.missing.empty());
    ASSERT_EQ(codes_of(explanation.notes), Codes{ErrorCode::apparmor});
    EXPECT_EQ(
        explanation.notes.front().error.message(),
        "AppArmor's profile my-own-profile (enforce) may refuse mounts; add --security-opt apparmor=unconfined, or add "
        "--security-opt apparmor=cginit with that profile loaded (examples/apparmor/cginit)");
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
        explain_failure(make_error(ErrorCode::no_proc, "open /proc/self/mountinfo", {"mount it"}));
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

}  // namespace
}  // namespace cginit
