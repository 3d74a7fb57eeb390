#include <algorithm>
#include <unordered_map>

#include "cginit/plan.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "plan/simulate.hpp"

namespace cginit {
namespace {

class PlanChecker {
public:
    PlanChecker(const World& world, const Decision& decision)
        : world_(world), decision_(decision), mounts_(world.mounts), namespaced_(world.namespaced == Tri::yes) {}

    void check(std::size_t number, const Step& step) {
        number_ = number;
        if (step.phase < phase_) {
            complain("its phase comes too late");
        }
        phase_ = step.phase;
        if (step.phase != Phase::commit && !step.undo && step.no_undo.empty()) {
            complain("it has no undo and no reason for that");
        }
        if (step.why.empty()) {
            complain("it does not say why");
        }
        check_detach(step);
        if (step.or_else) {
            // From here on the plan may go another way, which is walked beside this one.
            PlanChecker beside(*this);
            for (const Op& op : step.or_else->instead) {
                beside.check_op(op);
            }
            problems_ = std::move(beside.problems_);
        }
        check_op(step.op);
    }

    /// What a roll-back does after the last step before the commit, backwards.
    void check_roll_back(const Plan& plan) {
        PlanChecker beside(*this);
        for (std::size_t i = plan.steps.size(); i-- > 0;) {
            const Step& step = plan.steps[i];
            if (step.phase != Phase::commit && step.undo) {
                beside.number_ = i + 1;
                beside.taking_back_ = true;
                beside.check_op(*step.undo);
            }
        }
        beside.check_restored();
        problems_ = std::move(beside.problems_);
    }

    /// What is left after the last step.
    void check_end() {
        number_ = 0;
        for (const MountEntry& mount : mounts_.table()) {
            if (is_at_or_below(mount.point, kWorkbench) && is_cginits(mount)) {
                complain(concat({"the workbench is left behind at ", mount.point}));
            }
            if (is_cgroup(mount) && rebuilds_view(decision_) && !is_promised(mount) && !mounts_.is_sealed(mount)) {
                complain(concat({"the cgroup mount at ", mount.point, " stays within reach"}));
            }
        }
    }

    [[nodiscard]] std::vector<std::string> problems() && { return std::move(problems_); }

private:
    void check_op(const Op& op) {
        check_closed(op);
        check_cgroup_mount(op);
        const std::string trouble = mounts_.apply(op);
        if (!trouble.empty()) {
            complain(trouble);
        }
        check_opened(op);
        if (!taking_back_) {
            check_processes(op);
        }
        note_progress(op);
    }

    /// True if both were mounted at one place of one mount, as propagation leaves them: a move back mounts the one on the
    /// other, which shows the same.
    [[nodiscard]] bool shared_its_place(const MountEntry& mount, int other) const {
        return std::any_of(world_.mounts.begin(), world_.mounts.end(), [&mount, other](const MountEntry& entry) {
            return entry.id == other && entry.parent == mount.parent && entry.point == mount.point;
        });
    }

    /// Every mount of before is in its place, and may be what it was.
    void check_restored() {
        number_ = 0;
        std::unordered_map<int, const MountEntry*> by_id;
        for (const MountEntry& mount : mounts_.table()) {
            by_id.emplace(mount.id, &mount);
        }
        for (const MountEntry& before : world_.mounts) {
            const auto found = by_id.find(before.id);
            const MountEntry* now = found == by_id.end() ? nullptr : found->second;
            if (now == nullptr || now->point != before.point || now->flags != before.flags ||
                (now->parent != before.parent && !shared_its_place(before, now->parent))) {
                complain(concat({"a roll-back does not restore the mount at ", before.point}));
            }
        }
    }

    void complain(const std::string& text) {
        const std::string where = number_ == 0
                                      ? (taking_back_ ? std::string("in the end") : std::string("after the last step"))
                                      : concat({taking_back_ ? "undo of step " : "step ", std::to_string(number_)});
        problems_.push_back(concat({where, ": ", text}));
    }

    void check_detach(const Step& step) {
        if (std::holds_alternative<DetachMount>(step.op) && step.phase != Phase::commit) {
            complain("a detached tree cannot come back: only commit may unmount");
        }
    }

