#include <algorithm>
#include <array>
#include <string_view>

#include "cginit/prospect.hpp"
#include "core/text.hpp"
#include "detect/detect.hpp"

namespace cginit {
namespace {

/// Whoever starts as root has what the container may have at most, and its cgroups may be root's.
void imagine_root(World& world) {
    constexpr unsigned kSetgid = 6;
    constexpr unsigned kSetuid = 7;
    constexpr unsigned kSetpcap = 8;
    constexpr unsigned kSetfcap = 31;
    const std::uint64_t bounding = world.bounding_capabilities;
    world.is_root = true;
    world.has_sys_admin = world.bounds_sys_admin;
    world.has_setpcap = is_set(bounding, kSetpcap);
    world.maps_ids = is_set(bounding, kSetuid) && is_set(bounding, kSetgid) && is_set(bounding, kSetfcap);
    for (Hierarchy& hierarchy : world.hierarchies) {
        hierarchy.owned = Tri::unknown;
        hierarchy.delegated = Tri::unknown;
    }
}

/// Makes the facts and the wishes those of a container where the error's first cure was followed; false where that is another
/// container, host or image, of which nothing is known.
bool imagine_mended(const Error& error, World& world, Options& options) {
    switch (error.cures.empty() ? CureId::in_words : error.cures.front().id) {
        case CureId::be_pid1:
            world.is_pid1 = true;
            world.host_processes = Tri::no;
            return true;
        case CureId::run_as_root: imagine_root(world); return true;
        case CureId::add_sys_admin: world.has_sys_admin = true; return true;
        case CureId::add_setpcap: world.has_setpcap = true; return true;
        case CureId::allow_host_cgroup: options.allow_host_cgroup = true; return true;
        default: return false;
    }
}

/// Profiles that are known to refuse every mount: those that engines bring along, of Docker, Podman and the like
/// (profiles/apparmor/template.go), containerd, CRI-O and nerdctl, and LXC's own, which lets mount only where it nests.
constexpr std::array<std::string_view, 6> kRefusing = {"docker-default", "containers-default", "cri-containerd",
                                                       "crio-default",   "nerdctl-default",    "lxc-container-default"};
/// Profiles that are known to permit them: the one that is shipped with cginit, and LXC's for nesting.
constexpr std::array<std::string_view, 2> kPermitting = {"cginit", "lxc-container-default-with-nesting"};

enum class Verdict { permits, refuses, unknown };

template <std::size_t N>
bool begins_with_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
    return std::any_of(names.begin(), names.end(),
                       [name](std::string_view candidate) { return name.starts_with(candidate); });
}

/// Of mounts: `docker-default (enforce)`. One that only complains refuses nothing.
Verdict verdict_of_profile(const std::string& label) {
    if (label.find("(enforce)") == std::string::npos || begins_with_one_of(label, kPermitting)) {
        return Verdict::permits;
    }
    return begins_with_one_of(label, kRefusing) ? Verdict::refuses : Verdict::unknown;
}

/// Of mounts, by the type: those that engines give, and svirt_* before 2017. Who chose another (container_engine_t, one of
/// udica's) may have permitted them.
Verdict verdict_of_type(const std::string& type) {
    const bool is_engines = type == "container_t" || type == "container_init_t" || type == "container_kvm_t";
    return is_engines || type.starts_with("svirt_") ? Verdict::refuses : Verdict::unknown;
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
    if (decision.authority == Authority::user_namespace && world.restricts_user_namespaces == Tri::yes &&
        world.security_label == "unconfined") {
        suspected.push_back(
            make_error(ErrorCode::apparmor,
                       "AppArmor gives a process that no profile confines no capability in a user "
                       "namespace (kernel.apparmor_restrict_unprivileged_userns=1)",
                       {CureId::permit_unconfined_user_namespaces, CureId::apparmor_profile, CureId::add_sys_admin}));
    }
    if (decision.mounting == Mounting::keep) {
        return;
    }
    const std::string type = selinux_type(label);
    const bool selinux = !type.empty();
    const Verdict verdict = selinux ? verdict_of_type(type) : verdict_of_profile(label);
    if (!is_confined(label) || verdict == Verdict::permits) {
        return;
    }
    const char* says = verdict == Verdict::refuses ? " refuses mounts" : " may refuse mounts";
    Cures cures = {CureId::no_selinux};
    if (!selinux) {
        // What the container was given by the LXC around it no engine in it can take away.
        const bool outer = label.starts_with("lxc-") && world.place != Place::lxc;
        cures = outer ? Cures{CureId::outer_nesting} : Cures{CureId::no_apparmor, CureId::apparmor_profile};
    }
    std::vector<Error>& found = verdict == Verdict::refuses ? suspected : prospect.possible;
    found.push_back(
        selinux ? make_error(ErrorCode::selinux, concat({"SELinux (", label, ")", says}), std::move(cures))
                : make_error(ErrorCode::apparmor, concat({"AppArmor's profile ", label, says}), std::move(cures)));
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
        if (again || !imagine_mended(decision.error(), prospect.world, imagined)) {
            return prospect;
        }
    }
}

}  // namespace cginit
