#include "decide/controller_policy.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

struct GuardCase {
    std::vector<std::string> controllers;
    Tri memory_hierarchical;
    Guard guard;
};

TEST(ControllerPolicy, TheWeakestControllerDecides) {
    for (const GuardCase& c : {
             GuardCase{{"name=systemd"}, Tri::unknown, Guard::not_needed},
             {{"name=elogind"}, Tri::unknown, Guard::not_needed},
             {{"perf_event"}, Tri::unknown, Guard::not_needed},
             {{"cpuacct"}, Tri::unknown, Guard::inner},
             {{"cpu"}, Tri::unknown, Guard::inner},
             {{"cpu", "cpuacct"}, Tri::unknown, Guard::inner},
             {{"cpuset"}, Tri::unknown, Guard::inner},
             {{"devices"}, Tri::unknown, Guard::inner},
             {{"freezer"}, Tri::unknown, Guard::freezes},
             {{"hugetlb"}, Tri::unknown, Guard::inner},
             {{"misc"}, Tri::unknown, Guard::inner},
             {{"pids"}, Tri::unknown, Guard::inner},
             {{"dmem"}, Tri::unknown, Guard::inner},
             {{"rdma"}, Tri::unknown, Guard::inner},
             {{"blkio"}, Tri::unknown, Guard::impossible},
             {{"net_cls"}, Tri::unknown, Guard::impossible},
             {{"net_prio"}, Tri::unknown, Guard::impossible},
             {{"net_cls", "net_prio"}, Tri::unknown, Guard::impossible},
             {{"new_in_linux_9"}, Tri::unknown, Guard::impossible},
             {{"memory"}, Tri::yes, Guard::inner},
             {{"memory"}, Tri::no, Guard::impossible},
             {{"memory"}, Tri::unknown, Guard::unknown},
             {{"blkio", "memory"}, Tri::unknown, Guard::impossible},
             {{"memory", "net_cls"}, Tri::yes, Guard::impossible},
             {{"cpu", "memory"}, Tri::unknown, Guard::unknown},
             {{"memory", "pids"}, Tri::unknown, Guard::unknown},
             {{"cpuacct", "memory"}, Tri::yes, Guard::inner},
         }) {
        Hierarchy hierarchy;
        hierarchy.controllers = c.controllers;
        hierarchy.memory_hierarchical = c.memory_hierarchical;
        EXPECT_EQ(guard_of(hierarchy), c.guard) << hierarchy_name(hierarchy) << " " << to_string(c.memory_hierarchical);
    }
}

TEST(ControllerPolicy, ALimitOfTcpMemoryIsFlat) {
    for (const auto& [limited, guard] :
         {std::pair{Tri::yes, Guard::impossible}, {Tri::no, Guard::inner}, {Tri::unknown, Guard::inner}}) {
        Hierarchy hierarchy;
        hierarchy.controllers = {"memory"};
        hierarchy.memory_hierarchical = Tri::yes;
        hierarchy.tcp_memory_limited = limited;
        EXPECT_EQ(guard_of(hierarchy), guard) << to_string(limited);
        hierarchy.memory_hierarchical = Tri::unknown;
        EXPECT_EQ(guard_of(hierarchy) == Guard::impossible, limited == Tri::yes) << to_string(limited);
    }
}

TEST(ControllerPolicy, EveryLimitOfV2HoldsForChildren) {
    Hierarchy unified;
    unified.version = HierarchyVersion::v2;
    EXPECT_EQ(guard_of(unified), Guard::inner);
}

}  // namespace
}  // namespace cginit
