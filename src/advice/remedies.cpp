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

// The same flags in each engine's own words. Within a code the surest comes first.
constexpr Row kRows[] = {
    {ErrorCode::not_container, "docker", "docker run --entrypoint /cginit, not docker exec"},
    {ErrorCode::not_container, "podman", "podman run --entrypoint /cginit, not podman exec"},
    {ErrorCode::not_container, "kubernetes", "command: [/cginit], not kubectl exec"},
    {ErrorCode::not_container, "host", "systemd-run --scope -p Delegate=yes COMMAND (--user for a plain user)"},

    {ErrorCode::not_pid1, "docker", "leave out --init"},
    {ErrorCode::not_pid1, "podman", "leave out --init and --pid"},
    {ErrorCode::not_pid1, "compose", "init: false"},
    {ErrorCode::not_pid1, "kubernetes", "shareProcessNamespace: false"},
    {ErrorCode::not_pid1, "image", "ENTRYPOINT [\"/usr/local/bin/cginit\"], without a shell in front"},

    {ErrorCode::not_root, "docker", "--user 0"},
    {ErrorCode::not_root, "podman", "--user 0"},
    {ErrorCode::not_root, "compose", "user: \"0\""},
    {ErrorCode::not_root, "kubernetes", "securityContext: {runAsUser: 0}"},
    {ErrorCode::not_root, "image", "USER root"},

    {ErrorCode::no_sys_admin, "docker", "--cap-add SYS_ADMIN"},
    {ErrorCode::no_sys_admin, "podman", "--cap-add SYS_ADMIN"},
    {ErrorCode::no_sys_admin, "compose", "cap_add: [SYS_ADMIN]"},
    {ErrorCode::no_sys_admin, "kubernetes", "securityContext: {capabilities: {add: [SYS_ADMIN]}}"},

    {ErrorCode::no_id_map, "docker", "--cap-add SETUID --cap-add SETGID --cap-add SETFCAP"},
    {ErrorCode::no_id_map, "podman", "--cap-add SETUID --cap-add SETGID --cap-add SETFCAP"},
    {ErrorCode::no_id_map, "compose", "cap_add: [SETUID, SETGID, SETFCAP]"},
    {ErrorCode::no_id_map, "kubernetes", "securityContext: {capabilities: {add: [SETUID, SETGID, SETFCAP]}}"},

    {ErrorCode::no_setpcap, "docker", "--cap-add SETPCAP"},
    {ErrorCode::no_setpcap, "podman", "--cap-add SETPCAP"},
    {ErrorCode::no_setpcap, "compose", "cap_add: [SETPCAP]"},
    {ErrorCode::no_setpcap, "kubernetes", "securityContext: {capabilities: {add: [SETPCAP]}}"},

    {ErrorCode::apparmor, "docker", "--security-opt apparmor=unconfined"},
    {ErrorCode::apparmor, "podman", "--security-opt apparmor=unconfined"},
    {ErrorCode::apparmor, "compose", "security_opt: [\"apparmor=unconfined\"]"},
    {ErrorCode::apparmor, "kubernetes", "securityContext: {appArmorProfile: {type: Unconfined}}"},

    {ErrorCode::selinux, "docker", "--security-opt label=disable"},
    {ErrorCode::selinux, "podman", "--security-opt label=disable"},
    {ErrorCode::selinux, "compose", "security_opt: [\"label=disable\"]"},
    {ErrorCode::selinux, "kubernetes", "securityContext: {seLinuxOptions: {type: spc_t}}"},
    {ErrorCode::selinux, "host", "setsebool -P container_manage_cgroup 1"},

    {ErrorCode::seccomp, "docker", "--security-opt seccomp=unconfined"},
    {ErrorCode::seccomp, "podman", "--security-opt seccomp=unconfined"},
    {ErrorCode::seccomp, "compose", "security_opt: [\"seccomp=unconfined\"]"},
    {ErrorCode::seccomp, "kubernetes", "securityContext: {seccompProfile: {type: Unconfined}}"},
    {ErrorCode::seccomp, "host", "a profile that allows mount, umount2, unshare and setns"},

    {ErrorCode::locked_mounts, "docker", "--userns=host"},
    {ErrorCode::locked_mounts, "podman", "--userns=host instead of --uidmap and --gidmap"},
    {ErrorCode::locked_mounts, "compose", "userns_mode: host"},
    {ErrorCode::locked_mounts, "kubernetes", "hostUsers: true"},

    {ErrorCode::not_delegated, "docker", "--userns=host"},
    {ErrorCode::not_delegated, "podman", "--userns=host instead of --uidmap and --gidmap"},
    {ErrorCode::not_delegated, "compose", "userns_mode: host"},
    {ErrorCode::not_delegated, "kubernetes", "hostUsers: true"},

    {ErrorCode::no_view, "docker", "leave out -v over /sys or /sys/fs/cgroup"},
    {ErrorCode::no_view, "podman", "leave out -v over /sys or /sys/fs/cgroup"},
    {ErrorCode::no_view, "kubernetes", "leave out the volumeMount at /sys or /sys/fs/cgroup"},

    {ErrorCode::host_mount, "docker", "leave out -v /sys/fs/cgroup:..."},
    {ErrorCode::host_mount, "podman", "leave out -v /sys/fs/cgroup:..."},
    {ErrorCode::host_mount, "compose", "leave it out of volumes:"},
    {ErrorCode::host_mount, "kubernetes", "leave out the hostPath volume of /sys or /sys/fs/cgroup"},
    {ErrorCode::host_mount, "cginit", "CGINIT_KEEP_MOUNT=PATH, if the init may have it"},

    {ErrorCode::shared_mount, "docker", "leave :rshared and :rslave out of -v"},
    {ErrorCode::shared_mount, "podman", "leave :rshared and :rslave out of -v"},
    {ErrorCode::shared_mount, "kubernetes", "mountPropagation: None"},

    {ErrorCode::no_own_cgroup, "podman", "leave out --cgroups=disabled"},
    {ErrorCode::no_own_cgroup, "docker", "leave out --cgroup-parent=/"},

    {ErrorCode::host_root, "cginit", "CGINIT_ALLOW_HOST_CGROUP=1"},
    {ErrorCode::host_root, "host", "boot with systemd.unified_cgroup_hierarchy=1"},
    {ErrorCode::host_root, "image", "systemd 257 or older"},

    {ErrorCode::no_v2, "host", "Linux 4.15 or newer, booted with systemd.unified_cgroup_hierarchy=1"},
    {ErrorCode::no_v2, "image", "systemd 257 or older"},

    {ErrorCode::no_cgroup_namespaces, "host", "Linux 4.6 or newer"},
    {ErrorCode::no_cgroup_namespaces, "cginit", "CGINIT_METHOD=bind"},

    {ErrorCode::no_memory_controller, "host", "boot with cgroup_enable=memory, or a kernel with CONFIG_MEMCG"},
    {ErrorCode::no_memory_controller, "host",
     "since Linux 6.11 v1 takes a kernel with CONFIG_MEMCG_V1, off by default; without that memory is on v2 only: boot "
     "with systemd.unified_cgroup_hierarchy=1"},

    {ErrorCode::shared_processes, "cginit", "CGINIT_METHOD=userns, in each container that shares it"},
    {ErrorCode::shared_processes, "docker", "leave out --pid"},
    {ErrorCode::shared_processes, "podman", "leave out --pid; of podman pod create, --share=pid"},
    {ErrorCode::shared_processes, "kubernetes", "leave out shareProcessNamespace and hostPID"},

    {ErrorCode::layout, "cginit", "CGINIT_LAYOUT=host"},

    {ErrorCode::systemd_version, "cginit", "CGINIT_LAYOUT=host (systemd 257 or older)"},
    {ErrorCode::systemd_version, "cginit", "CGINIT_LAYOUT=unified (systemd 258 or newer)"},

    {ErrorCode::no_proc, "docker", "leave out -v over /proc"},
    {ErrorCode::no_proc, "podman", "leave out -v over /proc and --security-opt proc-opts"},

    {ErrorCode::resources, "docker", "--ulimit nofile=1024, --memory"},
    {ErrorCode::resources, "podman", "--ulimit nofile=1024, --memory"},
};

