#include <algorithm>

#include "cginit/decision.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "decide/obstacles.hpp"
#include "decide/stages.hpp"
#include "decide/view_facts.hpp"

namespace cginit {
namespace {

/// V0. A view that an earlier cginit made may be used by whoever comes later; nothing is his to change.
Status require_own_container(const World& world, bool uses_what_is_there) {
    const Obstacle obstacle = uses_what_is_there ? Obstacle{} : container_obstacle(world);
    return obstacle.text.empty() ? Status() : Status(make_error(obstacle.code, obstacle.text, obstacle.cures));
}

/// systemd as a child of another init cannot find its own cgroup and refuses to be the manager (systemd(1)).
Status require_pid1(const World& world) {
    if (world.is_pid1 || world.init.kind != InitKind::systemd) {
        return {};
    }
    return make_error(ErrorCode::not_pid1, "cginit is not PID 1, and systemd as the system manager has to be",
                      {CureId::be_pid1});
}

/// After a plain chroot(2) mountinfo does not list what lies outside, which a process with CAP_SYS_CHROOT gets at.
Status require_whole_table(const World& world) {
    if (world.root_is_mount) {
        return {};
    }
    return make_error(
        ErrorCode::chroot,
        "the root directory is no mount point (chroot), so that the mounts outside of it are out of sight",
        {"start the container with pivot_root(2), as engines do, or bind its root to itself before the chroot"});
}

/// Where no cgroup mount is in sight, only a fresh one shows the own cgroup.
Status require_view(const World& world, const Options& options) {
    const bool fresh =
        options.method == Method::automatic || options.method == Method::name_space || options.method == Method::userns;
    const auto there = world.places.find(kCgroupRoot);
    const PlaceType type = there == world.places.end() ? PlaceType::unknown : there->second;
    // mount(2) would follow a link to somewhere else.
    if (!world.view_in_sight && type != PlaceType::directory && type != PlaceType::unknown) {
        return make_error(
            ErrorCode::no_view,
            concat({"no cgroup file system is visible at /sys/fs/cgroup, and none can be mounted there: it is ",
                    type == PlaceType::absent    ? "not there"
                    : type == PlaceType::symlink ? "a symbolic link"
                                                 : "a file"}),
            {CureId::leave_out_volume});
    }
    if (world.view_in_sight || (fresh && world.cgroup_namespaces != Tri::no)) {
        return {};
    }
    const char* problem = "no cgroup file system is visible at /sys/fs/cgroup";
    if (world.cgroup_namespaces != Tri::no) {
        return make_error(ErrorCode::no_view,
                          concat({problem, ", and --method=", to_string(options.method), " mounts no fresh one"}),
                          {CureId::method_auto});
    }
    return make_error(
        ErrorCode::no_view,
        concat({problem, ", and this kernel has no cgroup namespaces (Linux 4.6), in which one could be mounted"}),
        {CureId::show_cgroups});
}

/// Leaving the view as it is keeps the promises only if an earlier cginit made it, or if the user gave up the guard.
Status decide_to_keep_view(const World& world, const Options& options, Decision& decision) {
    const bool remount = options.method == Method::remount;
    const std::string name = to_string(options.method);
    if (decision.layout != world.view) {
        return make_error(
            ErrorCode::unusable_view,
            concat({"--layout=", to_string(options.layout), " needs new mounts, --method=", name, " makes none"}),
            {CureId::method_auto});
    }
    if (options.writable != Writable::all) {
        return make_error(
            ErrorCode::unusable_view,
            concat({"--writable=", options.writable.text(), " needs new mounts, --method=", name, " makes none"}),
            {CureId::method_auto});
    }
    if (!is_own_view(world) && options.inner != Inner::never) {
        return make_error(ErrorCode::unusable_view,
                          concat({"--method=", name, " leaves the engine's limits within reach of the init"}),
                          {CureId::method_auto, CureId::inner_never});
    }
    const std::string defect = view_defect(world, remount);
    if (!defect.empty()) {
        return make_error(ErrorCode::unusable_view, concat({"--method=", name, ": ", defect}), {CureId::method_auto});
    }
    set_method(decision, options.method);
    decision.method_reason = concat({"asked for with --method=", name});
    return {};
}

/// userns-remap on v2: runc makes the container's root the owner of what an owner delegates, and of nothing else. The limits are
/// then a user's whom the user namespace does not map: of the host's, root in the container could be that user.
bool is_delegated(const World& world, const Options& options, const Decision& decision) {
    const Hierarchy* v2 = v2_hierarchy(world);
    const HierarchyMount* mount = v2 == nullptr ? nullptr : view_mount(*v2);
    if (mount == nullptr || world.view != View::unified || decision.layout != View::unified || !world.is_root ||
        world.initial_user_namespace || options.writable != Writable::all || v2->delegated != Tri::yes ||
        mount->entry.flags.read_only || !view_defect(world, false).empty()) {
        return false;
    }
    // What systemd needs besides can be mounted in a user namespace only.
    return points_without_mount(world, options).empty() || !user_namespace_obstacle(world).text.empty();
}

/// The engine made the container's own v2 cgroup writable (Docker's writable-cgroups, containerd's cgroup_writable, an annotation
/// of CRI-O's): the kernel keeps its limits from whoever is in that cgroup's namespace while the host has nsdelegate, cgroups(7).
/// Whoever can make another cgroup namespace below it is in that one and writes them all the same, which a user namespace or the
/// capability gives: neither may be had by anybody in the container, for as long as the host stays as it is.
bool is_guarded_by_nsdelegate(const World& world, const Options& options, const Decision& decision) {
    const Hierarchy* v2 = v2_hierarchy(world);
    const HierarchyMount* mount = v2 == nullptr ? nullptr : view_mount(*v2);
    const bool closed = world.user_namespaces.closed == Tri::yes || world.max_user_namespaces == 0U;
    if (mount == nullptr || world.view != View::unified || decision.layout != View::unified || !world.is_root ||
        !closed || world.bounds_sys_admin || options.writable != Writable::all || world.namespaced != Tri::yes ||
        v2->real_root != Tri::no || v2->owned == Tri::no || mount->exposure != Exposure::namespaced ||
        !view_defect(world, false).empty()) {
        return false;
    }
    const std::vector<std::string> flags = split(mount->entry.super_options, ',');
    return std::find(flags.begin(), flags.end(), "nsdelegate") != flags.end();
}

/// `--network=host` with a user namespace: the engine binds the host's /sys with all below it, and mounts its own view over the
/// host's. What came along in a bind may be locked to what it lies on there, mount_namespaces(7): it cannot be taken away, and could
/// be uncovered, unless all of it is locked together.
bool may_cover_locked_mount(const World& world) {
    if (world.initial_user_namespace) {
        return false;
    }
    return std::any_of(world.hierarchies.begin(), world.hierarchies.end(), [](const Hierarchy& hierarchy) {
        return std::any_of(hierarchy.mounts.begin(), hierarchy.mounts.end(), [&](const HierarchyMount& mount) {
            return mount.in_view && !mount.visible && !mount.sealed && shows_more(hierarchy, mount) == Tri::yes;
        });
    });
}

/// Building the view takes CAP_SYS_ADMIN, which a user namespace gives to whoever makes it.
Status decide_on_userns(const World& world, const Options& options, Decision& decision) {
    const Obstacle obstacle = user_namespace_obstacle(world);
    if (options.method == Method::userns && !obstacle.text.empty()) {
        const Error error = make_error(obstacle.code, concat({"--method=userns: ", obstacle.text}), obstacle.cures);
        // The capability is of use to root alone.
        return world.is_root ? error.with_cures({CureId::auto_with_sys_admin}) : error;
    }
    if (options.method == Method::userns) {
        set_method(decision, Method::userns);
        decision.method_reason = "asked for with --method=userns";
    } else if (options.method == Method::automatic && obstacle.text.empty() && !world.has_sys_admin) {
        set_method(decision, Method::userns);
        decision.method_reason = "this container has no CAP_SYS_ADMIN, and in a user namespace it has";
    } else if (options.method == Method::automatic && obstacle.text.empty() && may_cover_locked_mount(world)) {
        set_method(decision, Method::userns);
        decision.method_reason =
            "the engine's view covers a mount of the host's, which may be locked, and is kept covered there";
    }
    return {};
}

Status decide_method(const World& world, const Options& options, Decision& decision) {
    if (options.method == Method::none || options.method == Method::remount) {
        return decide_to_keep_view(world, options, decision);
    }
    if (options.method == Method::automatic && decision.layout == world.view && is_own_view(world) &&
        (!world.is_pid1 || (finds_itself(world) && view_defect(world, options.writable != Writable::all).empty()))) {
        set_method(decision, Method::none);
        decision.method_reason = "an earlier cginit made the view private and writable";
        return {};
    }
    if (options.method == Method::automatic && !world.has_sys_admin && is_delegated(world, options, decision)) {
        set_method(decision, Method::none);
        decision.authority = Authority::delegation;
        decision.method_reason = "the engine delegated the container's cgroup, whose limits belong to another user";
        return {};
    }
    Status status = decide_on_userns(world, options, decision);
    if (!status || decision.authority == Authority::user_namespace) {
        return status;
    }
    if (options.method == Method::automatic && !world.has_sys_admin &&
        is_guarded_by_nsdelegate(world, options, decision)) {
        set_method(decision, Method::none);
        decision.authority = Authority::delegation;
        decision.method_reason = "the engine made the container's cgroup writable, and the host has nsdelegate";
        decision.warnings.emplace_back(
            "the engine's limits hold only while the host mounts cgroup2 with nsdelegate, which any container can take "
            "from "
            "it: an inner level needs CAP_SYS_ADMIN or a user namespace");
        return {};
    }
    if (options.method == Method::name_space && world.cgroup_namespaces == Tri::no) {
        return make_error(ErrorCode::no_cgroup_namespaces,
                          "--method=namespace: this kernel has no cgroup namespaces (Linux 4.6)",
                          {CureId::method_bind});
    }
    if (options.method != Method::automatic) {
        set_method(decision, options.method);
        decision.method_reason = concat({"asked for with --method=", to_string(options.method)});
    } else if (world.cgroup_namespaces == Tri::no) {
        set_method(decision, Method::bind);
        decision.method_reason = "this kernel has no cgroup namespaces";
    } else {
        set_method(decision, Method::name_space);
        decision.method_reason = "the kernel has cgroup namespaces";
    }
    return {};
}

Status decide_elsewhere(const World& world, const Options& options, Decision& decision) {
    for (const ElsewhereMount& mount : elsewhere_mounts(world, options)) {
        if (mount.kept) {
            decision.kept_elsewhere.push_back(mount.point);
            continue;
        }
        const Cure keep{CureId::keep_mount, mount.point};
        if (!mount.read_only) {
            return make_error(ErrorCode::host_mount,
                              concat({"a writable cgroup mount at ", mount.point, " reaches above the own cgroup"}),
                              {{CureId::leave_out_volume_at, mount.point}, keep});
        }
        if (decision.authority == Authority::user_namespace && !mount.visible) {
            continue;  // What covers it cannot be taken away there.
        }
        const bool can_go = decision.authority == Authority::user_namespace ? mount.visible : mount.reachable;
        if (!can_go || is_at_or_below(mount.point, "/run")) {
            return make_error(ErrorCode::host_mount,
                              concat({"the cgroup mount at ", mount.point, " cannot be taken out of reach"}),
                              {{CureId::leave_out_volume_at, mount.point}, keep});
        }
        if (decision.mounting == Mounting::keep || decision.mounting == Mounting::remount) {
            return make_error(ErrorCode::host_mount,
                              concat({"a cgroup mount at ", mount.point, " reaches above the own cgroup"}),
                              {CureId::method_auto, keep});
        }
        decision.detach_elsewhere.push_back(mount.point);
        decision.warnings.push_back(concat({"the read-only cgroup mount at ", mount.point, " is ",
                                            decision.authority == Authority::user_namespace ? "covered" : "detached",
                                            " (--keep-mount ", mount.point, " if the init may have it)"}));
    }
    return {};
}

void decide_delegation(const World& world, const Options& options, Decision& decision) {
    Delegation& delegation = decision.delegation;
    if (decision.mounting == Mounting::keep || decision.mounting == Mounting::remount) {
        delegation.reason = "the view stays as it is";
    } else if (options.delegate == Delegate::automatic) {
        delegation.wanted = world.init.kind != InitKind::systemd;
        delegation.reason = delegation.wanted ? "only systemd does it itself" : "systemd does it itself";
    } else {
        delegation.wanted = options.delegate != Delegate::none;
        delegation.controllers = options.delegate.controllers();
        delegation.reason = "asked for with --delegate";
    }
}

Status decide_capabilities(const World& world, const Options& options, Decision& decision) {
    if (!options.drop_capabilities.empty() && !world.has_setpcap && decision.authority != Authority::user_namespace) {
        return make_error(ErrorCode::no_setpcap, "--drop-cap needs CAP_SETPCAP, which this container has not",
                          {CureId::add_setpcap, CureId::drop_by_engine});
    }
    decision.drop_capabilities = options.drop_capabilities;
    decision.go_on = choose_on_failure(world, options);
    return {};
}

/// An init that needs no cgroups would do without cginit's.
bool can_go_on(const World& world, Options options) {
    options.on_failure = OnFailure::proceed;
    return choose_on_failure(world, options).taken;
}

Status require_sys_admin(const World& world, const Options& options, const Decision& decision) {
    if (decision.mounting == Mounting::keep || decision.authority == Authority::user_namespace) {
        return {};
    }
    if (!world.is_root) {
        const bool needless = world.init.kind != InitKind::systemd && can_go_on(world, options);
        return make_error(ErrorCode::not_root,
                          "cginit is not root here, and mounting cgroups needs root with CAP_SYS_ADMIN",
                          needless ? Cures{CureId::do_without, CureId::run_as_root} : Cures{CureId::run_as_root});
    }
    if (world.has_sys_admin) {
        return {};
    }
    const std::string problem = "this container has no CAP_SYS_ADMIN, which mounting cgroups needs";
    if (options.method != Method::automatic) {
        return make_error(ErrorCode::no_sys_admin, problem, {CureId::add_sys_admin});
    }
    const Obstacle obstacle = user_namespace_obstacle(world);
    const Error error = make_error(ErrorCode::no_sys_admin,
                                   concat({problem, ", and cannot have it in a user namespace: ", obstacle.text}));
    // What came along with the host's /sys may be locked, and what refuses user namespaces by a rule refuses mounts, too: there
    // the capability need not help.
    const bool last = obstacle.code == ErrorCode::apparmor || obstacle.code == ErrorCode::selinux ||
                      (!obstacle.cures.empty() && obstacle.cures.front() == Cure{CureId::leave_out_host_network});
    return last ? error.with_cures(obstacle.cures).with_cures({CureId::add_sys_admin})
                : error.with_cures({CureId::add_sys_admin}).with_cures(obstacle.cures);
}

}  // namespace

Result<Decision> decide(const World& world, const Options& options) {
    Decision decision;
    Status status = require_own_container(world, is_own_view(world));
    if (status) {
        status = require_pid1(world);
    }
    if (status) {
        status = require_whole_table(world);
    }
    if (status) {
        status = require_view(world, options);
    }
    if (status) {
        status = choose_layout(world, options, decision);
    }
    if (status) {
        status = decide_method(world, options, decision);
    }
    if (status) {
        status = decide_elsewhere(world, options, decision);
    }
    if (status) {
        status = refuse_mount_obstacles(world, decision);
    }
    if (status) {
        decide_delegation(world, options, decision);
        status = choose_hierarchies(world, options, decision);
    }
    if (!status) {
        return status.error();
    }
    status = require_sys_admin(world, options, decision);
    if (status) {
        status = decide_capabilities(world, options, decision);
    }
    if (status) {
        status = choose_expectations(world, options, decision);
    }
    if (status) {
        status = require_own_container(world, changes_nothing(decision));
    }
    if (!status) {
        return status.error();
    }
    decision.weakened = weakening_settings(world, options, decision);
    return decision;
}

bool changes_nothing(const Decision& decision) {
    return decision.mounting == Mounting::keep && decision.authority != Authority::delegation &&
           !needs_workbench(decision) && !decision.sys_read_only.taken && !decision.share_tree.taken;
}

}  // namespace cginit
