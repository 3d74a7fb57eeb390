#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"
#include "plan/builder.hpp"

namespace cginit {
namespace {

std::string old_place(std::size_t number) { return join_path(kWorkbench, concat({"old-", std::to_string(number)})); }

bool in_user_namespace(const PlanBuilder& builder) { return builder.decision().authority == Authority::user_namespace; }

/// Private first, always: an unmount in a tree with peers is carried to them, mount_namespaces(7).
void cut_off_peers(PlanBuilder& builder) {
    const World& world = builder.world();
    builder.make_private(mount_holding(world.mounts, kWorkbench));
    for (const Replacement& replacement : replacements(builder)) {
        builder.make_private(mount_below(world.mounts, replacement.point));
        for (const std::string& point : replacement.carried) {
            builder.make_private(mount_below(world.mounts, point));
        }
    }
    if (!rebuilds_view(builder.decision())) {
        return;
    }
    builder.make_private(mount_below(world.mounts, kCgroupRoot));
    for (const MountEntry& mount : world.mounts) {
        if (is_at_or_below(mount.point, kCgroupRoot)) {
            builder.make_private(&mount);
        }
    }
    for (const std::string& point : builder.decision().detach_elsewhere) {
        builder.make_private(mount_below(world.mounts, point));
        builder.make_private(visible_mount_at(world.mounts, point));
    }
}

void plan_aside(PlanBuilder& builder) {
    std::vector<std::string> points(stack_at(builder.world().mounts, kCgroupRoot).size(), kCgroupRoot);
    const auto& elsewhere = builder.decision().detach_elsewhere;
    points.insert(points.end(), elsewhere.begin(), elsewhere.end());
    for (std::size_t i = 0; i < points.size(); ++i) {
        const std::string place = old_place(i);
        builder.add(Phase::aside, MakeDirectory{place}, "a place for the engine's mounts", kGoneWithWorkbench);
        builder.add(Phase::aside, MoveMount{points[i], place}, "keep the engine's view until all is proved",
                    MoveMount{place, points[i]});
    }
}

void plan_switch(PlanBuilder& builder) {
    if (rebuilds_view(builder.decision())) {
        const std::string view = join_path(kWorkbench, "new");
        builder.add(Phase::switch_, MoveMount{view, kCgroupRoot}, "the new view, whole, in one move",
                    MoveMount{kCgroupRoot, view});
    }
    if (in_user_namespace(builder)) {
        plan_cover(builder);
    }
    plan_replace(builder);
    plan_sys(builder);
}

void plan_remount(PlanBuilder& builder) {
    for (const Stage& stage : builder.stages()) {
        const MountEntry& mount = view_mount(*stage.hierarchy)->entry;
        if (!mount.flags.read_only) {
            continue;
        }
        MountFlags flags = mount.flags;
        flags.read_only = false;
        if (stage.choice->assert_not_real_root) {
            const bool v2 = stage.hierarchy->version == HierarchyVersion::v2;
            builder
                .add(Phase::switch_, AssertNotRealRoot{mount.point, v2}, "a host's root must never become writable",
                     kNothingToUndo)
                .parts = stage.parts();
        }
        builder
            .add(Phase::switch_, RemountBind{mount.point, flags}, "the engine's view is right but read-only",
                 RemountBind{mount.point, mount.flags})
            .parts = stage.parts();
    }
}

void plan_verify(PlanBuilder& builder) {
    for (const Stage& stage : builder.stages()) {
        if (!stage.is_visible()) {
            continue;
        }
        std::string point = join_path(kCgroupRoot, stage.directory);
        if (builder.decision().mounting == Mounting::bind) {
            point = join_path(point, stage.choice->init_cgroup);
        }
        if (builder.decision().mounting == Mounting::remount) {
            point = view_mount(*stage.hierarchy)->entry.point;
        }
        const std::string own = stage.choice->leaf.empty() ? point : join_path(point, stage.choice->leaf);
        builder.add(Phase::verify, AssertMember{own}, "the init finds itself in its cgroup", kNothingToUndo).parts =
            stage.parts();
        if (stage.choice->access == Access::writable) {
            builder.add(Phase::verify, ProbeCgroup{point}, "writable as promised", kNothingToUndo).parts =
                stage.choice->inner ? stage.inner_parts() : stage.parts();
        }
    }
}

}  // namespace

void plan_workbench(PlanBuilder& builder) {
    // A new user namespace is cut off from the peers of its mounts, and the plan is rehearsed whole.
    if (!in_user_namespace(builder)) {
        builder.add(Phase::prepare, RehearseUnmount{kWorkbench},
                    "what is mounted here has to go again, in commit or roll-back", kNothingToUndo);
        cut_off_peers(builder);
    }
    builder.add(Phase::prepare,
                MountFilesystem{"tmpfs",
                                kWorkbench,
                                "mode=700,size=1m",
                                {.nosuid = true, .nodev = true, .noexec = true, .atime = "relatime"}},
                "a place to work that needs no writable root file system", DetachMount{kWorkbench});
}

Plan make_plan(const World& world, const Decision& decision) {
    PlanBuilder builder(world, decision);
    const bool rebuilds = rebuilds_view(decision);
    const bool workbench = needs_workbench(decision);
    if (in_user_namespace(builder)) {
        plan_user_namespace(builder);
    }
    if (workbench) {
        plan_workbench(builder);
    }
    if (rebuilds) {
        plan_engine_stage(builder);
        plan_inner_level(builder);
        plan_view(builder);
    }
    plan_tmpfs(builder);
    plan_dev(builder);
    if (rebuilds && !in_user_namespace(builder)) {
        plan_aside(builder);
    }
    plan_carry_over(builder);
    plan_dev_aside(builder);
    plan_switch(builder);
    if (decision.mounting == Mounting::remount) {
        plan_remount(builder);
    }
    plan_working_directory(builder);
    if (decision.mounting != Mounting::keep || decision.authority == Authority::delegation) {
        plan_verify(builder);
    }
    if (!in_user_namespace(builder)) {
        plan_capabilities(builder);
    }
    if (workbench) {
        builder.add(Phase::commit, DetachMount{kWorkbench}, "the engine's view and the workbench go, all in one",
                    "the point of no return");
    }
    if (in_user_namespace(builder)) {
        plan_seal(builder);
    }
    plan_share(builder);
    if (in_user_namespace(builder)) {
        plan_capabilities(builder);
    }
    return std::move(builder).finish();
}

const char* to_string(Phase phase) {
    switch (phase) {
        case Phase::prepare: return "prepare";
        case Phase::aside: return "aside";
        case Phase::switch_: return "switch";
        case Phase::verify: return "verify";
        case Phase::commit: return "commit";
    }
    return "";
}

bool has_part(const Parts& parts, const Part& part) {
    return std::find(parts.begin(), parts.end(), part) != parts.end();
}

const char* to_string(Scope scope) {
    switch (scope) {
        case Scope::mount_namespace: return "mount namespace";
        case Scope::process: return "process";
        case Scope::persistent: return "persistent";
        case Scope::host: return "host";
        case Scope::irreversible: return "irreversible";
        case Scope::none: return "nothing";
    }
    return "";
}

}  // namespace cginit
