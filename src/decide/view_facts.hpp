#pragma once

#include <string>
#include <vector>

#include "cginit/options.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// A cgroup mount that the init could reach besides the view: outside /sys/fs/cgroup, or hidden below another mount.
struct ElsewhereMount {
    std::string point;
    bool read_only = false;
    bool visible = false;
    bool reachable = false;  ///< and can be moved away
    bool kept = false;       ///< --keep-mount names it or a directory above
};

/// Every cgroup mount outside the view that is not sealed: it shows the own cgroup's limits or more.
[[nodiscard]] std::vector<ElsewhereMount> elsewhere_mounts(const World& world, const Options& options);

/// True if everything visible at /sys/fs/cgroup was mounted by cginit: an earlier run made the view.
[[nodiscard]] bool is_own_view(const World& world);

/// True if each mount point + the own path of /proc/self/cgroup is the own cgroup, as systemd takes it to be. It is not for a
/// process of another cgroup namespace than the one that the view was made in.
[[nodiscard]] bool finds_itself(const World& world);

/// Why the view as it stands is not private and writable, one clause; empty if it is. With `allow_read_only`
/// read-only mounts are no reason.
[[nodiscard]] std::string view_defect(const World& world, bool allow_read_only);

}  // namespace cginit
