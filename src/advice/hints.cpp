#include "advice/hints.hpp"

#include <cerrno>

#include "advice/security_label.hpp"
#include "cginit/plan.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

constexpr const char* kLockedCure =
    "the mount is locked by a user namespace above: start cginit without another user namespace around it";

/// `docker-default (enforce)`: AppArmor; `system_u:system_r:container_t:s0:c1,c2`: SELinux.
Cure security_module_cure(const World& world) {
    const std::string& label = world.security_label;
    if (label.find(':') != std::string::npos) {
        return {ErrorCode::selinux,
                concat({"SELinux (", label, ") refuses it: add --security-opt label=disable, or on the host ",
                        "setsebool -P container_manage_cgroup 1"})};
    }
    if (is_confined(world)) {
        return {ErrorCode::apparmor,
                concat({"AppArmor's profile ", label, " refuses it: add --security-opt apparmor=unconfined",
                        can_be_confined(world) ? ", or --security-opt apparmor=cginit with that profile loaded "
                                                 "(examples/apparmor/cginit)"
                                               : ""})};
    }
    return {ErrorCode::apparmor,
            "a security module refuses it: add --security-opt apparmor=unconfined (SELinux: label=disable)"};
}

/// The capability was lost to AppArmor; a filter that lets user namespaces through and no mount says EPERM, too.
Cure unconfined_cure(const World& world) {
    return {
        ErrorCode::apparmor,
        concat({"AppArmor leaves no capability to who is unconfined in a user namespace (Ubuntu): on the host sysctl "
                "-w kernel.apparmor_restrict_unprivileged_userns=0, or load examples/apparmor/cginit and add "
                "--security-opt apparmor=cginit, or add --cap-add SYS_ADMIN",
                world.seccomp_filter == Tri::yes
                    ? ", and where that is 0 already --security-opt seccomp=unconfined: then a filter refuses it"
                    : ""})};
}

/// The workbench: what is said of no later mount. Empty if that is nothing.
Cure first_mount_cure(int errnum, const World& world) {
    if (errnum == ENOENT) {
        return {ErrorCode::no_proc, concat({"cginit works in ", kWorkbench, ": mount /proc without subset=pid"})};
    }
    if ((errnum == EPERM || errnum == EACCES) && is_unconfined_in_user_namespace(world)) {
        return unconfined_cure(world);
    }
    return {};
}

Cure permission_cure(const World& world) {
    // Where there is one to be had it was made before, and has the capability.
    if (!world.has_sys_admin && world.user_namespaces.possible != Tri::yes) {
        return {ErrorCode::no_sys_admin, "add --cap-add SYS_ADMIN"};
    }
    if (world.security_label.find("(enforce)") != std::string::npos) {
        return security_module_cure(world);
    }
    if (world.seccomp_filter == Tri::yes) {
        return {ErrorCode::seccomp,
                "a seccomp filter refuses it: add --security-opt seccomp=unconfined, or a profile that allows mount, "
                "umount2, unshare and setns"};
    }
    return {ErrorCode::locked_mounts, kLockedCure};
}

/// unshare(2) or one of the two maps.
Cure user_namespace_cure(int errnum, const World& world) {
    switch (errnum) {
        case ENOSPC:
        case EUSERS:
            return {ErrorCode::no_user_namespaces,
                    "there are as many user namespaces as there may be, or 32 within each other, and cginit needs two: "
                    "raise user.max_user_namespaces on the host (sysctl), or add --cap-add SYS_ADMIN"};
        case EPERM:
        case EACCES:
            return world.seccomp_filter == Tri::yes
                       ? Cure{ErrorCode::seccomp,
                              "a seccomp filter refuses user namespaces: add --security-opt seccomp=PROFILE with a "
                              "profile that allows unshare and setns (examples/seccomp), or --cap-add SYS_ADMIN"}
                       : Cure{ErrorCode::no_user_namespaces,
                              "user namespaces are refused: permit them on the host "
                              "(kernel.unprivileged_userns_clone=1, or the security module's rules), or add --cap-add "
                              "SYS_ADMIN"};
        default: return {ErrorCode::no_user_namespaces, "add --cap-add SYS_ADMIN"};
    }
}

