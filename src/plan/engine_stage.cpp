#include "core/path.hpp"
#include "core/text.hpp"
#include "detect/detect.hpp"
#include "plan/builder.hpp"

namespace cginit {
namespace {

/// A namespace whose root is the engine's cgroup in every hierarchy lets a fresh mount show just that cgroup. One of a user
/// namespace above lets nobody mount (mount_capable(), fs/super.c), and from the next one, which could not be left, no process
/// could be moved back to the engine's cgroup where the host has nsdelegate.
bool own_cgroups_are_roots(const PlanBuilder& builder) {
    if (builder.world().namespaced != Tri::yes || builder.world().owns_cgroup_namespace == Tri::no) {
        return false;
    }
    for (const Stage& stage : builder.stages()) {
        if (stage.choice->engine_cgroup != "/") {
            return false;
        }
    }
    return true;
}

bool any_engine_stage(const PlanBuilder& builder) {
    for (const Stage& stage : builder.stages()) {
        if (builder.needs_engine_stage(stage)) {
            return true;
        }
    }
    return false;
}

/// Without it there is no view to hand over: the assertion decides on the whole plan.
bool is_required(const PlanBuilder& builder, const Stage& stage) {
    const bool unified = builder.decision().layout == View::unified && stage.hierarchy->version == HierarchyVersion::v2;
    return unified || (builder.world().init.kind == InitKind::systemd && stage.is_visible() &&
                       stage.choice->name == "name=systemd");
}

/// Two ways, of which exactly one is given up: below the host's root in a cgroup made for it, or in an inner level of the
/// own. Without either the init would get the host's root.
void assert_which_root(PlanBuilder& builder, const Stage& stage) {
    Step& real = builder.add(Phase::prepare, AssertRealRoot{stage.engine, true},
                             "only at the host's root is another cgroup needed", kNothingToUndo);
    real.parts = stage.parts();
    real.or_else =
        OrElse{{}, {stage.host_parts().back()}, "the container has a cgroup of its own", true, ErrorCode::host_root};
    Step& own = builder.add(Phase::prepare, AssertNotRealRoot{stage.engine, true},
                            "what is at the host's root is not the container's to move", kNothingToUndo);
    own.parts = stage.parts();
    own.or_else = OrElse{{},
                         {stage.level_parts().back()},
                         host_cgroup_warning(*stage.choice, builder.decision()),
                         false,
                         ErrorCode::host_root};
}

void assert_not_real_root(PlanBuilder& builder, const Stage& stage) {
    if (stage.choice->host_cgroup == HostCgroup::if_real_root) {
        assert_which_root(builder, stage);
        return;
    }
    const bool v2 = stage.hierarchy->version == HierarchyVersion::v2;
    Step& step = builder.add(Phase::prepare, AssertNotRealRoot{stage.engine, v2},
                             "a host's root must never become writable", kNothingToUndo);
    step.parts = stage.parts();
    if (is_required(builder, stage)) {
        return;
    }
    // A v2 that the engine does not show and nobody asked for is no loss.
    const bool extra = v2 && view_mount(*stage.hierarchy) == nullptr;
    step.or_else = OrElse{{DetachMount{stage.engine}},
                          stage.inner_parts(),
                          concat({stage.choice->name, " is left out: the own cgroup is the host's root of it"}),
                          extra};
}

/// An engine that does not know v2 leaves the container in the cgroup of whoever started it, in a private namespace unseen.
void assert_no_outsiders(PlanBuilder& builder, const Stage& stage) {
    if (stage.hierarchy->version == HierarchyVersion::v1 || stage.hierarchy->outsiders == Tri::no ||
        stage.choice->host_cgroup != HostCgroup::no) {
        return;
    }
    Step& step = builder.add(Phase::prepare, AssertNoOutsiders{stage.engine},
                             "what others are in, too, is not the container's to change", kNothingToUndo);
    step.parts = stage.parts();
    if (!is_required(builder, stage)) {
        step.or_else = OrElse{
            {DetachMount{stage.engine}},
            stage.inner_parts(),
            concat({stage.choice->name, " is left out: processes from outside of the container are in its cgroup"}),
            view_mount(*stage.hierarchy) == nullptr};
    }
}

/// The engine's cgroup, writable, where nobody looks.
void stage_engine_cgroup(PlanBuilder& builder, const Stage& stage) {
    const bool unsure = stage.choice->assert_not_real_root;
    builder.add(Phase::prepare, MakeDirectory{stage.engine}, "a place for the engine's cgroup", kGoneWithWorkbench)
        .parts = stage.parts();
    const DetachMount undo{stage.engine};
    if (builder.uses_namespace()) {
        builder
            .add(Phase::prepare, cgroup_mount(*stage.hierarchy, stage.engine, unsure),
                 "reach the engine's cgroup without its read-only mounts", undo)
            .parts = stage.parts();
    } else {
        const MountEntry& mount = view_mount(*stage.hierarchy)->entry;
        const std::string own = *own_directory(mount, stage.choice->engine_cgroup);
        builder
            .add(Phase::prepare, BindMount{own, stage.engine}, "reach the engine's cgroup and nothing above it", undo)
            .parts = stage.parts();
    }
    if (unsure) {
        if (!builder.uses_namespace()) {
            builder
                .add(Phase::prepare, RemountBind{stage.engine, cgroup_flags(true)}, "not writable before it is known",
                     kGoneWithWorkbench)
                .parts = stage.parts();
        }
        assert_not_real_root(builder, stage);
    }
    assert_no_outsiders(builder, stage);
    if (unsure || !builder.uses_namespace()) {
        builder
            .add(Phase::prepare, RemountBind{stage.engine, cgroup_flags(false)},
                 "the engine's read-only is a flag of its mount", kGoneWithWorkbench)
            .parts = stage.parts();
    }
}

void make_inner_cgroup(PlanBuilder& builder, const Stage& stage) {
    const std::string inner = stage.init_directory();
    if (stage.memory_is_unsure()) {
        Step& step = builder.add(Phase::prepare, AssertHierarchicalMemory{stage.engine},
                                 "a limit that does not hold for children guards nothing", kNothingToUndo);
        step.parts = stage.parts();
        step.or_else =
            OrElse{{}, {stage.inner_parts().back()}, "memory stays read-only: it is not hierarchical on this host"};
    }
    builder.add(Phase::prepare, MakeCgroup{inner}, "one level below the engine's limits", RemoveCgroup{inner}).parts =
        stage.level_parts();
    if (has_controller(*stage.hierarchy, "cpuset")) {
        // A new v1 cpuset is empty and takes no process (ENOSPC), cpuset(7).
        for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
            builder
                .add(Phase::prepare, CopyCgroupFile{join_path(stage.engine, file), join_path(inner, file)},
                     "a new cpuset is empty and takes no process", "gone with the cgroup")
                .parts = stage.level_parts();
        }
    }
    plan_usable_cpuset(builder, stage);
}

void move_into_inner_cgroup(PlanBuilder& builder, const Stage& stage) {
    const std::string inner = stage.init_directory();
    builder
        .add(Phase::prepare, MoveProcesses{stage.engine, inner}, "everything in the container sits below the limits",
             MoveProcesses{inner, stage.engine})
        .parts = stage.level_parts();
    const auto& enabled = builder.decision().enabled_controllers;
    if (stage.hierarchy->version == HierarchyVersion::v2 && builder.decision().layout == View::unified && enabled) {
        builder
            .add(Phase::prepare, EnableControllers{stage.engine, inner, *enabled},
                 "the init can only use controllers that are enabled above it", DisableControllers{stage.engine})
            .parts = stage.level_parts();
    }
}

/// systemd looks for itself at mount point + the path in /proc/1/cgroup, which without a cgroup namespace is the
/// host's: the path is made to exist in the own cgroup, to be bound over later.
void make_literal_path(PlanBuilder& builder, const Stage& stage) {
    std::string made = stage.init_directory();
    for (const std::string& component : split(stage.choice->init_cgroup, '/')) {
        if (component.empty()) {
            continue;
        }
        made = join_path(made, component);
        builder
            .add(Phase::prepare, MakeCgroup{made}, "the init's literal path has to exist below the mount",
                 RemoveCgroup{made})
            .parts = stage.parts();
    }
}

}  // namespace

