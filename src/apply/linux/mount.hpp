#pragma once

#include <string>

#include "cginit/op.hpp"
#include "cginit/result.hpp"

namespace cginit {

// One mount(2) each, through libmount with everything else of it switched off: no mtab, no fstab, no utab, no helpers,
// no canonicalizing. umount2(2) is called as it is.

[[nodiscard]] Status mount_filesystem(const MountFilesystem& op);
[[nodiscard]] Status bind_mount(const BindMount& op);
[[nodiscard]] Status remount_bind(const RemountBind& op);
[[nodiscard]] Status move_mount_point(const MoveMount& op);
[[nodiscard]] Status set_propagation(const SetPropagation& op);
[[nodiscard]] Status detach_mount(const DetachMount& op);

}  // namespace cginit
