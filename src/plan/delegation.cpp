#include <algorithm>

#include "core/path.hpp"
#include "plan/builder.hpp"

namespace cginit {

// What systemd does for itself, for inits that do not.

void plan_leaf(PlanBuilder& builder, const Stage& stage) {
    if (stage.choice->leaf.empty()) {
        return;
    }
    const std::string leaf = join_path(stage.view, stage.choice->leaf);
    builder
        .add(Phase::prepare, MakeCgroup{leaf}, "controllers are enabled only where no process is", RemoveCgroup{leaf})
        .parts = stage.parts();
    builder
        .add(Phase::prepare, MoveProcesses{stage.view, leaf}, "the root is left to its children",
             MoveProcesses{leaf, stage.view})
        .parts = stage.parts();
    builder
        .add(Phase::prepare, EnableControllers{stage.view, leaf, builder.decision().delegation.controllers},
             "the init does not do it itself", DisableControllers{stage.view})
        .parts = stage.parts();
}

void plan_usable_cpuset(PlanBuilder& builder, const Stage& stage) {
    const Delegation& delegation = builder.decision().delegation;
    const auto& wanted = delegation.controllers;
    if (!delegation.wanted || !has_controller(*stage.hierarchy, "cpuset") ||
        (!wanted.empty() && std::find(wanted.begin(), wanted.end(), "cpuset") == wanted.end())) {
        return;
    }
    // cpuset(7): with it a new child has its parent's CPUs and memory nodes, else none, and takes no process (ENOSPC).
    builder
        .add(Phase::prepare, WriteCgroupFile{join_path(stage.init_directory(), "cgroup.clone_children"), "1"},
             "children of it take processes at once", "gone with the cgroup")
        .parts = stage.level_parts();
}

}  // namespace cginit
