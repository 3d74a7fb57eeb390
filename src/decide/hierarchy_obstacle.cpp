#include "core/text.hpp"
#include "decide/obstacles.hpp"
#include "detect/detect.hpp"

namespace cginit {
namespace {

/// A hierarchy that the engine's view has not. What it leaves out on v1 can be bound from nowhere; there are as many as the host
/// has mounted.
Cures hidden_cures(const Hierarchy& hierarchy, const World& world, const Decision& decision) {
    if (decision.layout == View::legacy && world.view == View::unified) {
        // cginit makes one for itself, which takes the capability in the host's user namespace.
        return {CureId::add_sys_admin};
    }
    if (decision.mounting == Mounting::bind && world.cgroup_namespaces != Tri::no) {
        return {CureId::method_namespace};
    }
    return has_controller(hierarchy, "name=systemd") ? Cures{CureId::mount_tracking} : Cures{CureId::show_cgroups};
}

/// A named hierarchy of the host's init, such as name=openrc, in which runtimes make no cgroups: out of sight in a private cgroup
/// namespace its root may be the engine's own cgroup.
bool is_untold(const Hierarchy& hierarchy, const World& world) {
    const bool named = hierarchy.controllers.size() == 1 && hierarchy.controllers.front().starts_with("name=");
    return named && !has_controller(hierarchy, "name=systemd") && world.namespaced != Tri::no;
}

}  // namespace

bool belongs_to(const Hierarchy& hierarchy, View layout) {
    const bool v2 = hierarchy.version == HierarchyVersion::v2;
    return layout == View::hybrid || v2 == (layout == View::unified);
}

std::string not_in_layout(View layout) { return concat({"not part of the ", to_string(layout), " layout"}); }

Obstacle hierarchy_obstacle(const Hierarchy& hierarchy, const World& world, const Decision& decision) {
    const auto because = [](std::string text, Cures cures, ErrorCode code = ErrorCode::no_hierarchy) {
        return Obstacle{std::move(text), std::move(cures), code};
    };
    const HierarchyMount* mount = view_mount(hierarchy);
    if (hierarchy.id < 0) {
        return because("no line of /proc/self/cgroup belongs to it", own_cgroup_cures(world));
    }
    if (!belongs_to(hierarchy, decision.layout) && mount == nullptr) {
        return because(not_in_layout(decision.layout), {CureId::layout_host});
    }
    // A v2 hierarchy that the engine hides can be mounted afresh in a cgroup namespace: there is only one. Of v1 an engine that
    // shows some has chosen; one that shows none has left mounting to the init, or is covered by a volume.
    const bool chosen = hierarchy.version == HierarchyVersion::v1 && world.view_in_sight;
    if (mount == nullptr && (chosen || !mounts_afresh(decision))) {
        return because("the engine does not show it", hidden_cures(hierarchy, world, decision));
    }
    if (mount == nullptr && is_untold(hierarchy, world)) {
        return because("nobody can tell whose cgroup of it this is", {CureId::show_cgroups});
    }
    if (hierarchy.real_root == Tri::yes) {
        return because("the own cgroup is the host's root of it", own_cgroup_cures(world));
    }
    if (is_outside_namespace(hierarchy.own_path)) {
        return because("the own cgroup lies outside of the cgroup namespace", own_cgroup_cures(world));
    }
    if (is_someone_elses(hierarchy, world)) {
        return because(concat({"the container has no cgroup of its own in it (", hierarchy.own_path, ")"}),
                       own_cgroup_cures(world));
    }
    if (decision.mounting == Mounting::bind && !own_directory(mount->entry, hierarchy.own_path)) {
        return because("the engine's mount does not show the own cgroup", world.cgroup_namespaces == Tri::no
                                                                              ? Cures{CureId::show_cgroups}
                                                                              : Cures{CureId::method_namespace});
    }
    if (world.is_root && hierarchy.owned == Tri::no) {
        return because("the own cgroup belongs to a user that this user namespace does not map",
                       delegation_cures(world), ErrorCode::not_delegated);
    }
    return {};
}

}  // namespace cginit
