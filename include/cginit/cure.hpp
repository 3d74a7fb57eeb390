#pragma once

#include <string>
#include <vector>

namespace cginit {

/// What mends a problem, under the name that src/advice/cures.toml gives it: what to write in each place is there.
enum class CureId {
    // cures: generated from src/advice/cures.toml by src/advice/generate_problems.py
    be_entrypoint,
    own_scope,
    be_pid1,
    own_user_namespaces,
    own_processes,
    add_sys_admin,
    auto_with_sys_admin,
    run_as_root,
    add_id_map_capabilities,
    add_setpcap,
    drop_by_engine,
    add_sys_nice,
    keep_capabilities,
    raise_user_namespaces,
    permit_user_namespaces,
    permit_unconfined_user_namespaces,
    seccomp_profile,
    no_seccomp,
    seccomp_calls,
    no_apparmor,
    outer_nesting,
    apparmor_profile,
    no_selinux,
    no_selinux_other_filter,
    selinux_boolean,
    host_user_namespace,
    delegate_to_user,
    linger,
    rootful,
    systemd_cgroup_driver,
    writable_pod_cgroup,
    give_cgroup,
    leave_out_volume,
    leave_out_volume_at,
    leave_out_cgroup_mount,
    leave_out_host_network,
    keep_mount,
    no_propagation,
    another_runtime,
    kernel_with_cgroups,
    do_without,
    show_cgroups,
    own_cgroup,
    host_cgroup_namespace,
    own_proc,
    engine_tmpfs,
    engine_tmpfs_each,
    more_files,
    more_files_on_host,
    more_memory,
    allow_host_cgroup,
    mount_tracking,
    boot_v2,
    boot_v1,
    kernel_with_v2,
    kernel_with_cgroup_namespaces,
    kernel_with_memory,
    newer_systemd,
    older_systemd,
    another_init,
    layout_host,
    layout_auto,
    layout_by_version,
    method_auto,
    method_bind,
    method_namespace,
    inner_never,
    no_tmpfs,
    tmpfs_without,
    // end of cures
    in_words,  ///< what needs no words of an engine's: the text itself is the only argument
};

/// A cure with what the error knows about it.
struct Cure {
    CureId id = CureId::in_words;
    std::vector<std::string> arguments;  ///< what takes the place of `{0}`, `{1}`

    Cure(CureId named) : id(named) {}  // NOLINT(google-explicit-constructor)
    Cure(CureId named, std::string argument) : id(named), arguments({std::move(argument)}) {}
    Cure(std::string text) : arguments({std::move(text)}) {}  // NOLINT(google-explicit-constructor)
    Cure(const char* text) : arguments({text}) {}             // NOLINT(google-explicit-constructor)

    bool operator==(const Cure&) const = default;
};

/// Each will do; the surest is the first.
using Cures = std::vector<Cure>;

/// `{0}` and `{1}` of a text replaced by the arguments.
[[nodiscard]] std::string filled(std::string text, const std::vector<std::string>& arguments);

/// In words that fit every place: those of the command lines of Docker and Podman.
[[nodiscard]] std::string text_of(const Cure& cure);

/// `add --cap-add SYS_ADMIN, or leave that volume out`
[[nodiscard]] std::string text_of(const Cures& cures);

}  // namespace cginit
