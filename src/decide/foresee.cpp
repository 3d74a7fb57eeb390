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

std::vector<Error> suspect(const World& world, const Decision& decision) {
    const std::string& label = world.security_label;
    if (decision.method == Method::none || label.empty()) {
        return {};
    }
    // `system_u:system_r:container_t:s0:c1,c2`
    if (label.find(":container_t:") != std::string::npos) {
        return {make_error(ErrorCode::selinux, concat({"SELinux (", label, ") refuses mounts"}),
                           "add --security-opt label=disable")};
    }
    if (refuses_mounts(label) && label.find("(enforce)") != std::string::npos) {
        return {make_error(ErrorCode::apparmor, concat({"AppArmor's profile ", label, " refuses mounts"}),
                           "add --security-opt apparmor=unconfined")};
    }
    return {};
}

}  // namespace

Prospect foresee(const World& world, const Options& options) {
    Prospect prospect;
    prospect.world = world;
    Options imagined = options;
    for (;;) {
        Result<Decision> decision = decide(prospect.world, imagined);
        if (decision) {
            prospect.suspected = suspect(prospect.world, *decision);
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
