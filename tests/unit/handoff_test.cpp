#include "handoff/handoff_ops.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kId = "3aef12340123456789ab0123456789abffffffffffffffffffffffffffffffff";
constexpr const char* kUuid = "container_uuid=3aef1234-0123-4567-89ab-0123456789ab";

TEST(HandoffOps, ReleaseThenExecute) {
    struct Case {
        const char* name;
        Strings environment;
        Strings init_environment;
    };
    InitCommand init;
    init.file = "/lib/systemd/systemd";
    init.path = "/sbin/init";
    init.argv = {"/sbin/init", "--log-level=debug", ""};
    for (const Case& c :
         std::vector<Case>{{"plain",
                            {"PATH=/bin", "CGINIT_LAYOUT=host"},
                            {"PATH=/bin", "CGINIT_LAYOUT=host", "container=docker", kUuid}},
                           {"set already", {"container=x", "container_uuid=y"}, {"container=x", "container_uuid=y"}}}) {
        Invocation invocation;
        invocation.argv = {"/cginit", "/sbin/init"};
        invocation.environment = c.environment;
        const std::vector<Op> ops = handoff_ops(init, {"docker", kId}, {}, invocation);
        const std::vector<Op> expected{ReleaseUmask{}, ReleaseSignals{},
                                       ExecuteProgram{init.path, init.argv, c.init_environment}};
        EXPECT_EQ(ops, expected) << c.name;
    }
    const std::vector<Op> ops = handoff_ops(init, {"docker", kId}, {"cap_sys_admin"}, {});
    ASSERT_EQ(ops.size(), 4U);
    EXPECT_EQ(ops[0], Op(DropCapabilities{{"cap_sys_admin"}}));
    EXPECT_EQ(ops[2], Op(ReleaseSignals{})) << "the last thing before execve(2)";
}

TEST(DescriptorsToClose, WhatIsNotForTheInitAndWhatLeadsOut) {
    struct Case {
        const char* name;
        Strings environment;
        CloseDescriptors expected;
    };
    const std::vector<InheritedDescriptor> inherited{
        {1, DescriptorKind::cgroup}, {4, DescriptorKind::directory}, {7, DescriptorKind::name_space}};
    for (const Case& c : std::vector<Case>{
             {"plain", {}, {3, {1}}},
             {"socket activation", {"LISTEN_FDS=2", "LISTEN_PID=1"}, {5, {1, 4}}},
             {"another's sockets", {"LISTEN_FDS=2", "LISTEN_PID=9"}, {3, {1}}},
             {"an image that wants all", {"LISTEN_FDS=1000"}, {1003, {1, 4, 7}}},
         }) {
        EXPECT_EQ(descriptors_to_close(c.environment, 1, inherited), c.expected) << c.name;
    }
    EXPECT_EQ(descriptors_to_close({"LISTEN_FDS=1"}, 1, {}), CloseDescriptors{4});
}

}  // namespace
}  // namespace cginit