Cure drop_cure(int errnum) {
    switch (errnum) {
        case EINVAL:
            return {
                ErrorCode::seccomp,
                "this kernel has no seccomp filters, without which user namespaces give cap_sys_admin back: leave out "
                "--drop-cap"};
        case EPERM:
        case EACCES:
            return {
                ErrorCode::seccomp,
                "a seccomp filter refuses it: add --security-opt seccomp=unconfined, or a profile that allows prctl "
                "and capset"};
        default: return {};
    }
}

}  // namespace

Cure cure_for(const Op& op, int errnum, const World& world) {
    if (const auto* asserted = std::get_if<AssertNotRealRoot>(&op)) {
        return asserted->v2
                   ? Cure{ErrorCode::host_root,
                          "permit a cgroup at the host's v2 root with --allow-host-cgroup, or boot the host with a v2 "
                          "hierarchy (systemd.unified_cgroup_hierarchy=1)"}
                   : Cure{ErrorCode::no_own_cgroup, "give the container a cgroup of its own (no --cgroups=disabled)"};
    }
    // Seen before anything else, so no mount was refused yet.
    if ((errnum == EPERM || errnum == EACCES) && std::holds_alternative<RehearseUnmount>(op)) {
        return is_confined(world)
                   ? security_module_cure(world)
                   : Cure{ErrorCode::seccomp,
                          "a seccomp filter refuses it: allow umount2, or add --security-opt seccomp=unconfined"};
    }
    if (std::holds_alternative<UnshareUserNamespace>(op) || std::holds_alternative<MakeUserNamespace>(op) ||
        std::holds_alternative<EnterUserNamespace>(op)) {
        return user_namespace_cure(errnum, world);
    }
    const auto* mounted = std::get_if<MountFilesystem>(&op);
    if (mounted != nullptr && mounted->target == kWorkbench) {
        Cure cure = first_mount_cure(errnum, world);
        if (!cure.text.empty()) {
            return cure;
        }
    }
    const bool unshare = std::holds_alternative<UnshareCgroupNamespace>(op);
    if (errnum == EACCES && writes(op) == Writes::mounts) {
        return security_module_cure(world);
    }
    if (errnum == EPERM && (writes(op) == Writes::mounts || unshare)) {
        return permission_cure(world);
    }
    if (errnum == EINVAL && unshare) {
        return {ErrorCode::no_cgroup_namespaces, "this kernel has no cgroup namespaces: use --method=bind"};
    }
    if (errnum == EINVAL && std::holds_alternative<MoveMount>(op)) {
        // do_move_mount() says the same of both; where it is ours to change, the plan has made the one above private.
        return world.initial_user_namespace
                   ? Cure{ErrorCode::shared_parent, "the mount above it is shared with another mount namespace"}
                   : Cure{ErrorCode::locked_mounts, kLockedCure};
    }
    if (std::holds_alternative<RehearseDropCapabilities>(op)) {
        return drop_cure(errnum);
    }
    if (errnum == EACCES && !world.initial_user_namespace) {
        return {ErrorCode::not_delegated,
                "the container's cgroup belongs to a user that its user namespace does not map: on the host, delegate "
                "it (systemd: Delegate=yes) or chown it to the mapped root"};
    }
    return {};
}

Cure cure_for(int errnum) {
    switch (errnum) {
        case EMFILE: return {ErrorCode::resources, "raise the limit of open files, such as with --ulimit nofile=1024"};
        case ENFILE: return {ErrorCode::resources, "the host has too many files open (fs.file-max)"};
        case ENOMEM: return {ErrorCode::resources, "give the container more memory"};
        default: return {};
    }
}

}  // namespace cginit
