#include "plan/builder.hpp"

#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

/// True if every part is one of the hierarchy's own: `cpuacct,cpu`, `net_cls`, `systemd`. No other can have that name.
bool is_name_of(const Hierarchy& hierarchy, const std::string& directory) {
    const std::vector<std::string> parts = split(directory, ',');
    return std::all_of(parts.begin(), parts.end(), [&hierarchy](const std::string& part) {
        return has_controller(hierarchy, part) || has_controller(hierarchy, concat({"name=", part}));
    });
}

/// `cpu,cpuacct` as the engine named the directory; where it stands elsewhere, the controllers' names.
std::string directory_name(const Hierarchy& hierarchy, View layout) {
    if (hierarchy.version == HierarchyVersion::v2) {
        return layout == View::unified ? "" : "unified";
    }
    const HierarchyMount* mount = view_mount(hierarchy);
    if (mount != nullptr && parent_path(mount->entry.point) == kCgroupRoot &&
        is_name_of(hierarchy, base_name(mount->entry.point))) {
        return base_name(mount->entry.point);
    }
    const std::string name = hierarchy_name(hierarchy);
    return name.starts_with("name=") ? name.substr(5) : name;
}

}  // namespace

std::string Stage::init_directory() const { return choice->inner ? join_path(engine, kInnerName) : engine; }

Parts Stage::level_parts() const {
    return choice->host_cgroup == HostCgroup::if_real_root ? with(PartKind::own_cgroup) : inner_parts();
}

bool Stage::memory_is_unsure() const {
    return choice->inner && hierarchy->memory_hierarchical == Tri::unknown && has_controller(*hierarchy, "memory");
}

PlanBuilder::PlanBuilder(const World& world, const Decision& decision)
    : world_(world),
      decision_(decision),
      owns_cgroup_namespace_(world.owns_cgroup_namespace != Tri::no ||
                             decision.authority == Authority::user_namespace) {
    const std::string engine = join_path(kWorkbench, "engine");
    const std::string view = join_path(kWorkbench, "new");
    for (const HierarchyDecision& choice : decision.hierarchies) {
        const Hierarchy* hierarchy = find_hierarchy(choice);
        if ((choice.access == Access::left_out && !choice.inner) || hierarchy == nullptr) {
            continue;
        }
        const std::string directory = directory_name(*hierarchy, decision.layout);
        stages_.push_back({hierarchy, &choice, directory,
                           join_path(engine, directory.empty() ? hierarchy_name(*hierarchy) : directory),
                           join_path(view, directory)});
    }
}

const Hierarchy* PlanBuilder::find_hierarchy(const HierarchyDecision& choice) const {
    const auto found =
        std::find_if(world_.hierarchies.begin(), world_.hierarchies.end(),
                     [&choice](const Hierarchy& candidate) { return hierarchy_name(candidate) == choice.name; });
    if (found != world_.hierarchies.end()) {
        return &*found;
    }
    return choice.host_cgroup == HostCgroup::yes ? &tracking_ : nullptr;
}

bool PlanBuilder::needs_engine_stage(const Stage& stage) const {
    const bool may_be_shared =
        stage.hierarchy->version == HierarchyVersion::v2 && stage.hierarchy->outsiders != Tri::no;
    return stage.choice->inner || stage.choice->assert_not_real_root || may_be_shared || !uses_namespace() ||
           stage.choice->host_cgroup != HostCgroup::no;
}

Step& PlanBuilder::add(Phase phase, Op op, std::string why, Op undo) {
    Step& step = add(phase, std::move(op), std::move(why), std::string());
    step.undo = std::move(undo);
    return step;
}

Step& PlanBuilder::add(Phase phase, Op op, std::string why, std::string no_undo) {
    Step step;
    step.phase = phase;
    step.scope = scope_of(op);
    step.op = std::move(op);
    step.why = std::move(why);
    step.no_undo = std::move(no_undo);
    plan_.steps.push_back(std::move(step));
    return plan_.steps.back();
}

void PlanBuilder::unshare_cgroup_namespace(std::string why) {
    if (owns_cgroup_namespace_) {
        add(Phase::prepare, UnshareCgroupNamespace{}, std::move(why), RestoreCgroupNamespace{});
        return;
    }
    add(Phase::prepare, UnshareCgroupNamespace{}, std::move(why), "the engine's belongs to a user namespace above")
        .scope = Scope::irreversible;
    owns_cgroup_namespace_ = true;
}

void PlanBuilder::make_private(const MountEntry* mount) {
    if (mount == nullptr || mount->propagation.shared == 0 ||
        std::find(made_private_.begin(), made_private_.end(), mount->id) != made_private_.end()) {
        return;
    }
    made_private_.push_back(mount->id);
    // A mount that is both has to stay a slave: the engine may still want to hand mounts in.
    const PropagationType type = mount->propagation.master != 0 ? PropagationType::slave : PropagationType::private_;
    add(Phase::prepare, SetPropagation{mount->point, type}, "nothing done here may reach the mount's peers",
        SetPropagation{mount->point, PropagationType::shared});
}

MountFlags cgroup_flags(bool read_only) {
    return {.read_only = read_only, .nosuid = true, .nodev = true, .noexec = true, .atime = "relatime"};
}

}  // namespace cginit
