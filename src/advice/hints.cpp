#include "advice/advice.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "cginit/plan.hpp"
#include "core/text.hpp"
#include "decide/obstacles.hpp"
#include "detect/detect.hpp"

namespace cginit {
namespace {

constexpr const char* kModule = "a security module refuses it";
constexpr const char* kFilter = "a seccomp filter refuses it";

/// With the host's network in a user namespace; a bwrap(1) or the like in front shows the engine's mounts, not the host's.
/// Apptainer binds the host's /sys in any case.
bool came_with_network(const World& world) {
    return world.place != Place::apptainer &&
           std::any_of(world.hierarchies.begin(), world.hierarchies.end(), [](const Hierarchy& hierarchy) {
               const HierarchyMount* mount = view_mount(hierarchy);
               return mount != nullptr && is_above_own(*mount);
           });
}

Hint locked(const World& world) {
    Cures cures = {"start cginit without another user namespace around it", CureId::host_user_namespace};
    if (came_with_network(world)) {
        cures.emplace(cures.begin(), CureId::leave_out_host_network);
    }
    return {ErrorCode::locked_mounts, "the mount is locked by a user namespace above", std::move(cures)};
}

/// `docker-default (enforce)`: AppArmor; `system_u:system_r:container_t:s0:c1,c2`: SELinux.
Hint security_module(const World& world) {
    const std::string& label = world.security_label;
    if (!selinux_type(label).empty()) {
        return {ErrorCode::selinux, concat({"SELinux (", label, ") refuses it"}), {CureId::no_selinux}};
    }
    return {ErrorCode::apparmor,
            is_confined(label) ? concat({"AppArmor's profile ", label, " refuses it"}) : kModule,
            {CureId::no_apparmor, CureId::apparmor_profile}};
}

/// The capability was lost to AppArmor; a filter that lets user namespaces through and no mount says EPERM, too.
Hint unconfined(const World& world) {
    Hint hint{ErrorCode::apparmor,
              "AppArmor leaves no capability to who is unconfined in a user namespace (Ubuntu)",
              {CureId::permit_unconfined_user_namespaces, CureId::apparmor_profile, CureId::add_sys_admin}};
    if (world.seccomp_filter == Tri::yes) {
        hint.cures.emplace_back(CureId::no_seccomp);
    }
    return hint;
}

/// The workbench: what is said of no later mount. Empty if that is nothing.
Hint first_mount(int errnum, const World& world) {
    if (errnum == ENOENT) {
        return {ErrorCode::no_proc, concat({"cginit works in ", kWorkbench}), {CureId::own_proc}};
    }
    return (errnum == EPERM || errnum == EACCES) && is_unconfined_in_user_namespace(world) ? unconfined(world) : Hint{};
}

bool is_confined_by_selinux(const World& world) {
    return is_confined(world.security_label) && !selinux_type(world.security_label).empty();
}

/// SELinux says EPERM of a capability that its policy does not let one have, as a filter does.
Hint refused_capability(const World& world) {
    Hint hint = security_module(world);
    hint.cures = selinux_or_filter_cures(world);
    return hint;
}

Hint no_permission(const World& world) {
    // Where there is one to be had it was made before, and has the capability.
    if (!world.has_sys_admin && world.user_namespaces.possible != Tri::yes) {
        return {ErrorCode::no_sys_admin, {}, {CureId::add_sys_admin}};
    }
    if (is_confined_by_selinux(world)) {
        return refused_capability(world);
    }
    if (world.security_label.find("(enforce)") != std::string::npos) {
        return security_module(world);
    }
    if (world.seccomp_filter == Tri::yes) {
        return {ErrorCode::seccomp,
                kFilter,
                {CureId::no_seccomp, {CureId::seccomp_calls, "mount, umount2, unshare and setns"}}};
    }
    return locked(world);
}

/// unshare(2) or one of the two maps.
Hint no_user_namespace(int errnum, const World& world) {
    switch (errnum) {
        case ENOSPC:
        case EUSERS:
            return {ErrorCode::no_user_namespaces,
                    "there are as many user namespaces as there may be, or 32 within each other, and cginit needs two",
                    {CureId::raise_user_namespaces, CureId::add_sys_admin}};
        case EPERM:
        case EACCES:
            // Engines' filters say EPERM, security modules EACCES.
            if (errnum == EACCES && is_confined(world.security_label)) {
                return security_module(world);
            }
            if (is_confined_by_selinux(world)) {
                return refused_capability(world);
            }
            return world.seccomp_filter == Tri::yes
                       ? Hint{ErrorCode::seccomp,
                              "a seccomp filter refuses user namespaces",
                              {CureId::seccomp_profile, CureId::no_seccomp, CureId::add_sys_admin}}
                       : Hint{ErrorCode::no_user_namespaces,
                              "user namespaces are refused",
                              {CureId::permit_user_namespaces, CureId::add_sys_admin}};
        default: return {ErrorCode::no_user_namespaces, {}, {CureId::add_sys_admin}};
    }
}

Hint no_drop(int errnum) {
    switch (errnum) {
        case EINVAL:
            return {ErrorCode::seccomp,
                    "this kernel has no seccomp filters, without which user namespaces give cap_sys_admin back",
                    {CureId::keep_capabilities}};
        case EPERM:
        case EACCES:
            return {ErrorCode::seccomp, kFilter, {CureId::no_seccomp, {CureId::seccomp_calls, "prctl and capset"}}};
        default: return {};
    }
}

Hint no_own_root(const AssertNotRealRoot& asserted, const World& world) {
    return asserted.v2 ? Hint{ErrorCode::host_root, {}, {CureId::allow_host_cgroup, CureId::boot_v2}}
                       : Hint{ErrorCode::no_own_cgroup, {}, own_cgroup_cures(world)};
}

/// Of what is not as asserted, which has no errno; empty for other ops.
Hint hint_for_assertion(const Op& op, const World& world) {
    if (const auto* asserted = std::get_if<AssertNotRealRoot>(&op)) {
        return no_own_root(*asserted, world);
    }
    if (std::holds_alternative<AssertNoOutsiders>(op)) {
        return {ErrorCode::no_own_cgroup, {}, {CureId::own_cgroup}};
    }
    if (std::holds_alternative<AssertUnpopulated>(op)) {
        return {ErrorCode::host_root, {}, {CureId::host_cgroup_namespace}};
    }
    return {};
}

bool is_of_cgroups(const Op& op) { return writes(op) == Writes::cgroups || std::holds_alternative<ProbeCgroup>(op); }

/// SELinux' errno for a cgroup is the same.
Hint not_delegated(const Op& op, const World& world) {
    Cures cures = delegation_cures(world);
    if (is_of_cgroups(op) && is_confined_by_selinux(world)) {
        cures.emplace_back(CureId::selinux_boolean);
        cures.emplace_back(CureId::no_selinux);
    }
    return {ErrorCode::not_delegated, "the container's cgroup belongs to a user that its user namespace does not map",
            std::move(cures)};
}

bool makes_user_namespace(const Op& op) {
    return std::holds_alternative<UnshareUserNamespace>(op) || std::holds_alternative<MakeUserNamespace>(op) ||
           std::holds_alternative<EnterUserNamespace>(op);
}

}  // namespace

Hint hint_for(const Op& op, int errnum, const World& world) {
    if (Hint hint = hint_for_assertion(op, world); errnum == 0 && hint != Hint{}) {
        return hint;
    }
    // Seen before anything else, so no mount was refused yet.
    if ((errnum == EPERM || errnum == EACCES) && std::holds_alternative<RehearseUnmount>(op)) {
        return is_confined(world.security_label)
                   ? security_module(world)
                   : Hint{ErrorCode::seccomp, kFilter, {{CureId::seccomp_calls, "umount2"}, CureId::no_seccomp}};
    }
    if (makes_user_namespace(op)) {
        return no_user_namespace(errnum, world);
    }
    const auto* mounted = std::get_if<MountFilesystem>(&op);
    if (mounted != nullptr && mounted->target == kWorkbench) {
        Hint hint = first_mount(errnum, world);
        if (hint != Hint{}) {
            return hint;
        }
    }
    const bool unshare = std::holds_alternative<UnshareCgroupNamespace>(op);
    if (errnum == EACCES && writes(op) == Writes::mounts) {
        return security_module(world);
    }
    if (errnum == EPERM && (writes(op) == Writes::mounts || unshare)) {
        return no_permission(world);
    }
    if (errnum == EINVAL && unshare) {
        return {ErrorCode::no_cgroup_namespaces, "this kernel has no cgroup namespaces", {CureId::method_bind}};
    }
    if (errnum == EINVAL && std::holds_alternative<MoveMount>(op)) {
        // do_move_mount() says the same of both; where it is ours to change, the plan has made the one above private.
        return world.initial_user_namespace
                   ? Hint{ErrorCode::shared_parent, "the mount above it is shared with another mount namespace"}
                   : locked(world);
    }
    if (std::holds_alternative<RehearseDropCapabilities>(op)) {
        return no_drop(errnum);
    }
    if (errnum == EACCES && world.initial_user_namespace && is_of_cgroups(op) && is_confined_by_selinux(world)) {
        Hint hint = security_module(world);
        hint.cures.emplace(hint.cures.begin(), CureId::selinux_boolean);
        return hint;
    }
    if (errnum == EACCES && !world.initial_user_namespace) {
        return not_delegated(op, world);
    }
    return {};
}

Hint hint_for(int errnum) {
    switch (errnum) {
        case EMFILE: return {ErrorCode::resources, {}, {CureId::more_files}};
        case ENFILE: return {ErrorCode::resources, "the host has too many files open", {CureId::more_files_on_host}};
        case ENOMEM: return {ErrorCode::resources, {}, {CureId::more_memory}};
        default: return {};
    }
}

}  // namespace cginit
