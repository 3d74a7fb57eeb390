#pragma once

#include "cginit/result.hpp"

namespace cginit {

/// Installs a seccomp(2) filter for this process and all that it will start: no new user namespace, and none of before. setns(2)
/// gives EPERM, since a filter cannot see which namespace a descriptor is; whoever lacks CAP_SYS_ADMIN can enter no other
/// namespace but a user namespace that a process of the same user made. clone(2) and
/// unshare(2) with CLONE_NEWUSER give EPERM, and clone3(2), whose flags no filter can read, ENOSYS, upon which C libraries
/// use clone(2). Needs CAP_SYS_ADMIN, seccomp(2); EINVAL where the kernel has no filters.
[[nodiscard]] Status forbid_user_namespaces();

}  // namespace cginit
