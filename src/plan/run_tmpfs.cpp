#include <algorithm>

#include "core/path.hpp"
#include "plan/builder.hpp"

namespace cginit {
namespace {

/// The mounts below /run that a path walk reaches, without those below another of them: binds are recursive.
std::vector<std::string> mounts_to_carry_over(const MountTable& table) {
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

}  // namespace

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
    for (const std::string& point : mounts_to_carry_over(builder.world().mounts)) {
        const std::string target = join_path(stage, point.substr(4));
        builder.add(Phase::prepare, MakeMountPoint{point, target}, "a place of the same kind", kGoneWithWorkbench);
        builder.add(Phase::prepare, BindMount{point, target, true}, "what the engine put below /run stays there",
                    kGoneWithWorkbench);
    }
}

}  // namespace cginit
