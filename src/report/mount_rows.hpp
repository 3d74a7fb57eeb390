#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cginit/decision.hpp"
#include "cginit/plan.hpp"

namespace cginit {

/// How far a cgroup mount reaches.
enum class Reach {
    private_,  ///< the init's own cgroup, and the mount's cgroup namespace ends there
    own,       ///< the init's own cgroup, by its path from the host's root
    engine,    ///< the engine's cgroup, above the init's
    host,      ///< more than the container's cgroup
};

/// What a mount shows.
struct ShownMount {
    int id = 0;
    bool read_only = false;
    /// The file system or the hierarchy: `tmpfs`, `cgroup2`, `name=systemd`; empty where the mount point says it.
    std::string what;
    std::optional<Reach> reach;  ///< only of cgroup mounts
    bool unsure = false;         ///< the own cgroup may be the host's root
    std::string cgroup;          ///< its root, by the path that it had before the plan

    /// Than the init's own cgroup.
    [[nodiscard]] bool shows_more() const { return reach == Reach::engine || reach == Reach::host; }
    bool operator==(const ShownMount&) const = default;
};

/// One mount point before and after the plan; no value: nothing is mounted there.
struct MountRow {
    std::string point;
    bool covered = false;  ///< other mounts cover it, and who may unmount these can reach it
    std::optional<ShownMount> before;
    std::optional<ShownMount> after;

    [[nodiscard]] bool is_changed() const { return before != after; }
};

/// What can be seen at and below /sys/fs/cgroup, every cgroup mount elsewhere, and what the plan changes besides; of
/// covered mounts those that show more than the own cgroup. In the order of a tree walk.
[[nodiscard]] std::vector<MountRow> mount_rows(const World& world, const Decision& decision, const Plan& plan);
/// The same without a plan: `after` is as `before`.
[[nodiscard]] std::vector<MountRow> mount_rows(const World& world);

}  // namespace cginit
