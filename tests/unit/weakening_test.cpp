#include "decide/stages.hpp"

#include <gtest/gtest.h>

#include "cli/options_parser.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

using Strings = std::vector<std::string>;

Strings weakened(const Snapshot& snapshot, Strings arguments, const Strings& environment = {}) {
    arguments.insert(arguments.begin(), "/cginit");
    const Options options = *parse_command_line({arguments, environment, "/cginit"}).value().options;
    const Result<Decision> decision = decide(classify(snapshot), options);
    EXPECT_TRUE(decision) << decision.error().message();
    return decision ? decision->weakened : Strings{"refused"};
}

TEST(Weakening, EachSettingWithWhatSetIt) {
    struct Case {
        Strings arguments;
        Strings environment;
        Strings expected;
    };
    for (const Case& c : std::vector<Case>{
             {{}, {}, {}},
             {{},
              {"CGINIT_METHOD=remount", "CGINIT_INNER=never"},
              {"inner=never (CGINIT_INNER)", "method=remount (CGINIT_METHOD)"}},
             {{"--method=auto"}, {"CGINIT_METHOD=remount", "CGINIT_INNER=never"}, {"inner=never (CGINIT_INNER)"}},
             {{"--inner=never"}, {"CGINIT_INNER=auto"}, {"inner=never (command line)"}},
             {{"--ignore-variables"}, {"CGINIT_INNER=never"}, {}},
             {{"--keep-mount=/a", "--keep-mount=/b"}, {}, {"keep-mount=/a:/b (command line)"}},
             {{}, {"CGINIT_ALLOW_HOST_CGROUP=1"}, {"allow-host-cgroup (CGINIT_ALLOW_HOST_CGROUP)"}},
             {{}, {"CGINIT_ALLOW_HOST_CGROUP=0"}, {}},
             {{"--on-failure=continue"}, {}, {"on-failure=continue (command line)"}},
             {{"--method=bind"}, {}, {"method=bind (command line)"}},
             {{}, {"CGINIT_WRITABLE=memory,blkio"}, {"writable=memory,blkio (CGINIT_WRITABLE)"}},
             {{"--writable=memory"}, {}, {}},
             {{"--max-cgroups=4096", "--max-depth=4"}, {"CGINIT_MAX_CGROUPS=max"}, {}},
             {{"--max-depth=16"},
              {"CGINIT_MAX_CGROUPS=max"},
              {"max-cgroups=max (CGINIT_MAX_CGROUPS)", "max-depth=16 (command line)"}},
             {{"--writable=tracking", "--tmpfs=never", "--sys=keep", "--drop-cap=SYS_ADMIN"}, {}, {}},
         }) {
        Snapshot snapshot = docker_v1();
        snapshot.status.effective_capabilities |= 1U << 8U;
        EXPECT_EQ(weakened(snapshot, c.arguments, c.environment), c.expected) << testing::PrintToString(c.arguments);
    }
    EXPECT_EQ(weakened(docker_v1_private(), {"--method=bind"}), Strings{}) << "in a namespace it leads no further";
}

}  // namespace
}  // namespace cginit
