#include "decide/controller_policy.hpp"

#include <algorithm>
#include <array>

namespace cginit {
namespace {

struct Policy {
    std::string_view controller;
    Guard guard;
};

constexpr std::array<Policy, 14> kPolicies{{
    {"blkio", Guard::impossible},
    {"cpu", Guard::inner},
    {"cpuacct", Guard::not_needed},
    {"cpuset", Guard::inner},
    {"devices", Guard::inner},
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

}  // namespace

Guard guard_of(const Hierarchy& hierarchy) {
    if (hierarchy.version == HierarchyVersion::v2) {
        return Guard::inner;
    }
    Guard weakest = Guard::not_needed;
    for (const std::string& controller : hierarchy.controllers) {
        Guard guard = guard_of_controller(controller);
        if (controller == "memory" && hierarchy.memory_hierarchical != Tri::yes) {
            guard = hierarchy.memory_hierarchical == Tri::no ? Guard::impossible : Guard::unknown;
        }
        weakest = std::max(weakest, guard);
    }
    return weakest;
}

}  // namespace cginit