    /// What the later steps may rely on.
    void note_progress(const Op& op) {
        if (const auto* asserted = std::get_if<AssertNotRealRoot>(&op)) {
            asserted_.push_back(hierarchy_at(asserted->path));
        } else if (const auto* joined = std::get_if<JoinCgroup>(&op)) {
            joined_.push_back(hierarchy_at(joined->path));
        } else if (std::holds_alternative<UnshareUserNamespace>(op)) {
            namespaced_ = true;
        } else if (std::holds_alternative<UnshareCgroupNamespace>(op)) {
            namespaced_ = true;
            rooted_ = joined_;
        }
    }

    [[nodiscard]] const Hierarchy* hierarchy_at(const std::string& path) const {
        const MountEntry* mount = mount_holding(mounts_.table(), path);
        return mount == nullptr ? nullptr : hierarchy_of(mount->fstype, mount->super_options);
    }

    /// True where the decision makes a cgroup at the host's root, on the workbench and nowhere else, or where the root
    /// of the namespace is that cgroup by now.
    [[nodiscard]] bool may_be_real_root(const Hierarchy& hierarchy, const std::string& target) const {
        const bool staged = is_at_or_below(target, join_path(kWorkbench, "engine"));
        return (staged && wants_host_cgroup(hierarchy)) || contains(rooted_, &hierarchy);
    }

    [[nodiscard]] bool wants_host_cgroup(const Hierarchy& hierarchy) const {
        return std::any_of(decision_.hierarchies.begin(), decision_.hierarchies.end(),
                           [&hierarchy](const HierarchyDecision& choice) {
                               return choice.name == hierarchy_name(hierarchy) && choice.host_cgroup != HostCgroup::no;
                           });
    }

    [[nodiscard]] static bool contains(const std::vector<const Hierarchy*>& list, const Hierarchy* hierarchy) {
        return std::find(list.begin(), list.end(), hierarchy) != list.end();
    }

    [[nodiscard]] const Hierarchy* hierarchy_of(const std::string& fstype, const std::string& super_options) const {
        for (const Hierarchy& hierarchy : world_.hierarchies) {
            const bool v2 = hierarchy.version == HierarchyVersion::v2;
            if (v2 != (fstype == "cgroup2")) {
                continue;
            }
            const std::vector<std::string> options = split(super_options, ',');
            const bool all = std::all_of(
                hierarchy.controllers.begin(), hierarchy.controllers.end(), [&options](const std::string& controller) {
                    return std::find(options.begin(), options.end(), controller) != options.end();
                });
            if (v2 || all) {
                return &hierarchy;
            }
        }
        const bool tracking = fstype == "cgroup" && wants_host_cgroup(tracking_) &&
                              super_options.find("name=systemd") != std::string::npos;
        return tracking ? &tracking_ : nullptr;
    }

    /// A fresh mount in the initial namespace shows the host's root, and on v2 resets nsdelegate for everyone.
    void check_cgroup_mount(const Op& op) {
        const auto* mount = std::get_if<MountFilesystem>(&op);
        if (mount == nullptr || (mount->fstype != "cgroup" && mount->fstype != "cgroup2")) {
            return;
        }
        const Hierarchy* hierarchy = hierarchy_of(mount->fstype, mount->options);
        const bool permitted = hierarchy != nullptr && may_be_real_root(*hierarchy, mount->target);
        if (!namespaced_ && (!permitted || mount->fstype == "cgroup2")) {
            complain("a fresh cgroup mount in the initial cgroup namespace would show the host's root");
        }
        if (hierarchy == nullptr || (hierarchy->real_root == Tri::yes && !permitted)) {
            complain("it would mount the host's root of a hierarchy");
        } else if (hierarchy->real_root == Tri::unknown && !mount->flags.read_only && !is_asserted(hierarchy)) {
            complain("it could make the host's root of a hierarchy writable");
        }
    }

    /// A bind has the flags of what it shows. Where that may be the host's root, the next step makes it read-only.
    void check_closed(const Op& op) {
        const auto* remount = std::get_if<RemountBind>(&op);
        const bool closes = remount != nullptr && remount->target == to_close_ && remount->flags.read_only;
        if (!to_close_.empty() && !closes && !taking_back_) {
            complain("the bind before it may show the host's root of a hierarchy, writable");
        }
        to_close_.clear();
        const auto* bind = std::get_if<BindMount>(&op);
        const MountEntry* from = bind == nullptr ? nullptr : mount_holding(mounts_.table(), bind->from);
        const Hierarchy* hierarchy =
            from == nullptr || !is_cgroup(*from) ? nullptr : hierarchy_of(from->fstype, from->super_options);
        if (hierarchy != nullptr && hierarchy->real_root == Tri::unknown && !is_asserted(hierarchy)) {
            to_close_ = bind->to;
        }
    }

