#include "handoff/handoff_ops.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kId = "3aef12340123456789ab0123456789abffffffffffffffffffffffffffffffff";
constexpr const char* kUuid = "container_uuid=3aef1234-0123-4567-89ab-0123456789ab";

TEST(HandoffOps, CloseThenExecute) {
    struct Case {
        const char* name;
        Strings environment;
        int first;
        Strings init_environment;
    };
    InitCommand init;
    init.file = "/lib/systemd/systemd";
    init.argv = {"/sbin/init", "--log-level=debug", ""};
    for (const Case& c :
         std::vector<Case>{{"plain",
                            {"PATH=/bin", "CGINIT_LAYOUT=host"},
                            3,
                            {"PATH=/bin", "CGINIT_LAYOUT=host", "container=docker", kUuid}},
                           {"set already", {"container=x", "container_uuid=y"}, 3, {"container=x", "container_uuid=y"}},
                           {"socket activation",
                            {"LISTEN_FDS=2", "LISTEN_PID=1"},
                            5,
                            {"LISTEN_FDS=2", "LISTEN_PID=1", "container=docker", kUuid}},
                           {"another's sockets",
                            {"LISTEN_FDS=2", "LISTEN_PID=9"},
                            3,
                            {"LISTEN_FDS=2", "LISTEN_PID=9", "container=docker", kUuid}}}) {
        Invocation invocation;
        invocation.argv = {"/cginit", "/sbin/init"};
        invocation.environment = c.environment;
        const std::vector<Op> ops = handoff_ops(init, {"docker", kId}, {}, invocation, 1);
        const std::vector<Op> expected{CloseDescriptors{c.first}, ReleaseSignals{},
                                       ExecuteProgram{init.file, init.argv, c.init_environment}};
        EXPECT_EQ(ops, expected) << c.name;
    }
    const std::vector<Op> ops = handoff_ops(init, {"docker", kId}, {"cap_sys_admin"}, {}, 1);
    ASSERT_EQ(ops.size(), 4U);
    EXPECT_EQ(ops[1], Op(DropCapabilities{{"cap_sys_admin"}}));
    EXPECT_EQ(ops[2], Op(ReleaseSignals{})) << "the last thing before execve(2)";
}

}  // namespace
}  // namespace cginit
