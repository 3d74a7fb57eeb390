#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"
#include "plan/builder.hpp"

namespace cginit {
namespace {

/// All ids, (uid_t)-1 being none.
constexpr std::uint64_t kAllIds = 4294967295;

/// Each id to itself. An extent must not reach over two of the outer map's, map_id_range_down(); and one less than all tells
/// systemd that it is not in the host's user namespace (running_in_userns(), src/basic/virt.c).
std::string identity_map(const std::vector<IdRange>& ranges) {
    std::string map;
    for (const IdRange& range : ranges) {
        const std::string first = std::to_string(range.first);
        const std::uint64_t count = range.count == kAllIds ? kAllIds - 1 : range.count;
        map += concat({map.empty() ? "" : "\n", first, " ", first, " ", std::to_string(count)});
    }
    return map;
}

}  // namespace

void plan_user_namespace(PlanBuilder& builder) {
    const World& world = builder.world();
    builder.add(Phase::prepare, UnshareUserNamespace{identity_map(world.uid_ranges), identity_map(world.gid_ranges)},
                "in a user namespace of its own this process may mount cgroups, without any power outside of it",
                "the engine's mount namespace is not touched");
}

void plan_second_namespace(PlanBuilder& builder) {
    if (builder.decision().authority != Authority::user_namespace) {
        return;
    }
    // Here, since a leaf is no root, and nobody can go back from it where controllers are enabled.
    const World& world = builder.world();
    builder.add(Phase::prepare, MakeUserNamespace{identity_map(world.uid_ranges), identity_map(world.gid_ranges)},
                "a second one, to lock up in the end what is covered", "gone when nobody enters it");
}

void plan_cover(PlanBuilder& builder) {
    for (const std::string& point : builder.decision().detach_elsewhere) {
        builder.add(
            Phase::switch_,
            MountFilesystem{"tmpfs",
                            point,
                            "mode=000,size=4k",
                            {.read_only = true, .nosuid = true, .nodev = true, .noexec = true, .atime = "relatime"},
                            builder.world().mount_mark},
            "a mount from outside the user namespace cannot be moved away", DetachMount{point});
    }
}

void plan_seal(PlanBuilder& builder) {
    builder.add(Phase::commit, EnterUserNamespace{},
                "what is covered and what covers it are locked together: the init cannot get at the engine's view",
                "the point of no return");
}

void plan_capabilities(PlanBuilder& builder) {
    const std::vector<std::string>& dropped = builder.decision().drop_capabilities;
    if (builder.decision().authority != Authority::user_namespace) {
        if (!dropped.empty()) {
            builder.add(Phase::verify, RehearseDropCapabilities{dropped}, "after the commit nothing may fail",
                        kNothingToUndo);
        }
        return;
    }
    // Here, where CAP_SETPCAP is to be had whatever the engine gave, and last, since mounting needs CAP_SYS_ADMIN.
    builder.add(Phase::commit,
                KeepCapabilities{builder.world().bounding_capabilities | std::uint64_t{1} << kCapSysAdmin, dropped},
                "no more than the container had, and what the init needs to mount", "the point of no return");
}

std::optional<std::size_t> step_without_return(const Plan& plan) {
    const auto found = std::find_if(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
        return step.scope == Scope::irreversible && step.phase != Phase::commit;
    });
    return found == plan.steps.end() ? std::nullopt : std::optional<std::size_t>(found - plan.steps.begin());
}

bool is_irreversible(const Plan& plan) { return step_without_return(plan).has_value(); }

bool has_own_mounts(const Plan& plan) {
    return std::any_of(plan.steps.begin(), plan.steps.end(),
                       [](const Step& step) { return std::holds_alternative<UnshareUserNamespace>(step.op); });
}

}  // namespace cginit
