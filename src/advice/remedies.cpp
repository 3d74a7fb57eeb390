#include "advice/remedies.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <span>

#include "advice/security_label.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

struct Row {
    ErrorCode code;
    const char* where;
    const char* setting;
};

// kRows: the same flags in each engine's own words. Within a code the surest comes first. kConfinedRows: where that goes on
// confining the container. kUserNamespaceRows: what permits the user namespace, where the first say something else to the same
// engine.
#include "advice/problem_rows.inc"

std::vector<Remedy> rows_of(std::span<const Row> rows, ErrorCode code) {
    std::vector<Remedy> remedies;
    for (const Row& row : rows) {
        if (row.code == code) {
            remedies.push_back({row.where, row.setting});
        }
    }
    return remedies;
}

/// An alternative to what was named before: `--cap-add SYS_ADMIN instead`; where `#` starts a comment, in one.
Remedy instead(Remedy remedy) {
    const bool words = remedy.setting.starts_with("--") || remedy.setting.starts_with("leave ");
    remedy.setting += words ? " instead" : " # instead";
    return remedy;
}

void append_instead(std::vector<Remedy>& remedies, const std::vector<Remedy>& others) {
    std::transform(others.begin(), others.end(), std::back_inserter(remedies), instead);
}

/// What the host has to permit, by how unshare(2) was refused; none where the kernel cannot make a user namespace.
std::vector<Remedy> host_permissions(const World& world) {
    const int errnum = world.user_namespaces.errnum;
    const bool none_left = world.max_user_namespaces == 0U || errnum == ENOSPC || errnum == EUSERS;
    if (none_left || world.user_namespaces.possible == Tri::yes) {
        return {{"host", "sysctl -w user.max_user_namespaces=10000"}};
    }
    if (errnum == EPERM || errnum == EACCES) {
        return {{"host", world.security_label == "unconfined"
                             ? "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
                             : "sysctl -w kernel.unprivileged_userns_clone=1"}};
    }
    return {};
}

/// What lets AppArmor permit the mounts. apparmor=unconfined is named first: it takes nothing that has to be loaded, and
/// where the container keeps CAP_SYS_ADMIN no profile is better. `barrier` is what keeps it from a user namespace: then the
/// capability was named as a cure before, and the profile is for who took the other one.
std::vector<Remedy> profile_remedies(const World& world, std::optional<ErrorCode> barrier) {
    std::vector<Remedy> remedies = rows_of(kRows, ErrorCode::apparmor);
    if (!can_be_confined(world)) {
        return remedies;
    }
    for (Remedy& remedy : rows_of(kConfinedRows, ErrorCode::apparmor)) {
        if (barrier && remedy.where != "host") {
            remedy.setting += ", without SYS_ADMIN";
        }
        remedies.push_back(std::move(remedy));
    }
    return remedies;
}

/// For who is unconfined and needs a capability in a user namespace.
std::vector<Remedy> unconfined_remedies(const World& world) {
    std::vector<Remedy> remedies = rows_of(kUserNamespaceRows, ErrorCode::apparmor);
    append_instead(remedies, rows_of(kRows, ErrorCode::no_sys_admin));
    if (world.seccomp_filter == Tri::yes) {
        append_instead(remedies, rows_of(kRows, ErrorCode::seccomp));
    }
    return remedies;
}

/// What takes away `barrier`, which keeps the container from having CAP_SYS_ADMIN in a user namespace.
std::vector<Remedy> user_namespace_remedies(ErrorCode barrier, const World& world) {
    if (barrier == ErrorCode::no_user_namespaces) {
        return host_permissions(world);
    }
    const std::vector<Remedy> own = rows_of(kUserNamespaceRows, barrier);
    std::vector<Remedy> remedies = own;
    for (Remedy& remedy : rows_of(kRows, barrier)) {
        const bool known =
            std::any_of(own.begin(), own.end(), [&remedy](const Remedy& other) { return other.where == remedy.where; });
        // How the container is started decides, not what cginit is told.
        if (!known && remedy.where != "cginit" && remedy.where != "host") {
            remedies.push_back(std::move(remedy));
        }
    }
    return remedies;
}

