#pragma once

#include <string>
#include <vector>

#include "cginit/snapshot.hpp"

namespace cginit {

/// Lines of accepted files that did not become what they say, one text each: read once more by other means.
[[nodiscard]] std::vector<std::string> lost_lines(const Snapshot& snapshot, const std::string& mountinfo,
                                                  const std::string& cgroup);

}  // namespace cginit