void plan_engine_stage(PlanBuilder& builder) {
    if (!any_engine_stage(builder)) {
        return;
    }
    builder.add(Phase::prepare, MakeDirectory{join_path(kWorkbench, "engine")}, "a place for the engine's cgroups",
                kGoneWithWorkbench);
    plan_tracking_hierarchy(builder);
    // One came with the user namespace.
    const bool has_namespace =
        builder.decision().authority == Authority::user_namespace || own_cgroups_are_roots(builder);
    if (builder.uses_namespace() && !has_namespace) {
        builder.unshare_cgroup_namespace("fresh mounts then show the engine's cgroup and nothing above");
    }
    for (const Stage& stage : builder.stages()) {
        const bool staged_before =
            stage.choice->host_cgroup == HostCgroup::yes && stage.hierarchy->version == HierarchyVersion::v1;
        if (builder.needs_engine_stage(stage) && !staged_before) {
            stage_engine_cgroup(builder, stage);
        }
    }
}

void plan_inner_level(PlanBuilder& builder) {
    for (const Stage& stage : builder.stages()) {
        if (stage.choice->host_cgroup != HostCgroup::no && stage.hierarchy->version == HierarchyVersion::v2) {
            join_host_cgroup(builder, stage);
        }
        if (stage.choice->inner) {
            make_inner_cgroup(builder, stage);
            move_into_inner_cgroup(builder, stage);
            plan_readable_limits(builder, stage);
        }
        if (!builder.uses_namespace() && stage.is_visible()) {
            make_literal_path(builder, stage);
        }
    }
}

}  // namespace cginit
