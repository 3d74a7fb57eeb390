#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "advice/advice.hpp"
#include "cginit/prospect.hpp"
#include "core/text.hpp"
#include "golden/expected_file.hpp"
#include "golden/promises.hpp"
#include "golden/replay.hpp"
#include "report/text.hpp"

// What is expected byte for byte, in tests/golden/expected: of each capture what was understood of it; of each case one line that
// says what was decided; and the plans and explanations that are worth reading. CGINIT_UPDATE_GOLDEN=1 rewrites the files; the
// review reads the difference. All cases are held by the properties (plan_property_test.cpp).

namespace cginit {

namespace {

/// One for each way that a plan can go.
const std::set<std::string> kPlans = {
    "docker-comount-capsysadmin.userns",
    "docker-unified-capsysadmin-cgroupns-host.delegate-all",
    "docker-unified-capsysadmin-cgroupns-host.systemd-219-host-cgroup",
    "docker-unified-capsysadmin.default",
    "host-v2-podman-systemd-always.none-inner-never",
    "docker-unified-capsysadmin.volume-sys-rw-kept",
    "docker-unified-privileged.ttys",
    "docker-usernsremap-unified-default.delegated",
    "docker-v1-capsysadmin-cgroupns-private.remount-inner-never",
    "docker-v1-capsysadmin-cgroupns-private.systemd-262-host-cgroup",
    "docker-v1-privileged.default",
    "docker-v1hybrid-capsysadmin-volcgroup-rw.bind",
    "docker-v1hybrid-capsysadmin-volcgroup-rw.rshared",
    "docker-v1hybrid-capsysadmin.busybox-layout-hybrid",
    "docker-v1hybrid-capsysadmin.systemd-262",
    "host-hybrid-docker-nsprivate-sysadmin-noapparmor.default",
    "host-hybrid-podman-rootless-systemd-always.with-sys-admin",
    "host-v1-docker-nsdefault-sysadmin-noapparmor.default",
    "host-v1-docker-nsdefault-sysadmin-noapparmor.writable-list",
    "host-v1-podman-systemd-always.with-sys-admin",
    "host-v2-docker-limits-sysadmin-noapparmor.default",
    "host-v2-docker-nsdefault-plain.default",
    "host-v2-docker-nshost-sysadmin.busybox",
    "host-v2-docker-nshost-sysadmin.drop-cap",
    "host-v2-docker-nsprivate-sysadmin.places",
    "host-v2-podman-rootless-default.default",
    "podman-unified-crun-systemd-always.default",
    "podman-v1-crun-capsysadmin-systemd-always.inner-never",
    "rootless-podman-unified-deleg-crun-default.places",
};

/// One for each thing that can be missing.
const std::set<std::string> kExplanations = {
    "docker-unified-capsysadmin",
    "docker-unified-default",
    "docker-usernsremap-hybrid-capsysadmin",
    "docker-v1-default",
    "docker-v1hybrid-capsysadmin-user1000",
    "field-alpine-v1-own-v2-privileged",
    "field-centos7-v1-selinux",
    "field-chromeos-v1-podman-in-lxc",
    "field-crio-v2-hostusers-false",
    "field-docker-rootless-v2-undelegated",
    "field-ecs-v1-default",
    "field-github-v2-job",
    "field-gvisor-no-cgroups",
    "field-lxd-v1-nothing-mounted",
    "field-nerdctl-v2-capsysadmin-volcgroup-ro",
    "field-nomad-v2-default",
    "field-openshift-v1-restricted-s6",
    "field-openvz-v1-no-tracking",
    "field-podman-rootless-v1-in-pod",
    "field-proxmox-docker-in-lxc",
    "field-synology-v1-nothing-mounted",
    "field-talos-v1-default",
    "field-v1-one-hierarchy",
    "field-wsl2-v1-capsysadmin",
    "host-hybrid-docker-nshost-sysadmin",
    "host-hybrid-docker-nsprivate-cgro",
    "host-hybrid-podman-cgroups-disabled",
    "host-hybrid-podman-rootless-sysadmin",
    "host-v1-docker-nshost-privileged",
    "host-v1-docker-nsprivate-cgrw",
    "host-v2-docker-nsdefault-plain",
    "host-v2-docker-nshost-cgro",
    "host-v2-docker-remap-nshost",
    "host-v2-no-container",
    "host-v2-podman-cgroups-disabled",
    "host-v2-podman-rootless-default",
    "host-v2-session-own-mounts",
    "podman-unified-crun-capsysadmin-selinux",
    "podman-unified-crun-systemd-always",
};

/// Without their numbers, which all change with one step more.
std::string without_numbers(const std::string& plan) {
    std::string text;
    for (const std::string& line : split(plan, '\n')) {
        const std::size_t dot =
            line.find_first_not_of("0123456789", std::min(line.find_first_not_of(' '), line.size()));
        const bool is_step = dot != std::string::npos && dot > 0 && line[dot - 1] != ' ' && line.substr(dot, 2) == ". ";
        text += concat({is_step ? concat({"  - ", line.substr(dot + 2)}) : line, "\n"});
    }
    text.pop_back();  // what split() makes of the last line's end
    return text;
}

std::string access_text(const HierarchyDecision& choice) {
    std::string text = concat({choice.name, " ", to_string(choice.access)});
    for (const auto& [holds, word] : {std::pair{choice.inner, " inner"},
                                      {choice.assert_not_real_root, " asserted"},
                                      {choice.host_cgroup != HostCgroup::no, " host-cgroup"},
                                      {!choice.leaf.empty(), " leaf"}}) {
        text += holds ? word : "";
    }
    return text;
}

/// `host-v2-docker-nsdefault-plain.default: unified by userns; unified writable inner`
std::string decision_line(const Case& which, const Replay& replay) {
    if (!replay.decision) {
        const std::size_t code = replay.text.rfind("(CG-");
        return concat({which.name(), ": refused ", replay.text.substr(std::min(code, replay.text.size()))});
    }
    std::string text =
        concat({which.name(), ": ", to_string(replay.decision->layout), " by ", to_string(method_of(*replay.decision)),
                replay.plan.steps.empty() ? ", nothing to do" : ""});
    for (const HierarchyDecision& choice : replay.decision->hierarchies) {
        text += concat({"; ", access_text(choice)});
    }
    return text + "\n";
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, Plan) {
    const std::vector<Case> all = cases();
    const auto which = std::find_if(all.begin(), all.end(), [](const Case& one) { return one.name() == GetParam(); });
    ASSERT_NE(which, all.end()) << GetParam();
    const std::string difference = compare_with_expected(GetParam(), without_numbers(replay(*which).text));
    EXPECT_TRUE(difference.empty()) << GetParam() << "\n" << difference;
}

INSTANTIATE_TEST_SUITE_P(Captures, Golden, ::testing::ValuesIn(kPlans),
                         [](const auto& param) { return test_name(param.param); });

TEST(GoldenDecisions, OneLineACase) {
    std::string text;
    for (const Case& which : cases()) {
        text += decision_line(which, replay(which));
    }
    EXPECT_EQ(compare_with_expected("decisions", text), "");
}

TEST(GoldenDecisions, EachErrorNamesCuresOfItsProblem) {
    for (const Case& which : cases()) {
        const Prospect prospect = foresee(replay(which).world, which.variant.options);
        for (const std::vector<Error>& errors : {prospect.missing, prospect.suspected}) {
            for (const Error& error : errors) {
                EXPECT_FALSE(error.cures.empty()) << which.name() << ": " << error.line();
                for (const Cure& cure : error.cures) {
                    EXPECT_TRUE(is_cure_of(error.code, cure.id)) << which.name() << ": " << error.line();
                }
            }
        }
    }
}

class GoldenFacts : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenFacts, World) {
    const std::string name = GetParam() + ".facts";
    const Case as_captured{GetParam(), {"default", {}, {}}};
    const std::string difference = compare_with_expected(name, world_text(replay(as_captured).world));
    EXPECT_TRUE(difference.empty()) << name << "\n" << difference;
}

INSTANTIATE_TEST_SUITE_P(Captures, GoldenFacts, ::testing::ValuesIn(captures()),
                         [](const auto& param) { return test_name(param.param); });

class Explanation : public ::testing::TestWithParam<std::string> {};

TEST_P(Explanation, IsForATerminalAndAsExpected) {
    Snapshot snapshot = replay(Case{GetParam(), {"default", {}, {}}}).snapshot;
    if (snapshot.init == InitTraits{}) {
        // The capture does not say which init there was.
        snapshot.init = {InitKind::systemd, 252, {}};
    }
    const std::string text = explanation_of(snapshot);
    for (const std::string& line : split(text, '\n')) {
        // A word that is longer, such as a path, is not broken.
        EXPECT_TRUE(line.size() <= TextStyle{}.width || trim(line).find(' ') == std::string::npos) << line;
    }
    if (kExplanations.contains(GetParam())) {
        EXPECT_EQ(compare_with_expected(GetParam() + ".explain", text), "");
    }
}

INSTANTIATE_TEST_SUITE_P(Captures, Explanation, ::testing::ValuesIn(captures()),
                         [](const auto& param) { return test_name(param.param); });

TEST(GoldenFiles, NoneIsLeftOver) {
    std::set<std::string> wanted{"decisions.txt"};
    std::set<std::string> names;
    for (const Case& which : cases()) {
        EXPECT_TRUE(names.insert(which.name()).second) << which.name() << " is there twice";
    }
    for (const std::string& plan : kPlans) {
        wanted.insert(plan + ".txt");
    }
    for (const std::string& capture : captures()) {
        wanted.insert(capture + ".facts.txt");
    }
    for (const std::string& capture : kExplanations) {
        wanted.insert(capture + ".explain.txt");
    }
    const std::set<std::string> there = expected_files();
    for (const std::string& file : wanted) {
        EXPECT_TRUE(there.contains(file)) << file << " is of no capture, or was not written";
    }
    for (const std::string& file : there) {
        EXPECT_TRUE(wanted.contains(file) || remove_expected(file)) << file << " belongs to nothing";
    }
}

TEST(GoldenFiles, EveryCaseIsOfACaptureThatIsThere) {
    const std::vector<std::string> names = captures();
    const std::set<std::string> there(names.begin(), names.end());
    for (const Case& which : cases()) {
        EXPECT_EQ(there.count(which.capture), 1U) << which.capture;
    }
}

TEST(GoldenFiles, Difference) {
    EXPECT_EQ(difference("a\nb\nc\n", "a\nb\nc\n"), "");
    EXPECT_EQ(difference("a\nb\nc\n", "a\nX\nc\n"), "@@ line 2\n-b\n+X\n");
    EXPECT_EQ(difference("a\nc\n", "a\nb\nc\n"), "@@ line 2\n+b\n");
    EXPECT_EQ(difference("a\na\n", "a\n"), "@@ line 2\n-a\n");
    EXPECT_EQ(difference("a\n", "a"), "@@ line 2\n-\n");
    EXPECT_EQ(difference("", "a\n"), "@@ line 1\n+a\n+\n");
}

}  // namespace
}  // namespace cginit
