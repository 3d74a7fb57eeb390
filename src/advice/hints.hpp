#pragma once

#include "cginit/op.hpp"
#include "cginit/result.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// The cure for an op that failed, where the errno alone misleads: EACCES on mount is a security module, EPERM is
/// seccomp or a capability, EINVAL on a move is a shared parent. Empty if there is nothing to say beyond the errno.
[[nodiscard]] Cure cure_for(const Op& op, int errnum, const World& world);

/// The cure for an errno that means the same whatever the call was: a limit of the process or the machine.
[[nodiscard]] Cure cure_for(int errnum);

}  // namespace cginit
