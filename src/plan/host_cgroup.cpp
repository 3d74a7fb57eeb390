#include "core/path.hpp"
#include "plan/builder.hpp"

namespace cginit {

void join_host_cgroup(PlanBuilder& builder, const Stage& stage) {
    const std::string made = join_path(stage.engine, builder.decision().host_cgroup_name);
    const std::string before = join_path(stage.engine, stage.choice->engine_cgroup);
    Step& make = builder.add(Phase::prepare, MakeCgroup{made},
                             "the engine gave the container no cgroup of its own here", RemoveCgroup{made});
    make.scope = Scope::host;
    make.parts = stage.host_parts();
    // Found there, it is this container's of before a restart, or another's that passes for the same.
    builder.add(Phase::prepare, AssertUnpopulated{made}, "two containers must never share one", kNothingToUndo).parts =
        stage.host_parts();
    // Never all processes of the cgroup, as elsewhere: these are the host's.
    builder.add(Phase::prepare, JoinCgroup{made}, "the init sits there, and nobody else", JoinCgroup{before}).parts =
        stage.host_parts();
}

void plan_tracking_hierarchy(PlanBuilder& builder) {
    for (const Stage& stage : builder.stages()) {
        if (stage.choice->host_cgroup == HostCgroup::no || stage.hierarchy->version == HierarchyVersion::v2) {
            continue;
        }
        builder.add(Phase::prepare, MakeDirectory{stage.engine}, "a place for the hierarchy", kGoneWithWorkbench)
            .parts = stage.parts();
        Step& mount =
            builder.add(Phase::prepare, cgroup_mount(*stage.hierarchy, stage.engine, false),
                        "only a mount in the host's cgroup namespace makes a hierarchy", DetachMount{stage.engine});
        mount.scope = Scope::host;
        mount.parts = stage.parts();
        join_host_cgroup(builder, stage);
    }
}

}  // namespace cginit
