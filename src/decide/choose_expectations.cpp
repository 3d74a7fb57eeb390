#include "decide/stages.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "core/path.hpp"
#include "core/text.hpp"
#include "decide/systemd_layouts.hpp"

namespace cginit {
namespace {

constexpr const char* kNoSysAdmin = "it needs CAP_SYS_ADMIN, which this container has not";
constexpr const char* kOnlySystemd = "only systemd needs it";

Measure take(std::string reason) { return {true, std::move(reason)}; }
Measure leave(std::string reason) { return {false, std::move(reason)}; }

bool is_taken(const Decision& decision, const std::string& point) {
    return std::any_of(decision.tmpfs.begin(), decision.tmpfs.end(),
                       [&point](const TmpfsDecision& tmpfs) { return tmpfs.point == point && tmpfs.measure.taken; });
}

bool is_asked_for(const Options& options, const std::string& point) {
    return options.tmpfs && std::find(options.tmpfs->begin(), options.tmpfs->end(), point) != options.tmpfs->end();
}

PlaceType place_at(const World& world, const std::string& path) {
    const auto place = world.places.find(path);
    return place == world.places.end() ? PlaceType::unknown : place->second;
}

/// Why nothing can be mounted at the point; empty if it can. A symlink leads to what is not ours to cover.
std::string obstacle_at(const World& world, const std::string& point) {
    const std::string outer = parent_path(point);
    if (place_at(world, outer) == PlaceType::symlink) {
        return concat({outer, " is a symlink"});
    }
    switch (place_at(world, point)) {
        case PlaceType::unknown:
            // Without it systemd does not boot.
            return point == "/run" ? std::string() : concat({"it is not known whether ", point, " is a directory"});
        case PlaceType::absent: return concat({"there is no ", point});
        case PlaceType::symlink: return concat({point, " is a symlink"});
        case PlaceType::other: return concat({point, " is no directory"});
        case PlaceType::empty:
        case PlaceType::directory: return {};
    }
    return {};
}

/// What the init is executed from and would not be there any more: a file at or below the point which no mount carries over.
std::string covered_program(const World& world, const std::string& point) {
    std::vector<std::string> files = world.init.needs;
    files.push_back(world.init.path);
    for (const std::string& file : files) {
        const MountEntry* holder = is_at_or_below(file, point) ? mount_holding(world.mounts, file) : nullptr;
        if (holder != nullptr && !is_at_or_below(holder->point, point)) {
            return file;
        }
    }
    return {};
}

bool may_mount(const World& world, const Decision& decision) {
    return world.has_sys_admin || decision.authority == Authority::user_namespace;
}

std::string reason_for(const std::string& point) {
    if (point == "/run") {
        return "systemd needs /run as a tmpfs and would hide what the engine put there";
    }
    if (point == kJournal) {
        return "the journal would fill up the container's writable layer";
    }
    return point == "/tmp" ? "systemd wants /tmp empty at boot" : "anyone may write there, and must not fill up /run";
}

/// Of no other init and no older systemd is it said at all.
bool concerns_journal(const World& world, const Options& options) {
    return is_asked_for(options, kJournal) || (!options.tmpfs && world.init.kind == InitKind::systemd &&
                                               world.init.version.value_or(0) >= kFirstPersistentJournal);
}

/// systemd mounts its own tmpfs on /run unless something is mounted there, and so hides what the engine put below it;
/// systemd of Debian on /run/lock too.
Measure measure_for(const World& world, const Options& options, const Decision& decision, const std::string& point) {
    const bool asked = is_asked_for(options, point);
    if (options.tmpfs && !asked) {
        return leave(options.tmpfs->empty() ? "--tmpfs=never" : "--tmpfs does not name it");
    }
    if (!asked && world.init.kind != InitKind::systemd) {
        return leave(kOnlySystemd);
    }
    if (visible_mount_at(world.mounts, point) != nullptr) {
        return leave(concat({point, " is a mount already"}));
    }
    const MountEntry* holder = point == kJournal && !asked ? mount_holding(world.mounts, point) : nullptr;
    if (holder != nullptr && holder->point != "/") {
        return leave(concat({"it is in the mount at ", holder->point}));
    }
    const bool within_a_new_one = is_taken(decision, parent_path(point));
    const std::string obstacle = within_a_new_one ? "" : obstacle_at(world, point);
    if (!obstacle.empty()) {
        return leave(obstacle);
    }
    if (!asked && point == kJournal && place_at(world, point) != PlaceType::empty) {
        return leave("there are journals already");
    }
    if (!asked && point != "/run" && !may_mount(world, decision)) {
        return leave(kNoSysAdmin);
    }
    if (const std::string program = covered_program(world, point); !program.empty()) {
        return leave(concat({"the init is executed from ", program}));
    }
    return take(asked ? "asked for with --tmpfs" : reason_for(point));
}

Status choose_tmpfs(const World& world, const Options& options, Decision& decision) {
    for (const char* point : kTmpfsPoints) {
        if (std::string_view(point) == kJournal && !concerns_journal(world, options)) {
            continue;
        }
        TmpfsDecision tmpfs{point, measure_for(world, options, decision, point)};
        if (tmpfs.measure.taken && !may_mount(world, decision)) {
            return make_error(
                ErrorCode::no_sys_admin,
                concat({"this container has no CAP_SYS_ADMIN, which mounting a tmpfs on ", point, " needs"}),
                {{CureId::engine_tmpfs, point}, {CureId::no_tmpfs, point}});
        }
        const std::string covered = covered_program(world, point);
        if (!covered.empty() && is_asked_for(options, point) && visible_mount_at(world.mounts, point) == nullptr) {
            return make_error(
                ErrorCode::bad_init,
                concat({"--tmpfs=", point, " would cover ", covered, ", from which the init is executed"}),
                {{CureId::tmpfs_without, point}});
        }
        if (!tmpfs.measure.taken && is_asked_for(options, point) && visible_mount_at(world.mounts, point) == nullptr) {
            decision.warnings.push_back(concat({"--tmpfs=", point, ": ", tmpfs.measure.reason, ", ignoring"}));
        }
        decision.tmpfs.push_back(std::move(tmpfs));
    }
    return {};
}

/// In a view that the engine delegated nothing can be mounted, by cginit or by systemd.
Status require_mounts(const World& world, const Options& options, const Decision& decision) {
    const std::vector<std::string> missing = points_without_mount(world, options);
    if (decision.authority != Authority::delegation || missing.empty()) {
        return {};
    }
    const CureId cure = missing.size() == 1 ? CureId::engine_tmpfs : CureId::engine_tmpfs_each;
    return make_error(ErrorCode::no_sys_admin,
                      concat({"systemd needs a tmpfs on ", join(missing, " and "),
                              ", which this container without CAP_SYS_ADMIN cannot mount"}),
                      {{cure, join(missing, ", ")}, CureId::add_sys_admin, {CureId::no_tmpfs, join(missing, " and ")}});
}

/// What holds for each of the switches that know auto and keep; empty if it is to be looked into.
std::string reason_to_leave(const World& world, Expected wish, const char* option) {
    if (wish == Expected::keep) {
        return concat({option, "=keep"});
    }
    if (world.init.kind != InitKind::systemd) {
        return kOnlySystemd;
    }
    return {};
}

/// udev, networkd and logind take a writable /sys for devices of their own.
Measure choose_sys(const World& world, const Options& options, const Decision& decision) {
    const std::string left = reason_to_leave(world, options.sys, "--sys");
    const MountEntry* sys = visible_mount_at(world.mounts, "/sys");
    if (!left.empty()) {
        return leave(left);
    }
    if (sys == nullptr || sys->fstype != "sysfs") {
        return leave("no sysfs is mounted there");
    }
    if (sys->flags.read_only || split(sys->super_options, ',').front() == "ro") {
        return leave("it is read-only already");
    }
    return may_mount(world, decision) ? take("on a writable one systemd manages the host's devices")
                                      : leave(kNoSysAdmin);
}

/// A node is the host's; a mount on it is a terminal of the container's own.
std::vector<std::string> ttys_in_sight(const World& world) {
    std::vector<std::string> names = world.host_ttys.value_or(std::vector<std::string>());
    std::erase_if(names, [&world](const std::string& name) {
        return visible_mount_at(world.mounts, join_path("/dev", name)) != nullptr;
    });
    return names;
}

Measure choose_ttys(const World& world, const Options& options, const Decision& decision) {
    const std::string left = reason_to_leave(world, options.ttys, "--ttys");
    if (!left.empty()) {
        return leave(left);
    }
    if (!world.host_ttys) {
        return leave("it is not known what is in /dev");
    }
    if (ttys_in_sight(world).empty()) {
        return leave("none of the host's are there");
    }
    if (!may_mount(world, decision)) {
        return leave(kNoSysAdmin);
    }
    // The kernel opens no device on a file system that was mounted in one (SB_I_NODEV).
    return world.initial_user_namespace && decision.authority != Authority::user_namespace
               ? take("systemd would take the host's terminals")
               : leave("a user namespace can mount no /dev that opens devices");
}

/// systemd makes the tree shared where it boots a host, and leaves that to the container manager otherwise.
Measure choose_propagation(const World& world, const Options& options, const Decision& decision) {
    const std::string left = reason_to_leave(world, options.propagation, "--propagation");
    const MountEntry* root = visible_mount_at(world.mounts, "/");
    if (!left.empty()) {
        return leave(left);
    }
    if (root != nullptr && root->propagation.shared != 0) {
        return needs_workbench(decision) ? take("what was cut off from its peers is shared again")
                                         : leave("it is shared already");
    }
    return may_mount(world, decision) ? take("systemd expects it of the container manager") : leave(kNoSysAdmin);
}

}  // namespace

std::vector<std::string> points_without_mount(const World& world, const Options& options) {
    std::vector<std::string> points;
    if (world.init.kind == InitKind::systemd && !options.tmpfs) {
        std::copy_if(kTmpfsPoints.begin(), kTmpfsPoints.end(), std::back_inserter(points), [&world](const char* point) {
            return std::string_view(point) != kJournal && visible_mount_at(world.mounts, point) == nullptr;
        });
    }
    return points;
}

Status choose_expectations(const World& world, const Options& options, Decision& decision) {
    Status status = require_mounts(world, options, decision);
    status = status ? choose_tmpfs(world, options, decision) : status;
    if (!status) {
        return status;
    }
    decision.sys_read_only = choose_sys(world, options, decision);
    decision.hide_ttys = choose_ttys(world, options, decision);
    if (decision.hide_ttys.taken) {
        decision.ttys = ttys_in_sight(world);
    }
    decision.share_tree = choose_propagation(world, options, decision);
    return {};
}

bool needs_workbench(const Decision& decision) {
    return rebuilds_view(decision) || decision.hide_ttys.taken ||
           std::any_of(decision.tmpfs.begin(), decision.tmpfs.end(),
                       [](const TmpfsDecision& tmpfs) { return tmpfs.measure.taken; });
}

}  // namespace cginit
