#include <algorithm>

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
        check_cgroup_mount(step.op);
        const std::string trouble = mounts_.apply(step.op);
        if (!trouble.empty()) {
            complain(trouble);
        }
        check_opened(step.op);
        namespaced_ = namespaced_ || std::holds_alternative<UnshareCgroupNamespace>(step.op);
        if (const auto* asserted = std::get_if<AssertNotRealRoot>(&step.op)) {
            const MountEntry* staged = visible_mount_at(mounts_.table(), asserted->path);
            if (staged != nullptr) {
                asserted_.push_back(hierarchy_of(staged->fstype, staged->super_options));
            }
        }
    }

    /// What is left after the last step.
    void check_end() {
        number_ = 0;
        for (const MountEntry& mount : mounts_.table()) {
            if (is_at_or_below(mount.point, kWorkbench) && mount.source == kMountSource) {
                complain(concat({"the workbench is left behind at ", mount.point}));
            }
            if (is_cgroup(mount) && rebuilds() && !is_promised(mount)) {
                complain(concat({"the cgroup mount at ", mount.point, " stays within reach"}));
            }
        }
    }

    [[nodiscard]] std::vector<std::string> problems() && { return std::move(problems_); }

private:
    [[nodiscard]] bool rebuilds() const {
        return decision_.method == Method::name_space || decision_.method == Method::bind;
    }

    void complain(const std::string& text) {
        const std::string where = number_ == 0 ? "after the last step" : concat({"step ", std::to_string(number_)});
        problems_.push_back(concat({where, ": ", text}));
    }

    void check_detach(const Step& step) {
        if (std::holds_alternative<DetachMount>(step.op) && step.phase != Phase::commit) {
            complain("a detached tree cannot come back: only commit may unmount");
        }
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
        return nullptr;
    }

    /// A fresh mount in the initial namespace shows the host's root, and on v2 resets nsdelegate for everyone.
    void check_cgroup_mount(const Op& op) {
        const auto* mount = std::get_if<MountFilesystem>(&op);
        if (mount == nullptr || (mount->fstype != "cgroup" && mount->fstype != "cgroup2")) {
            return;
        }
        if (!namespaced_) {
            complain("a fresh cgroup mount in the initial cgroup namespace would show the host's root");
        }
        const Hierarchy* hierarchy = hierarchy_of(mount->fstype, mount->options);
        if (hierarchy == nullptr || hierarchy->real_root == Tri::yes) {
            complain("it would mount the host's root of a hierarchy");
        } else if (hierarchy->real_root == Tri::unknown && !mount->flags.read_only && !is_asserted(hierarchy)) {
            complain("it could make the host's root of a hierarchy writable");
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
        if (hierarchy == nullptr || hierarchy->real_root == Tri::yes) {
            complain("it would make the host's root of a hierarchy writable");
        } else if (hierarchy->real_root == Tri::unknown && !is_asserted(hierarchy)) {
            complain("it could make the host's root of a hierarchy writable");
        }
    }

    [[nodiscard]] bool is_asserted(const Hierarchy* hierarchy) const {
        return std::find(asserted_.begin(), asserted_.end(), hierarchy) != asserted_.end();
    }

    [[nodiscard]] bool is_promised(const MountEntry& mount) const {
        const bool in_view = is_at_or_below(mount.point, kCgroupRoot);
        const bool fresh = mount.source == kMountSource || decision_.method == Method::bind;
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
    std::vector<const Hierarchy*> asserted_;
    std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> check_plan(const World& world, const Decision& decision, const Plan& plan) {
    PlanChecker checker(world, decision);
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        checker.check(i + 1, plan.steps[i]);
    }
    checker.check_end();
    return std::move(checker).problems();
}

}  // namespace cginit