    /// Staged read-only, asserted, only then writable.
    void check_opened(const Op& op) {
        const auto* remount = std::get_if<RemountBind>(&op);
        const MountEntry* mount = remount == nullptr ? nullptr : visible_mount_at(mounts_.table(), remount->target);
        if (mount == nullptr || !is_cgroup(*mount) || mount->flags.read_only) {
            return;
        }
        const Hierarchy* hierarchy = hierarchy_of(mount->fstype, mount->super_options);
        const bool permitted = hierarchy != nullptr && may_be_real_root(*hierarchy, mount->point);
        if (hierarchy == nullptr || (hierarchy->real_root == Tri::yes && !permitted)) {
            complain("it would make the host's root of a hierarchy writable");
        } else if (hierarchy->real_root == Tri::unknown && !is_asserted(hierarchy)) {
            complain("it could make the host's root of a hierarchy writable");
        }
    }

    /// At a host's root everybody's processes are, and everybody's controllers and limits.
    void check_processes(const Op& op) {
        const auto* moved = std::get_if<MoveProcesses>(&op);
        const auto* enabled = std::get_if<EnableControllers>(&op);
        const auto* limited = std::get_if<LimitDescendants>(&op);
        if (moved == nullptr && enabled == nullptr && limited == nullptr) {
            return;
        }
        const std::string& cgroup =
            moved != nullptr ? moved->from : (enabled != nullptr ? enabled->cgroup : limited->cgroup);
        const Hierarchy* hierarchy = hierarchy_at(cgroup);
        const bool real_root = hierarchy == nullptr || hierarchy->real_root == Tri::yes;
        const bool unknown = !real_root && hierarchy->real_root == Tri::unknown && !is_asserted(hierarchy);
        // What is limited lies above the init's own cgroup, whatever that is.
        if ((real_root && (limited != nullptr || !contains(rooted_, hierarchy))) || unknown) {
            complain("it could move the host's processes, or enable controllers or set limits for them");
        }
    }

    [[nodiscard]] bool is_asserted(const Hierarchy* hierarchy) const { return contains(asserted_, hierarchy); }

    [[nodiscard]] bool is_promised(const MountEntry& mount) const {
        const bool in_view = is_at_or_below(mount.point, kCgroupRoot);
        const bool fresh = is_cginits(mount) || decision_.mounting == Mounting::bind;
        const bool kept = std::find(decision_.kept_elsewhere.begin(), decision_.kept_elsewhere.end(), mount.point) !=
                          decision_.kept_elsewhere.end();
        const bool from_before = std::any_of(world_.mounts.begin(), world_.mounts.end(),
                                             [&mount](const MountEntry& entry) { return entry.id == mount.id; });
        return kept || (in_view && fresh && !from_before);
    }

    const World& world_;
    const Decision& decision_;
    SimulatedMounts mounts_;
    bool namespaced_;
    Phase phase_ = Phase::prepare;
    std::size_t number_ = 0;
    bool taking_back_ = false;
    std::string to_close_;  ///< a bind that has to become read-only
    const Hierarchy tracking_ = tracking_hierarchy();
    std::vector<const Hierarchy*> asserted_;
    std::vector<const Hierarchy*> joined_;  ///< a cgroup of the init's own was made and entered at the host's root
    std::vector<const Hierarchy*> rooted_;  ///< and is the root of the cgroup namespace
    std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> check_plan(const World& world, const Decision& decision, const Plan& plan) {
    PlanChecker checker(world, decision);
    bool committed = false;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        if (plan.steps[i].phase == Phase::commit && !committed) {
            committed = true;
            checker.check_roll_back(plan);
        }
        checker.check(i + 1, plan.steps[i]);
    }
    if (!committed) {
        checker.check_roll_back(plan);
    }
    checker.check_end();
    return std::move(checker).problems();
}

}  // namespace cginit
