#include "cginit/error_code.hpp"

namespace cginit {

const char* to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::usage: return "CG-USAGE";
        case ErrorCode::no_proc: return "CG-NOPROC";
        case ErrorCode::bad_facts: return "CG-BADFACTS";
        case ErrorCode::not_container: return "CG-NOTCONTAINER";
        case ErrorCode::not_pid1: return "CG-NOTPID1";
        case ErrorCode::chroot: return "CG-CHROOT";
        case ErrorCode::not_root: return "CG-NOTROOT";
        case ErrorCode::no_sys_admin: return "CG-NOSYSADMIN";
        case ErrorCode::no_setpcap: return "CG-NOSETPCAP";
        case ErrorCode::no_user_namespaces: return "CG-NOUSERNS";
        case ErrorCode::no_id_map: return "CG-NOIDMAP";
        case ErrorCode::no_view: return "CG-NOVIEW";
        case ErrorCode::unusable_view: return "CG-UNUSABLEVIEW";
        case ErrorCode::no_cgroup_namespaces: return "CG-NOCGROUPNS";
        case ErrorCode::host_mount: return "CG-HOSTMOUNT";
        case ErrorCode::shared_mount: return "CG-SHAREDMOUNT";
        case ErrorCode::no_own_cgroup: return "CG-NOCGROUP";
        case ErrorCode::host_root: return "CG-HOSTROOT";
        case ErrorCode::no_v2: return "CG-NOV2";
        case ErrorCode::layout: return "CG-LAYOUT";
        case ErrorCode::no_memory_controller: return "CG-NOMEMORY";
        case ErrorCode::shared_processes: return "CG-SHAREDPID";
        case ErrorCode::no_hierarchy: return "CG-NOHIERARCHY";
        case ErrorCode::systemd_version: return "CG-SYSTEMDVERSION";
        case ErrorCode::apparmor: return "CG-APPARMOR";
        case ErrorCode::selinux: return "CG-SELINUX";
        case ErrorCode::seccomp: return "CG-SECCOMP";
        case ErrorCode::locked_mounts: return "CG-LOCKED";
        case ErrorCode::not_delegated: return "CG-NOTDELEGATED";
        case ErrorCode::shared_parent: return "CG-SHAREDPARENT";
        case ErrorCode::busy: return "CG-BUSY";
        case ErrorCode::resources: return "CG-RESOURCES";
        case ErrorCode::not_as_planned: return "CG-NOTASPLANNED";
        case ErrorCode::no_init: return "CG-NOINIT";
        case ErrorCode::bad_init: return "CG-BADINIT";
        case ErrorCode::system_call: return "CG-SYSCALL";
    }
    return "";
}

}  // namespace cginit
