#pragma once

#include <string>

#include "cginit/op.hpp"
#include "cginit/result.hpp"
#include "cginit/snapshot.hpp"
#include "core/unique_fd.hpp"

namespace cginit {

// One mount(2) each, through libmount with everything else of it switched off: no mtab, no fstab, no utab, no helpers,
// no canonicalizing. umount2(2) is called as it is.

[[nodiscard]] Status mount_filesystem(const MountFilesystem& op);
[[nodiscard]] Status bind_mount(const BindMount& op);
[[nodiscard]] Status remount_bind(const RemountBind& op);
[[nodiscard]] Status move_mount_point(const MoveMount& op);
[[nodiscard]] Status set_propagation(const SetPropagation& op);
[[nodiscard]] Status detach_mount(const DetachMount& op);

/// Namespaces that nobody is in; they last as long as the descriptors, which no init sees.
struct KeptNamespaces {
    UniqueFd user;
    UniqueFd cgroup;
};

[[nodiscard]] Status unshare_with_maps(const UnshareUserNamespace& op);
[[nodiscard]] Result<KeptNamespaces> make_namespaces(const MakeUserNamespace& op);
[[nodiscard]] Status enter_namespaces(const KeptNamespaces& kept);

/// Installs a seccomp(2) filter for this process and all that it will start: no new user namespace, and none of before. setns(2)
/// gives EPERM, since a filter cannot see which namespace a descriptor is; whoever lacks CAP_SYS_ADMIN can enter no other
/// namespace but a user namespace that a process of the same user made. clone(2) and
/// unshare(2) with CLONE_NEWUSER give EPERM, and clone3(2), whose flags no filter can read, ENOSYS, upon which C libraries
/// use clone(2). Needs CAP_SYS_ADMIN, seccomp(2); EINVAL where the kernel has no filters.
[[nodiscard]] Status forbid_user_namespaces();

// The last changes to the process itself.

[[nodiscard]] Status close_descriptors(const CloseDescriptors& op);
[[nodiscard]] Status drop_capabilities(const DropCapabilities& op);
[[nodiscard]] Status keep_capabilities(const KeepCapabilities& op);
/// Returns only on failure: 127 if file or interpreter is missing, else 126.
[[nodiscard]] Status execute_program(const ExecuteProgram& op);

/// Whether execve(2) takes the file: a child executes it and is killed before its first instruction, ptrace(2). Unknown where
/// the child may not be traced, or is refused for another reason than the file's format.
[[nodiscard]] Tri kernel_executes(const std::string& file);

// What would come too late if it failed where it is done, tried in a child process that ends right after it.

[[nodiscard]] Status rehearse_drop_capabilities(const RehearseDropCapabilities& op);
[[nodiscard]] Status rehearse_unmount(const RehearseUnmount& op);

}  // namespace cginit
