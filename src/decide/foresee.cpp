#include <algorithm>

#include "cginit/prospect.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

/// Makes the facts and the wishes those of a container where the cure was followed; false where that is another
/// container, host or image, of which nothing is known.
bool imagine_mended(ErrorCode code, World& world, Options& options) {
    switch (code) {
        case ErrorCode::not_pid1: world.is_pid1 = true; return true;
        case ErrorCode::not_root:
            world.is_root = true;
            world.has_sys_admin = world.bounds_sys_admin;
            return true;
        case ErrorCode::no_sys_admin: world.has_sys_admin = true; return true;
        case ErrorCode::no_setpcap: world.has_setpcap = true; return true;
        case ErrorCode::host_root: options.allow_host_cgroup = true; return true;
        default: return false;
    }
}

/// Profiles that engines bring along. None of them lets anybody mount: Docker's, Podman's and the like
/// (profiles/apparmor/template.go), containerd's, CRI-O's.
bool refuses_mounts(const std::string& profile) {
    return profile.starts_with("docker-default") || profile.starts_with("containers-default") ||
           profile.starts_with("cri-containerd") || profile.starts_with("crio-default");
}

/// Docker's filter permits unshare(2) of user namespaces with CAP_SYS_ADMIN only (profiles/seccomp/default.json);
/// Podman's does without, and Kubernetes has none by itself.
bool refuses_user_namespaces(const World& world) {
    return world.user_namespaces.possible == Tri::unknown && world.seccomp_filter == Tri::yes &&
           world.engine == Engine::docker && !world.has_sys_admin;
}

void suspect(Prospect& prospect, const Decision& decision) {
    const World& world = prospect.world;
    const std::string& label = world.security_label;
    std::vector<Error>& suspected = prospect.suspected;
    if (decision.authority == Authority::user_namespace && refuses_user_namespaces(world)) {
        suspected.push_back(make_error(ErrorCode::no_sys_admin,
                                       "this container has no CAP_SYS_ADMIN, which mounting cgroups needs, and cannot "
                                       "have it in a user namespace: Docker's own seccomp filter refuses new ones",
                                       {CureId::add_sys_admin, CureId::seccomp_profile, CureId::no_seccomp}));
    }
    if (decision.mounting == Mounting::keep) {
        return;
    }
    // `system_u:system_r:container_t:s0:c1,c2`
    if (label.find(":container_t:") != std::string::npos) {
        suspected.push_back(make_error(ErrorCode::selinux, concat({"SELinux (", label, ") refuses mounts"}),
                                       {CureId::no_selinux, CureId::selinux_boolean}));
    } else if (refuses_mounts(label) && label.find("(enforce)") != std::string::npos) {
        suspected.push_back(make_error(ErrorCode::apparmor, concat({"AppArmor's profile ", label, " refuses mounts"}),
                                       {CureId::no_apparmor, CureId::apparmor_profile}));
    }
}

}  // namespace

Prospect foresee(const World& world, const Options& options) {
    Prospect prospect;
    prospect.world = world;
    Options imagined = options;
    for (;;) {
        Result<Decision> decision = decide(prospect.world, imagined);
        if (decision) {
            suspect(prospect, *decision);
            prospect.decision = std::move(*decision);
            return prospect;
        }
        const ErrorCode code = decision.error().code;
        const bool again = std::any_of(prospect.missing.begin(), prospect.missing.end(),
                                       [code](const Error& error) { return error.code == code; });
        if (!again) {
            prospect.missing.push_back(decision.error());
        }
        if (again || !imagine_mended(code, prospect.world, imagined)) {
            return prospect;
        }
    }
}

}  // namespace cginit
