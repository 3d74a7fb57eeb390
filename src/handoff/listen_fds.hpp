#pragma once

#include <string>
#include <vector>

namespace cginit {

/// The lowest descriptor that the init must not inherit: 3, or 3 + $LISTEN_FDS if these are for us, sd_listen_fds(3):
/// $LISTEN_PID is `pid`, or missing (engines hand the descriptors on before they know our pid). What is no number
/// counts as no descriptors.
[[nodiscard]] int first_fd_to_close(const std::vector<std::string>& environment, int pid);

}  // namespace cginit
