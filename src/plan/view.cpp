#include <algorithm>
#include <array>
#include <set>

#include "core/path.hpp"
#include "core/text.hpp"
#include "plan/builder.hpp"

namespace cginit {
namespace {

/// Pairs that systemd wants joined, with a symlink for each of the two (src/shared/mount-setup.c, join_with). Where
/// the container has neither, the symlinks are made all the same: systemd would try to on the sealed tmpfs and
/// complain. Where the host mounts the two apart there is nothing to make: each has its own directory.
constexpr std::array<std::array<const char*, 2>, 2> kJoinedBySystemd{{{"cpu", "cpuacct"}, {"net_cls", "net_prio"}}};

bool any_has_controller(const PlanBuilder& builder, std::string_view controller) {
    return std::any_of(builder.stages().begin(), builder.stages().end(),
                       [controller](const Stage& stage) { return has_controller(*stage.hierarchy, controller); });
}

/// What may turn out to be read-only is mounted so and opened when its assertion held.
bool starts_writable(const Stage& stage) {
    return stage.choice->access == Access::writable && !stage.memory_is_unsure();
}

void open_if_guarded(PlanBuilder& builder, const Stage& stage, const std::string& target) {
    if (stage.memory_is_unsure() && stage.choice->access == Access::writable) {
        builder
            .add(Phase::prepare, RemountBind{target, cgroup_flags(false)}, "the inner level guards it",
                 kGoneWithWorkbench)
            .parts = stage.inner_parts();
    }
}

void mount_fresh(PlanBuilder& builder, const Stage& stage) {
    MountFilesystem mount = cgroup_mount(*stage.hierarchy, stage.view, !starts_writable(stage));
    mount.source = builder.world().mount_mark;
    builder
        .add(Phase::prepare, std::move(mount),
             starts_writable(stage) ? "the init's own cgroup, writable" : "visible, but its limits stay out of reach",
             kGoneWithWorkbench)
        .parts = stage.parts();
    open_if_guarded(builder, stage, stage.view);
}

/// A bind takes its flags from the staged engine's cgroup, which is writable: the flags are set once more.
void bind_own_cgroup(PlanBuilder& builder, const Stage& stage, const std::string& target, const char* why) {
    const BindMount bind{stage.init_directory(), target};
    const bool on_cgroup = target != stage.view;
    // rmdir(2) of a cgroup on which something is mounted is EBUSY: such a bind goes before its mount point does.
    Step& step = on_cgroup ? builder.add(Phase::prepare, bind, why, DetachMount{target})
                           : builder.add(Phase::prepare, bind, why, kGoneWithWorkbench);
    step.parts = stage.parts();
    builder
        .add(Phase::prepare, RemountBind{target, cgroup_flags(!starts_writable(stage))},
             starts_writable(stage) ? "the init's own cgroup, writable" : "visible, but its limits stay out of reach",
             kGoneWithWorkbench)
        .parts = stage.parts();
    open_if_guarded(builder, stage, target);
}

void mount_bound(PlanBuilder& builder, const Stage& stage) {
    bind_own_cgroup(builder, stage, stage.view, "only the own cgroup is bound");
    if (stage.choice->init_cgroup != "/") {
        bind_own_cgroup(builder, stage, join_path(stage.view, stage.choice->init_cgroup),
                        "the init finds itself at its literal path");
    }
}

void add_symlink(PlanBuilder& builder, const std::string& target, const std::string& name, const Parts& parts) {
    builder
        .add(Phase::prepare, MakeSymlink{target, join_path(join_path(kWorkbench, "new"), name)},
             "where programs look for it", kGoneWithWorkbench)
        .parts = parts;
}

void add_symlinks(PlanBuilder& builder) {
    std::set<std::string> taken;
    for (const Stage& stage : builder.stages()) {
        taken.insert(stage.directory);
    }
    for (const Stage& stage : builder.stages()) {
        if (!stage.is_visible() || stage.hierarchy->controllers.size() < 2) {
            continue;
        }
        std::vector<std::string> names = stage.hierarchy->controllers;
        names.push_back(hierarchy_name(*stage.hierarchy));
        for (const std::string& name : names) {
            if (taken.insert(name).second) {
                add_symlink(builder, stage.directory, name, stage.parts());
            }
        }
    }
    for (const auto& pair : kJoinedBySystemd) {
        if (any_has_controller(builder, pair[0]) || any_has_controller(builder, pair[1])) {
            continue;
        }
        for (const char* name : pair) {
            add_symlink(builder, concat({pair[0], ",", pair[1]}), name, {});
        }
    }
}

}  // namespace

void plan_view(PlanBuilder& builder) {
    const std::string view = join_path(kWorkbench, "new");
    const bool tmpfs = builder.decision().layout != View::unified;
    if (builder.uses_namespace()) {
        builder.unshare_cgroup_namespace("the init's cgroups become the roots of what it sees");
    }
    plan_descendant_limits(builder);
    plan_second_namespace(builder);
    builder.add(Phase::prepare, MakeDirectory{view}, "a place to build the new view aside", kGoneWithWorkbench);
    if (tmpfs) {
        builder.add(Phase::prepare,
                    MountFilesystem{"tmpfs",
                                    view,
                                    "mode=755,size=1m",
                                    {.nosuid = true, .nodev = true, .noexec = true, .atime = "relatime"},
                                    builder.world().mount_mark},
                    "holds the hierarchies", kGoneWithWorkbench);
    }
    for (const Stage& stage : builder.stages()) {
        if (!stage.is_visible()) {
            continue;
        }
        if (tmpfs) {
            builder.add(Phase::prepare, MakeDirectory{stage.view}, "a mount point", kGoneWithWorkbench).parts =
                stage.parts();
        }
        if (builder.uses_namespace()) {
            mount_fresh(builder, stage);
        } else {
            mount_bound(builder, stage);
        }
        plan_leaf(builder, stage);
    }
    if (tmpfs) {
        add_symlinks(builder);
        // A writable tmpfs would invite systemd to mount the host's v2 root on `unified`.
        builder.add(Phase::prepare, RemountBind{view, cgroup_flags(true)}, "sealed: nothing can be mounted beside them",
                    kGoneWithWorkbench);
    }
}

}  // namespace cginit
