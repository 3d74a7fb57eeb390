#pragma once

#include <string>
#include <vector>

#include "cginit/op.hpp"
#include "cginit/snapshot.hpp"

namespace cginit {

/// The lowest descriptor that the init must not inherit: 3, or 3 + $LISTEN_FDS if these are for us, sd_listen_fds(3):
/// $LISTEN_PID is `pid`, or missing (engines hand the descriptors on before they know our pid). What is no number
/// counts as no descriptors.
[[nodiscard]] int first_fd_to_close(const std::vector<std::string>& environment, int pid);

/// What of the descriptors that this process was given must not reach the init: all from first_fd_to_close() on, and of those
/// before it each that leads out of the view. Whoever wrote the image wrote $LISTEN_FDS, too.
[[nodiscard]] CloseDescriptors descriptors_to_close(const std::vector<std::string>& environment, int pid,
                                                    const std::vector<InheritedDescriptor>& inherited);

}  // namespace cginit
