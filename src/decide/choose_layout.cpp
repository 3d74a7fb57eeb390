#include "decide/stages.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "decide/obstacles.hpp"
#include "decide/systemd_layouts.hpp"
#include "decide/view_facts.hpp"

namespace cginit {
namespace {

void set_layout(Decision& decision, View layout, std::string reason) {
    decision.layout = layout;
    decision.layout_reason = std::move(reason);
}

bool can_boot_on(const World& world, View layout) {
    const std::vector<View> possible = compatible_layouts(world.init);
    return std::find(possible.begin(), possible.end(), layout) != possible.end();
}

/// The host's layout as a cure, where this init can live with it.
Cures host_layout(const World& world) { return can_boot_on(world, world.view) ? Cures{CureId::layout_host} : Cures{}; }

void warn_of_lost_controllers(const World& world, Decision& decision) {
    if (decision.layout == View::unified && world.view != View::unified) {
        decision.warnings.emplace_back(
            "this host keeps its controllers on v1: MemoryMax= and other limits of units have no effect in the unified "
            "layout, and the container's own limits cannot be read; what it has on v2 besides stays off");
    }
}

/// v1 for systemd on a host that has only v2: a hierarchy of its own to track processes in, without any controller.
Status choose_tracking(const World& world, const Options& options, const std::string& who, Decision& decision) {
    const std::string text = concat({who, " needs a name=systemd hierarchy, which this v2 host does not show, but "});
    const Cures newer = world.init.version ? Cures{CureId::newer_systemd} : Cures{};
    const Obstacle obstacle = host_cgroup_obstacle(world, options);
    if (!obstacle.text.empty()) {
        return make_error(obstacle.code, concat({text, obstacle.text}), obstacle.cures).with_cures(newer);
    }
    // kernel/cgroup/cgroup-v1.c, cgroup1_root_to_use(): EPERM in any other namespace.
    if (world.namespaced != Tri::no) {
        return make_error(ErrorCode::layout, concat({text, "only the host's cgroup namespace may make one"}),
                          {CureId::host_cgroup_namespace})
            .with_cures(newer);
    }
    set_layout(decision, View::legacy, concat({who, " gets a name=systemd hierarchy of its own"}));
    return {};
}

Status choose_wanted(const World& world, const Options& options, Decision& decision) {
    const bool wants_v1 = options.layout == Layout::legacy || options.layout == Layout::hybrid;
    const bool wants_v2 = options.layout == Layout::unified || options.layout == Layout::hybrid;
    const std::string who = concat({"--layout=", to_string(options.layout)});
    if (options.layout == Layout::legacy && world.view == View::unified && world.init.kind == InitKind::systemd) {
        return choose_tracking(world, options, who, decision);
    }
    if (wants_v1 && world.view == View::unified) {
        return make_error(ErrorCode::layout, concat({who, ": this container's view is unified"}), host_layout(world))
            .with_cures({CureId::boot_v1});
    }
    const Obstacle obstacle = wants_v2 ? v2_obstacle(world, options) : Obstacle{};
    if (!obstacle.text.empty()) {
        return make_error(obstacle.code, concat({who, ": ", obstacle.text}), obstacle.cures)
            .with_cures(host_layout(world));
    }
    const View layout = wants_v1 ? (wants_v2 ? View::hybrid : View::legacy) : View::unified;
    set_layout(decision, layout, concat({"asked for with ", who}));
    return {};
}

/// A wrong guess is a container that does not boot, or one that fills the host's hierarchies.
Status refuse_unknown_version(const World& world) {
    return make_error(ErrorCode::systemd_version,
                      concat({"the version of this systemd cannot be told (", world.init.version_unknown_because,
                              "), and on a host with v1 hierarchies the layout depends on it"}),
                      {CureId::layout_by_version});
}

/// True if v2 would be there besides the engine's v1, and systemd would use it to track its services. A view that another
/// cginit made for another init is built anew where this process is not at its root.
bool can_add_v2(const World& world, const Options& options, int version) {
    const Hierarchy* v2 = v2_hierarchy(world);
    const bool stays = is_own_view(world) && finds_itself(world);
    return version >= kFirstHybrid && world.view == View::legacy && !stays && v2 != nullptr &&
           v2->real_root != Tri::yes && v2_obstacle(world, options).text.empty();
}

/// An init that can only live on v2, on a view with v1 hierarchies.
Status choose_v2_only(const World& world, const Options& options, const std::string& reason, CureId otherwise,
                      Decision& decision) {
    const Obstacle obstacle = v2_obstacle(world, options);
    if (!obstacle.text.empty()) {
        return make_error(obstacle.code, concat({reason, ", and ", obstacle.text}), obstacle.cures)
            .with_cures({otherwise});
    }
    set_layout(decision, View::unified, reason);
    return {};
}

/// Nobody has mounted name=systemd on a host that was not booted with systemd.
bool has_tracking_hierarchy(const World& world) {
    return std::any_of(world.hierarchies.begin(), world.hierarchies.end(),
                       [](const Hierarchy& hierarchy) { return has_controller(hierarchy, "name=systemd"); });
}

/// v2, which systemd tracks its services on as well, or the hierarchy that is missing, which only the host can mount.
Status choose_without_tracking(const World& world, const Options& options, const std::string& name,
                               Decision& decision) {
    const std::string reason = concat({name, " finds no name=systemd hierarchy on this host"});
    const Obstacle obstacle = *world.init.version < kFirstOnV2 ? Obstacle{"knows no other", {}, ErrorCode::no_hierarchy}
                                                               : v2_obstacle(world, options);
    if (obstacle.text.empty()) {
        set_layout(decision, View::unified, reason);
        return {};
    }
    // On a node of Kubernetes nobody mounts by hand.
    const Error error = make_error(ErrorCode::no_hierarchy, concat({reason, ", and ", obstacle.text}), {});
    const Cures mount = {CureId::mount_tracking};
    return world.engine == Engine::kubernetes ? error.with_cures(obstacle.cures).with_cures(mount)
                                              : error.with_cures(mount).with_cures(obstacle.cures);
}

/// systemd on a view with v1 hierarchies: which of them this version can live with.
Status choose_on_v1(const World& world, const Options& options, int version, Decision& decision) {
    const std::string name = concat({"systemd ", std::to_string(version)});
    if (version >= kFirstUnifiedOnly) {
        return choose_v2_only(world, options, concat({name, " refuses v1"}), CureId::older_systemd, decision);
    }
    if (!has_tracking_hierarchy(world)) {
        return choose_without_tracking(world, options, name, decision);
    }
    if (version == kSlowOnV1 && v2_obstacle(world, options).text.empty()) {
        set_layout(decision, View::unified, concat({name, " waits 30 s before it boots on v1"}));
    } else if (version < kFirstHybrid && world.view == View::hybrid) {
        set_layout(decision, View::legacy, concat({name, " does not know this hybrid layout"}));
    } else if (can_add_v2(world, options, version)) {
        set_layout(decision, View::hybrid,
                   concat({name, " tracks its services on v2, which the engine does not show"}));
    }
    return {};
}

Status choose_for_systemd(const World& world, const Options& options, Decision& decision) {
    const std::optional<int>& version = world.init.version;
    if (world.view == View::unified) {
        // Of an unknown version nothing else is possible, and only one before 230 would not boot.
        return version && *version < kFirstOnV2
                   ? choose_tracking(world, options, concat({"systemd ", std::to_string(*version)}), decision)
                   : Status();
    }
    if (!version) {
        return is_own_view(world) ? Status() : refuse_unknown_version(world);
    }
    return choose_on_v1(world, options, *version, decision);
}

Status choose_for_init(const World& world, const Options& options, Decision& decision) {
    if (world.init.kind == InitKind::systemd) {
        return choose_for_systemd(world, options, decision);
    }
    // finit's src/cgroup.c, cgroup_init(): in the host's cgroup namespace that is the host's root.
    if (world.init.kind == InitKind::finit && world.view != View::unified) {
        return choose_v2_only(world, options, "finit mounts v2 over whatever is at /sys/fs/cgroup",
                              CureId::another_init, decision);
    }
    return {};
}

/// A view that this systemd freezes on is no view, even if somebody asked for it.
Status refuse_impossible(const World& world, const Options& options, const Decision& decision) {
    if (world.init.kind != InitKind::systemd || !world.init.version || can_boot_on(world, decision.layout)) {
        return {};
    }
    const std::string text = concat({"systemd ", std::to_string(*world.init.version), " does not boot on the ",
                                     to_string(decision.layout), " layout"});
    return options.layout == Layout::automatic
               ? make_error(ErrorCode::layout, concat({"--method=", to_string(options.method), ": ", text}),
                            {CureId::method_auto})
               : make_error(ErrorCode::layout, concat({"--layout=", to_string(options.layout), ": ", text}),
                            {CureId::layout_auto});
}

}  // namespace

Status choose_layout(const World& world, const Options& options, Decision& decision) {
    if (world.view == View::none) {
        return world.runtime == Runtime::gvisor
                   ? make_error(ErrorCode::no_view, "this is gVisor, which shows no cgroups here",
                                {CureId::another_runtime, CureId::do_without})
                   : make_error(ErrorCode::no_view,
                                "no cgroup hierarchy is in sight, neither at /sys/fs/cgroup nor in /proc/self/cgroup",
                                {CureId::kernel_with_cgroups, CureId::do_without});
    }
    set_layout(decision, world.view,
               world.view_in_sight ? "the host's" : "the host's, by /proc/self/cgroup: nothing of it is in sight");
    Status status;
    if (options.layout != Layout::automatic && options.layout != Layout::host) {
        status = choose_wanted(world, options, decision);
    } else if (options.layout == Layout::automatic && options.method != Method::none &&
               options.method != Method::remount) {
        status = choose_for_init(world, options, decision);
    }
    if (status) {
        status = refuse_impossible(world, options, decision);
    }
    if (status) {
        warn_of_lost_controllers(world, decision);
    }
    return status;
}

}  // namespace cginit
