#include <algorithm>

#include "core/path.hpp"
#include "plan/builder.hpp"

namespace cginit {
namespace {

/// True if a plan takes the mount with all that can be reached through it out of the init's sight.
bool is_taken_away(const PlanBuilder& builder, const std::string& point) {
    const Decision& decision = builder.decision();
    const auto& elsewhere = decision.detach_elsewhere;
    const bool of_view = rebuilds_view(decision) && is_at_or_below(point, kCgroupRoot);
    const bool of_dev = decision.hide_ttys.taken && point == "/dev";
    return of_view || of_dev || std::find(elsewhere.begin(), elsewhere.end(), point) != elsewhere.end();
}

/// A process holds its working directory, whatever is mounted over it or taken from its place: a way back to what the plan
/// takes away. What is no mount of this namespace leads out of the container (CVE-2024-21626 of runc).
bool leads_out(const PlanBuilder& builder) {
    const HeldDirectory& held = builder.world().working_directory;
    const MountTable& mounts = builder.world().mounts;
    if (held.mount != 0) {
        const auto mount = std::find_if(mounts.begin(), mounts.end(),
                                        [&held](const MountEntry& entry) { return entry.id == held.mount; });
        return mount == mounts.end() || is_taken_away(builder, mount->point);
    }
    // By what its path leads to; one that is not known is left alone, as nothing says that it is in the way.
    const MountEntry* mount = held.path.empty() ? nullptr : mount_holding(mounts, held.path);
    return mount != nullptr && is_taken_away(builder, mount->point);
}

}  // namespace

void plan_working_directory(PlanBuilder& builder) {
    if (!leads_out(builder)) {
        return;
    }
    const std::string& path = builder.world().working_directory.path;
    builder.add(Phase::switch_, EnterDirectory{is_plain_path(path) ? path : "/"},
                "the working directory leads to what the init must not have", ReturnToDirectory{});
}

}  // namespace cginit
