#pragma once

#include <string>
#include <vector>

#include "cginit/op.hpp"
#include "cginit/plan.hpp"
#include "cginit/world.hpp"

namespace cginit {

inline constexpr const char* kNothingToUndo = "changes nothing";
inline constexpr const char* kGoneWithWorkbench = "gone with the workbench";

/// Where one hierarchy is worked on.
struct Stage {
    const Hierarchy* hierarchy = nullptr;
    const HierarchyDecision* choice = nullptr;
    std::string directory;  ///< its name below /sys/fs/cgroup: `cpu,cpuacct`, `systemd`; "" = /sys/fs/cgroup itself
    std::string engine;     ///< where the engine's cgroup is staged, writable
    std::string view;       ///< where the new mount is staged

    /// The directory of init_cgroup, seen through the staged engine's cgroup.
    [[nodiscard]] std::string init_directory() const;
    /// The part of everything that belongs to the hierarchy, and of what makes it writable.
    [[nodiscard]] Parts parts() const { return {{PartKind::hierarchy, choice->name}}; }
    [[nodiscard]] Parts inner_parts() const { return with(PartKind::inner_level); }
    /// The parts of making the inner level. Where the own cgroup may be the host's root that is one of two ways, and
    /// giving it up does not make the hierarchy read-only.
    [[nodiscard]] Parts level_parts() const;
    /// The parts of the other way: a cgroup at the host's root.
    [[nodiscard]] Parts host_parts() const { return with(PartKind::host_cgroup); }
    /// True if the hierarchy is part of the new view, and not only guarded.
    [[nodiscard]] bool is_visible() const { return choice->access != Access::left_out; }
    /// True if the inner level guards memory only where use_hierarchy turns out to be set.
    [[nodiscard]] bool memory_is_unsure() const;

private:
    [[nodiscard]] Parts with(PartKind kind) const {
        return {{PartKind::hierarchy, choice->name}, {kind, choice->name}};
    }
};

/// Collects the steps of a plan in order.
class PlanBuilder {
public:
    PlanBuilder(const World& world, const Decision& decision);

    [[nodiscard]] const World& world() const { return world_; }
    [[nodiscard]] const Decision& decision() const { return decision_; }
    [[nodiscard]] const std::vector<Stage>& stages() const { return stages_; }
    [[nodiscard]] bool uses_namespace() const { return mounts_afresh(decision_); }
    /// True if something has to be done in the engine's cgroup: an inner level, an assertion, a literal path.
    [[nodiscard]] bool needs_engine_stage(const Stage& stage) const;

    /// The last step, to be amended by the caller.
    Step& add(Phase phase, Op op, std::string why, Op undo);
    Step& add(Phase phase, Op op, std::string why, std::string no_undo);
    [[nodiscard]] Step& last() { return plan_.steps.back(); }
    /// setns(2) leads back to a cgroup namespace that was made here, but to none of a user namespace above.
    void unshare_cgroup_namespace(std::string why);
    /// Makes one mount and its place stop carrying our changes to peers, unless it does not or was done before.
    void make_private(const MountEntry* mount);

    [[nodiscard]] Plan finish() && { return std::move(plan_); }

private:
    [[nodiscard]] const Hierarchy* find_hierarchy(const HierarchyDecision& choice) const;

    const World& world_;
    const Decision& decision_;
    const Hierarchy tracking_ = tracking_hierarchy();  ///< what no World has before it is made
    std::vector<Stage> stages_;
    std::vector<int> made_private_;
    bool owns_cgroup_namespace_;
    Plan plan_;
};

/// A directory that is replaced as a whole: built aside, given what the engine mounted below it, moved over it.
struct Replacement {
    std::string point;
    std::string stage;
    std::vector<std::string> carried;  ///< the mount points below `point`
    Parts parts;

    /// Where a path at or below the point is while it is being built.
    [[nodiscard]] std::string stage_for(const std::string& path) const;
};

/// All of them, none within another.
[[nodiscard]] std::vector<Replacement> replacements(const PlanBuilder& builder);

/// nosuid, nodev, noexec, relatime: what every engine gives a cgroup mount.
[[nodiscard]] MountFlags cgroup_flags(bool read_only);

// The chapters of a plan, in this order; each adds steps to one or two phases.

/// prepare: a user namespace in which the rest may be done.
void plan_user_namespace(PlanBuilder& builder);
/// prepare: peers cut off, the workbench, the engine's cgroup staged, inner levels, processes moved.
void plan_workbench(PlanBuilder& builder);
void plan_engine_stage(PlanBuilder& builder);
void plan_inner_level(PlanBuilder& builder);
/// prepare: how many cgroups the init can make, where it is out of its reach.
void plan_descendant_limits(PlanBuilder& builder);
/// prepare: a cgroup at the host's root (`--allow-host-cgroup`), in a staged hierarchy or in one made for it.
void join_host_cgroup(PlanBuilder& builder, const Stage& stage);
void plan_tracking_hierarchy(PlanBuilder& builder);
/// prepare: the engine's limits, where programs in the inner level look for them.
void plan_readable_limits(PlanBuilder& builder, const Stage& stage);
/// prepare: controllers that children can use.
void plan_leaf(PlanBuilder& builder, const Stage& stage);
void plan_usable_cpuset(PlanBuilder& builder, const Stage& stage);
/// prepare: the new tree.
void plan_view(PlanBuilder& builder);
/// prepare: the new /run, /run/lock, /tmp; the new /dev.
void plan_tmpfs(PlanBuilder& builder);
void plan_dev(PlanBuilder& builder);
/// aside: what the engine mounted below each replacement; its /dev.
void plan_carry_over(PlanBuilder& builder);
void plan_dev_aside(PlanBuilder& builder);
/// switch: the replacements into place; /sys read-only.
void plan_replace(PlanBuilder& builder);
void plan_sys(PlanBuilder& builder);
/// prepare: the second one, whose cgroup namespace begins at the init's cgroups.
void plan_second_namespace(PlanBuilder& builder);
/// switch: cgroup mounts elsewhere out of sight, where they cannot be moved away.
void plan_cover(PlanBuilder& builder);
/// switch: out of a directory that would lead the init out of its view.
void plan_working_directory(PlanBuilder& builder);
/// commit: into the second one, in which nothing can be uncovered.
void plan_seal(PlanBuilder& builder);
/// verify: that the capabilities can be dropped; in a user namespace commit: no more than the container had.
void plan_capabilities(PlanBuilder& builder);
/// commit: the mount tree shared.
void plan_share(PlanBuilder& builder);

/// A fresh mount of the hierarchy as it exists on the host: the exact set of controllers, and the flags that its
/// superblock has, since another set is EPERM or EBUSY and other flags make the kernel complain in its log
/// (kernel/cgroup/cgroup-v1.c, cgroup1_root_to_use).
[[nodiscard]] MountFilesystem cgroup_mount(const Hierarchy& hierarchy, const std::string& target, bool read_only);

}  // namespace cginit
