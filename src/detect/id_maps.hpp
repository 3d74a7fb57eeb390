#pragma once

#include <string>
#include <vector>

#include "cginit/snapshot.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// `         0       1001          1`: a plain user has one id to give to root, and the rest from /etc/subuid,
/// user_namespaces(7).
[[nodiscard]] bool is_rootless_map(const std::string& map);

/// Kernels without user namespaces have no uid_map.
[[nodiscard]] bool in_initial_user_namespace(const Snapshot& snapshot);

/// The lines of /proc/self/uid_map or gid_map.
[[nodiscard]] std::vector<IdRange> id_ranges(const std::string& map);

}  // namespace cginit
