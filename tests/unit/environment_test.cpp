#include "handoff/handoff_ops.hpp"

#include <gtest/gtest.h>

#include "cginit/invocation.hpp"

namespace cginit {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kId = "3aef12340123456789ab0123456789abffffffffffffffffffffffffffffffff";
constexpr const char* kUuid = "container_uuid=3aef1234-0123-4567-89ab-0123456789ab";

TEST(InitEnvironment, AddsWhatIsMissing) {
    EXPECT_EQ(init_environment({"B=1", "A=2"}, {"docker", kId}), Strings({"B=1", "A=2", "container=docker", kUuid}));
    EXPECT_EQ(init_environment({}, {"oci", ""}), Strings({"container=oci"}));
}

TEST(InitEnvironment, LeavesWhatIsThere) {
    const Strings set = {"container=podman", "container_uuid=x", "CGINIT_LAYOUT=host", "A", "=b", ""};
    EXPECT_EQ(init_environment(set, {"docker", kId}), set);
    EXPECT_EQ(init_environment({"container="}, {"docker", ""}), Strings({"container="}));
    EXPECT_EQ(init_environment({"container"}, {"docker", ""}), Strings({"container", "container=docker"}));
    EXPECT_EQ(init_environment({"container_uuid=x"}, {"docker", kId}),
              Strings({"container_uuid=x", "container=docker"}));
}

TEST(InitEnvironment, IdWithTooFewDigitsGivesNoUuid) {
    for (const char* id : {"3aef", "3aef12340123456789ab0123456789a", "web-1aef12340123456789ab0123456789ab"}) {
        EXPECT_EQ(init_environment({}, {"lxc", id}), Strings({"container=lxc"})) << id;
    }
    EXPECT_EQ(init_environment({}, {"lxc", std::string(kId).substr(0, 32)}), Strings({"container=lxc", kUuid}));
}

TEST(InitEnvironment, DropsAnothersPidfdId) {
    const auto handed_on = [](const Strings& environment, std::optional<std::uint64_t> own) {
        return init_environment(environment, {"oci", "", own});
    };
    const Strings given = {"LISTEN_FDS=1", "LISTEN_PIDFDID=7", "container=oci"};
    EXPECT_EQ(handed_on(given, 7), given);
    for (const std::optional<std::uint64_t> own : {std::optional<std::uint64_t>(8), {}}) {
        EXPECT_EQ(handed_on(given, own), Strings({"LISTEN_FDS=1", "container=oci"}));
    }
    EXPECT_EQ(handed_on({"LISTEN_PIDFDID=x7", "container=oci"}, 7), Strings({"container=oci"}));
    EXPECT_EQ(handed_on({"LISTEN_PIDFDIDX=8", "container=oci"}, 7), Strings({"LISTEN_PIDFDIDX=8", "container=oci"}));
}

TEST(ListenFds, FirstFdToClose) {
    struct Case {
        Strings environment;
        int first;
    };
    for (const Case& c : {Case{{}, 3},
                          {{"LISTEN_FDS=2"}, 5},
                          {{"LISTEN_FDS=2", "LISTEN_PID=1"}, 5},
                          {{"LISTEN_FDS=2", "LISTEN_PID=7"}, 3},
                          {{"LISTEN_FDS=2", "LISTEN_PID="}, 3},
                          {{"LISTEN_FDS=2", "LISTEN_PID=-1"}, 3},
                          {{"LISTEN_FDS=0"}, 3},
                          {{"LISTEN_FDS="}, 3},
                          {{"LISTEN_FDS=-1"}, 3},
                          {{"LISTEN_FDS=two"}, 3},
                          {{"LISTEN_FDS=2 "}, 3},
                          {{"LISTEN_FDS=2147483647"}, 3},
                          {{"LISTEN_FDS=4294967297"}, 3},
                          {{"LISTEN_FDSX=2"}, 3},
                          {{"LISTEN_FDS=1", "LISTEN_FDS=9"}, 4}}) {
        EXPECT_EQ(first_fd_to_close(c.environment, 1), c.first) << testing::PrintToString(c.environment);
    }
    EXPECT_EQ(first_fd_to_close({"LISTEN_FDS=1", "LISTEN_PID=18446744073709551615"}, -1), 3);
}

TEST(Invocation, OwnName) {
    for (const char* name : {"/cginit", "cginit", "./cginit-static", "/usr/bin/cginit-1.0"}) {
        EXPECT_TRUE(is_own_name(name)) << name;
    }
    for (const char* name : {"/sbin/init", "init", "systemd", "/cginit/init", "", "/"}) {
        EXPECT_FALSE(is_own_name(name)) << name;
    }
}

}  // namespace
}  // namespace cginit
