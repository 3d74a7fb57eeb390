#include <algorithm>

#include "core/path.hpp"
#include "plan/builder.hpp"

namespace cginit {
namespace {

/// The mounts below /run that a path walk reaches, without those below another of them: a move takes
/// what is below along.
std::vector<std::string> topmost_mounts_below_run(const MountTable& table) {
    std::vector<std::string> points;
    for (const MountEntry& mount : table) {
        const MountEntry* visible =
            is_at_or_below(mount.point, "/run") ? visible_mount_at(table, mount.point) : nullptr;
        if (visible != nullptr && visible->id == mount.id) {
            points.push_back(mount.point);
        }
    }
    std::sort(points.begin(), points.end());
    std::vector<std::string> topmost;
    for (const std::string& point : points) {
        if (topmost.empty() || !is_at_or_below(point, topmost.back())) {
            topmost.push_back(point);
        }
    }
    return topmost;
}

std::string carried_to(const std::string& point) {
    return join_path(join_path(kWorkbench, "run"), path_below(point, "/run").value_or(""));
}

}  // namespace

std::vector<std::string> mounts_to_carry_over(const PlanBuilder& builder) {
    return builder.decision().run_tmpfs ? topmost_mounts_below_run(builder.world().mounts) : std::vector<std::string>();
}

void plan_run(PlanBuilder& builder) {
    if (!builder.decision().run_tmpfs) {
        return;
    }
    const std::string stage = join_path(kWorkbench, "run");
    builder.add(Phase::prepare, MakeDirectory{stage}, "a place to build /run aside", kGoneWithWorkbench);
    // The limits are systemd's own for /run (TMPFS_LIMITS_RUN).
    builder.add(Phase::prepare,
                MountFilesystem{"tmpfs", stage, "mode=755,size=20%,nr_inodes=800k", {.nosuid = true, .nodev = true}},
                "systemd needs /run as a tmpfs", kGoneWithWorkbench);
    for (const std::string& point : mounts_to_carry_over(builder)) {
        builder.add(Phase::prepare, MakeMountPoint{point, carried_to(point)}, "a place of the same kind",
                    kGoneWithWorkbench);
    }
}

void plan_run_aside(PlanBuilder& builder) {
    // Moved and not bound: of a bind the original would stay below the new /run, where systemd fails to unmount it.
    for (const std::string& point : mounts_to_carry_over(builder)) {
        builder.add(Phase::aside, MoveMount{point, carried_to(point)}, "what the engine put below /run stays there",
                    MoveMount{carried_to(point), point});
    }
}

}  // namespace cginit
