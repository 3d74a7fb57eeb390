#include "decide/stages.hpp"

#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"
#include "decide/controller_policy.hpp"
#include "decide/obstacles.hpp"
#include "decide/view_facts.hpp"
#include "detect/detect.hpp"

namespace cginit {
namespace {

/// Whether the init is to get a cgroup at the host's root of the hierarchy: where it has no other and needs one. A
/// hybrid layout does without v2 unless it was asked for.
HostCgroup host_cgroup_of(const Hierarchy& hierarchy, const World& world, const Options& options,
                          const Decision& decision) {
    const bool tracking =
        hierarchy_name(hierarchy) == "name=systemd" && decision.layout == View::legacy && world.view == View::unified;
    const bool wanted = hierarchy.version == HierarchyVersion::v2 &&
                        (decision.layout == View::unified || options.layout == Layout::hybrid);
    const bool possible = mounts_afresh(decision) && host_cgroup_obstacle(world, options).text.empty();
    if (possible && tracking) {
        // A new hierarchy takes CAP_SYS_ADMIN in the host's user namespace, too.
        return decision.authority == Authority::user_namespace ? HostCgroup::no : HostCgroup::yes;
    }
    if (!possible || !wanted || hierarchy.real_root == Tri::no) {
        return HostCgroup::no;
    }
    return hierarchy.real_root == Tri::yes ? HostCgroup::yes : HostCgroup::if_real_root;
}

/// Whoever starts containers below himself needs every hierarchy that he sees to be writable: runc makes a cgroup in
/// each. Memory is shown all the same: programs look for their limit there.
Access access_without_guard(const Hierarchy& hierarchy, const Decision& decision) {
    return decision.delegation.wanted && !has_controller(hierarchy, "memory") ? Access::left_out : Access::read_only;
}

bool is_listed(const Hierarchy& hierarchy, const Options& options) {
    const std::vector<std::string> named = options.writable.controllers();
    return std::any_of(named.begin(), named.end(),
                       [&hierarchy](const std::string& controller) { return has_controller(hierarchy, controller); });
}

/// What the user wants writable: less than could be, or more. v2 and named hierarchies track processes and are always.
void apply_policy(const Hierarchy& hierarchy, const Options& options, Decision& decision, HierarchyDecision& choice) {
    const bool tracks = hierarchy.version == HierarchyVersion::v2 || choice.name.starts_with("name=");
    if (options.writable == Writable::all || tracks) {
        return;
    }
    const bool listed = is_listed(hierarchy, options);
    if (!listed && choice.access == Access::writable) {
        choice.access = Access::read_only;
        choice.reason = concat({"not among --writable", choice.inner ? ", guarded all the same" : ""});
    } else if (listed && choice.access != Access::writable) {
        choice.access = Access::writable;
        const bool freezes = guard_of(hierarchy) == Guard::freezes;
        choice.reason = freezes ? "named in --writable" : "named in --writable, unguarded";
        decision.warnings.push_back(
            concat({choice.name, " is writable because --writable names it: the init can ",
                    freezes ? "freeze itself, and nobody can kill it then" : "raise its own limits of it"}));
    }
}

void guard(const Hierarchy& hierarchy, const Options& options, const Decision& decision, HierarchyDecision& choice) {
    const Guard guard = guard_of(hierarchy);
    const bool bind = decision.mounting == Mounting::bind;
    choice.access = Access::writable;
    if (guard == Guard::not_needed && (!bind || options.inner == Inner::never)) {
        choice.reason = "it limits nothing";
    } else if (options.inner == Inner::never) {
        choice.reason = "unguarded: --inner=never";
    } else if (guard == Guard::not_needed) {
        // systemd takes the path of name=systemd for the path in every hierarchy.
        choice.inner = true;
        choice.reason = "an inner cgroup, so that the init's path is the same in all";
    } else if (guard == Guard::freezes) {
        choice.inner = true;
        choice.access = access_without_guard(hierarchy, decision);
        choice.reason = "frozen by itself, the container could not be killed; guarded all the same";
    } else if (guard == Guard::impossible || (guard == Guard::unknown && bind)) {
        // A bind needs the inner cgroup to be there: it cannot be given up halfway.
        choice.access = access_without_guard(hierarchy, decision);
        choice.reason = guard == Guard::impossible ? "limits of it do not hold for children"
                                                   : "it is unknown whether memory is hierarchical";
    } else {
        choice.inner = true;
        choice.reason = guard == Guard::unknown ? "guarded if memory is hierarchical, else read-only"
                                                : "guarded by an inner cgroup";
    }
    if (choice.inner) {
        choice.init_cgroup = join_path(choice.engine_cgroup, kInnerName);
    }
}

void warn_of_flat_memory(const Hierarchy& hierarchy, const Options& options, Decision& decision,
                         const HierarchyDecision& choice) {
    if (options.writable != Writable::all || choice.access != Access::read_only ||
        !has_controller(hierarchy, "memory")) {
        return;
    }
    if (hierarchy.memory_hierarchical == Tri::no) {
        decision.warnings.emplace_back(
            "memory stays read-only: it is not hierarchical on this host (memory.use_hierarchy is 0), so that "
            "MemoryMax= has no effect");
    } else if (hierarchy.tcp_memory_limited == Tri::yes) {
        decision.warnings.emplace_back(
            "memory stays read-only: the engine limits TCP memory (memory.kmem.tcp.limit_in_bytes), which does not "
            "hold for children, so that MemoryMax= has no effect");
    }
}

HierarchyDecision choose(const Hierarchy& hierarchy, const World& world, const Options& options, Decision& decision) {
    HierarchyDecision choice;
    choice.name = hierarchy_name(hierarchy);
    choice.engine_cgroup = hierarchy.own_path;
    choice.init_cgroup = hierarchy.own_path;
    choice.host_cgroup = host_cgroup_of(hierarchy, world, options, decision);
    if (choice.host_cgroup == HostCgroup::yes) {
        choice.access = Access::writable;
        choice.init_cgroup = join_path("/", decision.host_cgroup_name);
        choice.reason = "a cgroup of its own at the host's root: --allow-host-cgroup";
        return choice;
    }
    if (const HierarchyMount* mount = view_mount(hierarchy); decision.mounting == Mounting::keep && mount != nullptr) {
        choice.access = mount->entry.flags.read_only ? Access::read_only : Access::writable;
        choice.reason = "as it stands";
        return choice;
    }
    choice.reason = hierarchy_obstacle(hierarchy, world, decision).text;
    if (!choice.reason.empty()) {
        return choice;
    }
    choice.assert_not_real_root = hierarchy.real_root == Tri::unknown;
    if (decision.mounting == Mounting::remount) {
        choice.access = Access::writable;
        choice.reason = "remounted in place";
        return choice;
    }
    guard(hierarchy, options, decision, choice);
    if (!belongs_to(hierarchy, decision.layout)) {
        // Out of sight is not out of reach: with CAP_SYS_ADMIN the init can mount it, and must not find the limits.
        choice.access = Access::left_out;
        choice.reason = concat({not_in_layout(decision.layout), choice.inner ? ", guarded all the same" : ""});
        return choice;
    }
    apply_policy(hierarchy, options, decision, choice);
    warn_of_flat_memory(hierarchy, options, decision, choice);
    return choice;
}

void warn_of_unknown_controllers(const World& world, const Options& options, Decision& decision) {
    if (decision.layout == View::unified) {
        return;  // There the kernel is asked, and its refusal told.
    }
    for (const std::string& controller : options.writable.controllers()) {
        const bool known =
            std::any_of(world.hierarchies.begin(), world.hierarchies.end(),
                        [&controller](const Hierarchy& hierarchy) { return has_controller(hierarchy, controller); });
        if (!known) {
            decision.warnings.push_back(
                concat({"--writable names ", controller, ", which no hierarchy has, ignoring"}));
        }
    }
}

/// The engine has its limits on v1 and writes what it brings in by exec to its own v2 cgroup all the same, where that is
/// EBUSY once controllers are enabled for children (runc and crun have no way round): exec, health checks and probes.
void leave_controllers_off(const World& world, const Options& options, Decision& decision) {
    const bool beside_v1 = decision.layout == View::unified && world.view != View::unified;
    const bool asked = options.delegate == Delegate::all || options.delegate.is_list();
    if (!beside_v1) {
        return;
    }
    if (asked) {
        decision.warnings.emplace_back(
            "--delegate enables controllers in the container's v2 cgroup, while the engine has its limits on v1: what "
            "it "
            "brings in by exec (docker exec, health checks) fails with EBUSY");
        return;
    }
    decision.enabled_controllers.reset();
}

/// v2 has one hierarchy for all controllers: what is not to be set is not enabled.
void choose_controllers(const World& world, const Options& options, Decision& decision) {
    leave_controllers_off(world, options, decision);
    if (options.writable == Writable::tracking) {
        decision.enabled_controllers.reset();
    } else if (options.writable.is_list() && decision.enabled_controllers) {
        decision.enabled_controllers = options.writable.controllers();
    }
}

/// The leaf that keeps processes out of the v2 root, where controllers are to be enabled.
void choose_leaf(Decision& decision) {
    for (HierarchyDecision& choice : decision.hierarchies) {
        if (decision.delegation.wanted && decision.layout == View::unified && choice.name == "unified" &&
            choice.access == Access::writable) {
            choice.leaf = kLeafName;
        }
    }
}

void warn_of_host_cgroup(Decision& decision) {
    for (const HierarchyDecision& choice : decision.hierarchies) {
        if (choice.host_cgroup == HostCgroup::yes) {
            decision.warnings.push_back(host_cgroup_warning(choice, decision));
        }
    }
}

/// Where the engine's cgroup is not above the init's, its own are no limit: the init could raise them. In a view that an
/// earlier cginit made, that one did it.
void warn_of_unlimited_cgroups(const World& world, const Options& options, Decision& decision) {
    const bool wanted = decision.max_cgroups || decision.max_depth;
    if (!wanted || (decision.mounting == Mounting::keep && is_own_view(world))) {
        return;
    }
    for (const HierarchyDecision& choice : decision.hierarchies) {
        // What is said of a cgroup at the host's root holds this, too.
        if (choice.name == "unified" && choice.access == Access::writable && !choice.inner &&
            choice.host_cgroup != HostCgroup::yes) {
            const char* reason = options.inner == Inner::never ? "--inner=never" : "the view stays as it is";
            decision.warnings.push_back(concat({kUnlimitedCgroups, ": ", reason}));
        }
    }
}

/// What keeps the init from a hierarchy that is not writable, for the error that it is missed with.
Obstacle obstacle_of(const HierarchyDecision& choice, const World& world, const Decision& decision) {
    for (const Hierarchy& hierarchy : world.hierarchies) {
        if (hierarchy_name(hierarchy) == choice.name) {
            Obstacle obstacle = hierarchy_obstacle(hierarchy, world, decision);
            if (!obstacle.text.empty()) {
                return obstacle;
            }
            // It is there, and stays read-only for what it holds besides.
            const bool kept_from_it = guard_of(hierarchy) > Guard::inner;
            return {choice.reason, kept_from_it ? Cures{CureId::inner_never} : own_cgroup_cures(world),
                    ErrorCode::no_hierarchy};
        }
    }
    return hierarchy_obstacle(tracking_hierarchy(), world, decision);
}

/// Every init of a unified layout needs the one v2 hierarchy; on v1 systemd tracks in name=systemd.
Status require_hierarchy(const World& world, const Decision& decision, const std::string& name) {
    const auto choice = std::find_if(decision.hierarchies.begin(), decision.hierarchies.end(),
                                     [&name](const HierarchyDecision& candidate) { return candidate.name == name; });
    if (choice != decision.hierarchies.end() && choice->access == Access::writable) {
        return {};
    }
    const std::string text = concat({"the init needs the ", name, " hierarchy, but "});
    if (choice == decision.hierarchies.end()) {
        return make_error(ErrorCode::no_hierarchy, concat({text, "the host has none"}), own_cgroup_cures(world));
    }
    const Obstacle obstacle = obstacle_of(*choice, world, decision);
    return make_error(obstacle.code, concat({text, choice->reason}), obstacle.cures);
}

Status require_usable(const World& world, const Decision& decision) {
    if (decision.layout == View::unified) {
        return require_hierarchy(world, decision, "unified");
    }
    if (world.init.kind == InitKind::systemd) {
        return require_hierarchy(world, decision, "name=systemd");
    }
    const bool any = std::any_of(decision.hierarchies.begin(), decision.hierarchies.end(),
                                 [](const HierarchyDecision& choice) { return choice.access == Access::writable; });
    if (any) {
        return {};
    }
    const std::string text = "no cgroup hierarchy can be made writable: ";
    if (decision.hierarchies.empty()) {
        return make_error(ErrorCode::no_hierarchy, concat({text, "there is none"}), own_cgroup_cures(world));
    }
    const HierarchyDecision& first = decision.hierarchies.front();
    const Obstacle obstacle = obstacle_of(first, world, decision);
    return make_error(obstacle.code, concat({text, first.reason}), obstacle.cures);
}

bool needs_tracking_hierarchy(const World& world, const Decision& decision) {
    return decision.layout == View::legacy && world.view == View::unified &&
           std::none_of(decision.hierarchies.begin(), decision.hierarchies.end(),
                        [](const HierarchyDecision& choice) { return choice.name == "name=systemd"; });
}

}  // namespace

Hierarchy tracking_hierarchy() {
    Hierarchy hierarchy;
    hierarchy.controllers = {"name=systemd"};
    hierarchy.own_path = "/";
    hierarchy.real_root = Tri::yes;
    return hierarchy;
}

Status choose_hierarchies(const World& world, const Options& options, Decision& decision) {
    decision.max_cgroups = options.max_cgroups;
    decision.max_depth = options.max_depth;
    decision.copy_limits = options.copy_limits == LimitCopies::automatic;
    decision.host_cgroup_name = concat({kHostCgroupPrefix, world.container_id});
    for (const Hierarchy& hierarchy : world.hierarchies) {
        decision.hierarchies.push_back(choose(hierarchy, world, options, decision));
    }
    if (needs_tracking_hierarchy(world, decision)) {
        decision.hierarchies.push_back(choose(tracking_hierarchy(), world, options, decision));
    }
    warn_of_unlimited_cgroups(world, options, decision);
    if (decision.mounting == Mounting::keep) {
        return {};
    }
    choose_controllers(world, options, decision);
    warn_of_unknown_controllers(world, options, decision);
    choose_leaf(decision);
    warn_of_host_cgroup(decision);
    return require_usable(world, decision);
}

}  // namespace cginit