// systemd.resource-control(5), Delegate=; user@.service has what `systemctl --user` and rootless engines live in.
constexpr const char* kDelegateUnit =
    "mkdir -p /etc/systemd/system/user@.service.d\n"
    "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' \\\n"
    "  > /etc/systemd/system/user@.service.d/delegate.conf\n"
    "systemctl daemon-reload  # then log in again";

/// The mapped root as the host numbers it; the id of `0 100000 65536` is 100000.
std::string outer_root(const std::vector<IdRange>& ranges) {
    for (const IdRange& range : ranges) {
        if (range.first == 0) {
            return std::to_string(range.outside);
        }
    }
    return "ROOT";
}

/// Exactly what an owner hands over, cgroups(7), "Cgroups delegation: delegating a hierarchy to a less privileged user".
/// Before the container's program is there: of engines only Podman has a moment for it, with others it is a hook's work.
std::string chown_commands(const World& world) {
    const bool podman = world.engine == Engine::podman;
    const std::string id = world.container_id.empty() ? "CONTAINER" : world.container_id.substr(0, 12);
    const std::string owner = concat({outer_root(world.uid_ranges), ":", outer_root(world.gid_ranges)});
    const std::string begin =
        podman ? concat({"# podman create instead of run, and podman init; then this:\n",
                         "pid=$(podman inspect -f '{{.State.Pid}}' ", id, ")\n"})
               : "# in a createRuntime hook of the runtime's, which reads the state:\npid=$(jq .pid)\n";
    return concat({begin, "cd \"/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$pid/cgroup)\" && chown ", owner, " .\n",
                   "for f in $(cat /sys/kernel/cgroup/delegate); do\n", "  [ ! -e $f ] || chown ", owner, " $f; done",
                   podman ? "\n# and last podman start" : ""});
}

/// What has to be done depends on who made the cgroup. `others` are those that give up the user namespace.
std::vector<Remedy> delegation_remedies(const World& world, const std::vector<Remedy>& others) {
    const bool v2 = world.view == View::unified;
    std::vector<Remedy> remedies;
    if (world.rootless && v2) {
        remedies.push_back({"host", kDelegateUnit});
    }
    if (world.rootless) {
        remedies.push_back({"podman", "run it as root (sudo podman run)"});
        return remedies;
    }
    remedies = others;
    if (world.engine == Engine::docker && v2) {
        remedies.push_back({"host", "dockerd --exec-opt native.cgroupdriver=systemd  # delegates"});
    }
    if (v2) {
        remedies.push_back({"host", chown_commands(world)});
    }
    return remedies;
}

const char* home_of(Engine engine) {
    switch (engine) {
        case Engine::docker: return "docker";
        case Engine::podman: return "podman";
        case Engine::kubernetes: return "kubernetes";
        case Engine::lxc:
        case Engine::oci: break;
    }
    return "";
}

}  // namespace

std::vector<Remedy> remedies_for(ErrorCode code, const World& world, std::optional<ErrorCode> barrier) {
    std::vector<Remedy> remedies = rows_of(kRows, code);
    if (code == ErrorCode::no_sys_admin && barrier) {
        append_instead(remedies, user_namespace_remedies(*barrier, world));
    }
    if (code == ErrorCode::apparmor) {
        remedies =
            is_unconfined_in_user_namespace(world) ? unconfined_remedies(world) : profile_remedies(world, barrier);
    }
    if (code == ErrorCode::no_user_namespaces) {
        std::vector<Remedy> capability = rows_of(kRows, ErrorCode::no_sys_admin);
        remedies = host_permissions(world);
        if (remedies.empty()) {
            return capability;
        }
        append_instead(remedies, capability);
    }
    // A rootless engine makes no cgroup where it may not: the container is in the user's own, or in the host's root.
    const bool left_in_place = world.rootless && (code == ErrorCode::no_hierarchy || code == ErrorCode::no_own_cgroup);
    if (code == ErrorCode::not_delegated || left_in_place) {
        remedies = delegation_remedies(world, remedies);
    }
    const std::string home = home_of(world.engine);
    const bool first_is_ours =
        !remedies.empty() && (remedies.front().where == "cginit" || remedies.front().where == "host");
    if (!first_is_ours) {
        std::stable_partition(remedies.begin(), remedies.end(),
                              [&home](const Remedy& remedy) { return remedy.where == home; });
    }
    return remedies;
}

}  // namespace cginit
