#include "decide/controller_policy.hpp"

#include <algorithm>
#include <array>

namespace cginit {
namespace {

struct Policy {
    std::string_view controller;
    Guard guard;
};

constexpr std::array<Policy, 15> kPolicies{{
    {"blkio", Guard::impossible},
    {"cpu", Guard::inner},
    {"cpuacct", Guard::inner},  // it limits nothing; but cpuacct.usage can be set back to 0, and engines bill by it
    {"cpuset", Guard::inner},
    {"devices", Guard::inner},
    {"dmem", Guard::inner},
    {"freezer", Guard::freezes},
    {"hugetlb", Guard::inner},
    {"memory", Guard::inner},
    {"misc", Guard::inner},
    {"net_cls", Guard::impossible},
    {"net_prio", Guard::impossible},
    {"perf_event", Guard::not_needed},
    {"pids", Guard::inner},
    {"rdma", Guard::inner},
}};

Guard guard_of_controller(const std::string& controller) {
    // Named hierarchies only track processes.
    if (controller.starts_with("name=")) {
        return Guard::not_needed;
    }
    const auto* policy = std::find_if(kPolicies.begin(), kPolicies.end(), [&controller](const Policy& candidate) {
        return candidate.controller == controller;
    });
    return policy == kPolicies.end() ? Guard::impossible : policy->guard;
}

/// A socket is charged only where its own cgroup was once given a limit of TCP memory: mm/memcontrol.c,
/// mem_cgroup_sk_alloc(), `tcpmem_active`. A child starts without one.
Guard guard_of_memory(const Hierarchy& hierarchy) {
    if (hierarchy.memory_hierarchical == Tri::no || hierarchy.tcp_memory_limited == Tri::yes) {
        return Guard::impossible;
    }
    return hierarchy.memory_hierarchical == Tri::yes ? Guard::inner : Guard::unknown;
}

}  // namespace

Guard guard_of(const Hierarchy& hierarchy) {
    if (hierarchy.version == HierarchyVersion::v2) {
        return Guard::inner;
    }
    Guard weakest = Guard::not_needed;
    for (const std::string& controller : hierarchy.controllers) {
        Guard guard = guard_of_controller(controller);
        if (controller == "memory") {
            guard = guard_of_memory(hierarchy);
        }
        weakest = std::max(weakest, guard);
    }
    return weakest;
}

}  // namespace cginit
