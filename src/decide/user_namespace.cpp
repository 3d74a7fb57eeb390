#include "decide/obstacles.hpp"

#include <cerrno>

#include "core/text.hpp"
#include "detect/detect.hpp"

namespace cginit {
namespace {

/// By a rule of its own, which the engines' profiles and policies may lack: aa_profile_ns_perm() of Linux 6.7.
Obstacle refused_by_module(const std::string& label) {
    if (!selinux_type(label).empty()) {
        return {
            concat({"SELinux (", label, ") refuses new user namespaces"}), {CureId::no_selinux}, ErrorCode::selinux};
    }
    return {concat({"AppArmor's profile ", label, " refuses new user namespaces"}),
            {CureId::no_apparmor, CureId::apparmor_profile},
            ErrorCode::apparmor};
}

/// By SELinux' policy, or by an engine's filter, whose errno is the same.
Obstacle refused_capability(const World& world) {
    Obstacle obstacle = refused_by_module(world.security_label);
    if (world.seccomp_filter != Tri::yes) {
        return obstacle;
    }
    obstacle.text =
        concat({"SELinux (", world.security_label, ") or the engine's seccomp filter refuses new user namespaces"});
    obstacle.cures = selinux_or_filter_cures(world);
    return obstacle;
}

/// Why unshare(2) said so: kernel/user_namespace.c, create_user_ns(); kernel/fork.c, check_unshare_flags().
Obstacle refused_unshare(const World& world) {
    if (world.max_user_namespaces == 0U) {
        return {"user.max_user_namespaces is 0", {CureId::raise_user_namespaces}, ErrorCode::no_user_namespaces};
    }
    switch (world.user_namespaces.errnum) {
        case EPERM:
        case EACCES:
            // Engines' filters say EPERM, security modules EACCES.
            if (world.user_namespaces.errnum == EACCES && is_confined(world.security_label)) {
                return refused_by_module(world.security_label);
            }
            // But for a capability that SELinux' policy does not let one have: cap_capable(9) says EPERM.
            if (is_confined(world.security_label) && !selinux_type(world.security_label).empty()) {
                return refused_capability(world);
            }
            if (world.seccomp_filter == Tri::yes) {
                return {"the engine's seccomp filter refuses new user namespaces",
                        {CureId::seccomp_profile, CureId::no_seccomp},
                        ErrorCode::seccomp};
            }
            // Debian's sysctl refuses both; Ubuntu's only what AppArmor leaves alone, and that it is there a label tells.
            return {"new user namespaces are refused, and not by a seccomp filter",
                    world.security_label == "unconfined"
                        ? Cures{CureId::permit_unconfined_user_namespaces, CureId::permit_user_namespaces}
                        : Cures{CureId::permit_user_namespaces},
                    ErrorCode::no_user_namespaces};
        case ENOSPC:
        case EUSERS:
            return {"there are as many user namespaces as there may be, or 32 within each other",
                    {CureId::raise_user_namespaces},
                    ErrorCode::no_user_namespaces};
        default: return {"this kernel makes no user namespaces", {}, ErrorCode::no_user_namespaces};
    }
}

/// In a user namespace the engine's view stays below the new one, and what comes from outside by `docker exec` may find it. What
/// the engine covered itself nobody has found before, and the cover is locked together with it.
const HierarchyMount* writable_host_mount(const World& world) {
    for (const Hierarchy& hierarchy : world.hierarchies) {
        for (const HierarchyMount& mount : hierarchy.mounts) {
            if (shows_more(hierarchy, mount) == Tri::yes && mount.in_view && mount.visible && !mount.sealed &&
                !mount.entry.flags.read_only) {
                return &mount;
            }
        }
    }
    return nullptr;
}

/// With the host's network a container in a user namespace gets the host's /sys; the engine has no other way to one.
bool came_with_sys(const World& world) { return !world.initial_user_namespace && world.namespaced == Tri::yes; }

}  // namespace

Cures selinux_or_filter_cures(const World& world) {
    if (world.seccomp_filter != Tri::yes) {
        return {CureId::no_selinux};
    }
    // Docker's own permits no user namespaces without CAP_SYS_ADMIN, and no mounts; that of Podman does.
    return world.engine == Engine::podman ? Cures{CureId::no_selinux, CureId::no_selinux_other_filter}
                                          : Cures{CureId::no_selinux_other_filter, CureId::no_selinux};
}

Obstacle user_namespace_obstacle(const World& world) {
    if (!world.is_root) {
        return {"only root can map all ids into a user namespace, and a single one will not do for an init",
                {CureId::run_as_root},
                ErrorCode::not_root};
    }
    if (world.cgroup_namespaces == Tri::no) {
        return {"this kernel has no cgroup namespaces (Linux 4.6), in which alone cgroups can be mounted there",
                {},
                ErrorCode::no_cgroup_namespaces};
    }
    if (world.user_namespaces.possible == Tri::no || world.max_user_namespaces == 0U) {
        return refused_unshare(world);
    }
    if (world.uid_ranges.empty() || world.gid_ranges.empty()) {
        return {"this kernel has no user namespaces", {}, ErrorCode::no_user_namespaces};
    }
    if (!world.maps_ids) {
        return {
            "this container has not all of CAP_SETUID, CAP_SETGID and CAP_SETFCAP, which mapping ids into a user "
            "namespace needs, and a single id will not do for an init",
            {CureId::add_id_map_capabilities},
            ErrorCode::no_id_map};
    }
    if (const HierarchyMount* mount = writable_host_mount(world)) {
        return {concat({"the writable cgroup mount at ", mount->entry.point,
                        " reaches above the own cgroup, and could not be taken away there"}),
                came_with_sys(world) ? Cures{CureId::leave_out_host_network, CureId::leave_out_cgroup_mount}
                                     : Cures{CureId::leave_out_cgroup_mount},
                ErrorCode::host_mount};
    }
    return {};
}

}  // namespace cginit
