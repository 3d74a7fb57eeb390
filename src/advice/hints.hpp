#pragma once

#include "cginit/op.hpp"
#include "cginit/result.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// What it means that an op failed, where the errno alone misleads: EACCES on mount is a security module, EPERM is
/// seccomp or a capability, EINVAL on a move is a shared parent. Empty if there is nothing to say beyond the errno.
[[nodiscard]] Hint hint_for(const Op& op, int errnum, const World& world);

/// The same for an errno that means one thing whatever the call was: a limit of the process or the machine.
[[nodiscard]] Hint hint_for(int errnum);

}  // namespace cginit