// Where that goes on confining the container.
constexpr Row kProfileRows[] = {
    {ErrorCode::apparmor, "docker", "--security-opt apparmor=cginit (examples/apparmor)"},
    {ErrorCode::apparmor, "podman", "--security-opt apparmor=cginit (examples/apparmor)"},
    {ErrorCode::apparmor, "host", "apparmor_parser -r examples/apparmor/cginit  # loads cginit"},
};

// What permits the user namespace, where the rows above say something else to the same engine.
constexpr Row kUserNamespaceRows[] = {
    {ErrorCode::seccomp, "docker", "--security-opt seccomp=docker.json (examples/seccomp)"},
    {ErrorCode::seccomp, "compose", "security_opt: [\"seccomp=docker.json\"]"},
    {ErrorCode::seccomp, "kubernetes",
     "securityContext: {seccompProfile: {type: Localhost, localhostProfile: docker.json}}"},
    {ErrorCode::seccomp, "kubernetes", "securityContext: {seccompProfile: {type: Unconfined}}"},

    {ErrorCode::host_mount, "podman", "leave out --systemd=always and -v /sys/fs/cgroup:..."},

    {ErrorCode::apparmor, "host", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
    {ErrorCode::apparmor, "docker", "--security-opt apparmor=cginit (examples/apparmor)"},
    {ErrorCode::apparmor, "podman", "--security-opt apparmor=cginit (examples/apparmor)"},
    {ErrorCode::apparmor, "compose", "security_opt: [\"apparmor=cginit\"]"},
    {ErrorCode::apparmor, "kubernetes",
     "securityContext: {appArmorProfile: {type: Localhost, localhostProfile: cginit}}"},
};

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
    for (Remedy& remedy : rows_of(kProfileRows, ErrorCode::apparmor)) {
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
