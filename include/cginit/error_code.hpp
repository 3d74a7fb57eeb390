#pragma once

namespace cginit {

/// What is the matter, under a name that stays the same in all versions: `CG-NOSYSADMIN`. docs/errors.md has the
/// symptom, the cause and the cure of each.
enum class ErrorCode {
    // codes: generated from src/advice/problems.toml by src/advice/generate_problems.py
    not_container,         ///< this is a host, or somebody else's container
    no_sys_admin,          ///< no CAP_SYS_ADMIN
    not_root,              ///< the engine gave capabilities, the user has none
    no_user_namespaces,    ///< no user namespace can be made for --method=userns
    no_id_map,             ///< no CAP_SETUID, CAP_SETGID or CAP_SETFCAP to map ids into it
    no_setpcap,            ///< no CAP_SETPCAP for --drop-cap
    apparmor,              ///< the profile refuses
    selinux,               ///< the policy refuses
    seccomp,               ///< the filter refuses
    locked_mounts,         ///< a user namespace locks the engine's mounts
    not_delegated,         ///< the cgroup belongs to a user outside the user namespace
    not_pid1,              ///< systemd has to be PID 1
    host_mount,            ///< a cgroup mount elsewhere reaches above the own cgroup
    shared_mount,          ///< mounts in the way that have peers
    shared_parent,         ///< mount(MS_MOVE) out of a shared mount
    no_view,               ///< nothing to go by at /sys/fs/cgroup
    no_own_cgroup,         ///< the container is in a cgroup of somebody else's
    no_proc,               ///< /proc is not this container's proc file system
    chroot,                ///< mounts may be out of sight
    busy,                  ///< another cginit, or processes that keep appearing
    resources,             ///< memory, open files
    host_root,             ///< the own cgroup is the host's root
    no_v2,                 ///< the kernel has no cgroup2
    no_cgroup_namespaces,  ///< the kernel has none
    layout,                ///< the host cannot give the layout
    no_memory_controller,  ///< no error: what --explain notes beside the view
    shared_processes,      ///< no error, noted likewise: others' processes are in the PID namespace
    no_hierarchy,          ///< the hierarchy that the init lives on cannot be made writable
    systemd_version,       ///< which systemd this is cannot be told
    unusable_view,         ///< --method=none and remount leave what will not do
    no_init,               ///< 127
    bad_init,              ///< 126
    usage,                 ///< an option, or its value
    bad_facts,             ///< a file of /proc, or of a capture, that the kernel did not write
    not_as_planned,        ///< a plan, or a view, that did not pass the last check
    system_call,           ///< any other call that failed
    // end of codes
};

/// `CG-NOSYSADMIN`
[[nodiscard]] const char* to_string(ErrorCode code);

}  // namespace cginit
