#pragma once

#include "cginit/op.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// A fresh mount of the hierarchy as it exists on the host: the exact set of controllers, and the flags that its
/// superblock has, since another set is EPERM or EBUSY and other flags make the kernel complain in its log
/// (kernel/cgroup/cgroup-v1.c, cgroup1_root_to_use).
[[nodiscard]] MountFilesystem cgroup_mount(const Hierarchy& hierarchy, const std::string& target, bool read_only);

}  // namespace cginit
