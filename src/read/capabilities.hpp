#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cginit {

/// The names of the capabilities in a mask of /proc/self/status, `cap_sys_admin`; those that libcap does not know yet as
/// their number. capabilities(7).
[[nodiscard]] std::vector<std::string> capability_names(std::uint64_t mask);

}  // namespace cginit
