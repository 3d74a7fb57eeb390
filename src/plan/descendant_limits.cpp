#include "core/text.hpp"
#include "plan/builder.hpp"

namespace cginit {

/// With nsdelegate the kernel refuses these files at the root of one's own cgroup namespace (EPERM, cgroup_file_write() of
/// kernel/cgroup/cgroup.c): by now that root is the inner cgroup, and the engine's is written through the staged mount.
void plan_descendant_limits(PlanBuilder& builder) {
    const Decision& decision = builder.decision();
    for (const Stage& stage : builder.stages()) {
        if (!limits_descendants(*stage.choice, decision)) {
            continue;
        }
        Step& step = builder.add(
            Phase::prepare, LimitDescendants{stage.engine, decision.max_cgroups, decision.max_depth},
            "cgroups cost the host memory and ids; no real use needs more", RestoreDescendantLimits{stage.engine});
        step.parts = stage.level_parts();
        step.or_else = OrElse{{}, {}, concat({kUnlimitedCgroups, ": the limits in the engine's cgroup cannot be set"})};
    }
}

}  // namespace cginit
