#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"
#include "plan/builder.hpp"

namespace cginit {
namespace {

/// What systemd mounts at the points itself (TMPFS_LIMITS_RUN, tmp.mount, Debian's run-lock.mount).
MountFilesystem tmpfs_mount(const std::string& point, const std::string& target) {
    if (point == "/run") {
        return {"tmpfs", target, "mode=755,size=20%,nr_inodes=800k", {.nosuid = true, .nodev = true}};
    }
    if (point == "/run/lock") {
        return {"tmpfs", target, "mode=1777,size=5m", {.nosuid = true, .nodev = true, .noexec = true}};
    }
    // journald takes a tenth of it; the mode is the one that systemd's package gives the directory.
    if (point == kJournal) {
        return {"tmpfs", target, "mode=2755,size=128m,nr_inodes=4k", {.nosuid = true, .nodev = true, .noexec = true}};
    }
    return {"tmpfs", target, "mode=1777,size=50%,nr_inodes=1m", {.nosuid = true, .nodev = true}};
}

/// `/run/lock` is built in the new `/run`, and on the workbench where the engine's /run stays.
std::string stage_of(const std::vector<Replacement>& outer, const std::string& point) {
    for (const Replacement& replacement : outer) {
        if (is_at_or_below(point, replacement.point)) {
            return replacement.stage_for(point);
        }
    }
    std::string name = point.substr(1);
    std::replace(name.begin(), name.end(), '/', '-');
    return join_path(kWorkbench, name);
}

/// The mounts below a point that a path walk reaches, without those below another of them: a move takes what is below
/// along.
std::vector<std::string> topmost_mounts_below(const MountTable& table, const std::string& directory) {
    std::vector<std::string> points;
    for (const MountEntry& mount : table) {
        const bool below = mount.point != directory && is_at_or_below(mount.point, directory);
        const MountEntry* visible = below ? visible_mount_at(table, mount.point) : nullptr;
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

std::string Replacement::stage_for(const std::string& path) const {
    return join_path(stage, path_below(path, point).value_or(""));
}

std::vector<Replacement> replacements(const PlanBuilder& builder) {
    const Decision& decision = builder.decision();
    const MountTable& mounts = builder.world().mounts;
    std::vector<Replacement> all;
    for (const TmpfsDecision& tmpfs : decision.tmpfs) {
        const bool within = std::any_of(all.begin(), all.end(), [&tmpfs](const Replacement& outer) {
            return is_at_or_below(tmpfs.point, outer.point);
        });
        if (tmpfs.measure.taken && !within) {
            all.push_back({tmpfs.point, stage_of({}, tmpfs.point), topmost_mounts_below(mounts, tmpfs.point), {}});
        }
    }
    if (decision.hide_ttys.taken) {
        all.push_back({"/dev", stage_of({}, "/dev"), topmost_mounts_below(mounts, "/dev"), {{PartKind::ttys}}});
    }
    return all;
}

void plan_tmpfs(PlanBuilder& builder) {
    const std::vector<Replacement> outer = replacements(builder);
    for (const TmpfsDecision& tmpfs : builder.decision().tmpfs) {
        if (!tmpfs.measure.taken) {
            continue;
        }
        const std::string stage = stage_of(outer, tmpfs.point);
        builder.add(Phase::prepare, MakeDirectory{stage}, concat({"a place to build ", tmpfs.point, " aside"}),
                    kGoneWithWorkbench);
        builder.add(Phase::prepare, tmpfs_mount(tmpfs.point, stage), tmpfs.measure.reason, kGoneWithWorkbench);
    }
    for (const Replacement& replacement : outer) {
        // /dev shows the mount points of the one below.
        if (!replacement.parts.empty()) {
            continue;
        }
        for (const std::string& point : replacement.carried) {
            builder.add(Phase::prepare, MakeMountPoint{point, replacement.stage_for(point)}, "a place of the same kind",
                        kGoneWithWorkbench);
        }
    }
}

void plan_carry_over(PlanBuilder& builder) {
    // Moved and not bound: of a bind the original would stay below the new one, where systemd fails to unmount it.
    for (const Replacement& replacement : replacements(builder)) {
        for (const std::string& point : replacement.carried) {
            const std::string place = replacement.stage_for(point);
            if (builder.decision().authority == Authority::user_namespace) {
                builder.add(Phase::aside, BindMount{point, place, true},
                            concat({"what the engine put below ", replacement.point, " is there as well"}),
                            kGoneWithWorkbench);
                continue;
            }
            builder
                .add(Phase::aside, MoveMount{point, place},
                     concat({"what the engine put below ", replacement.point, " stays there"}), MoveMount{place, point})
                .parts = replacement.parts;
        }
    }
}

void plan_replace(PlanBuilder& builder) {
    for (const Replacement& replacement : replacements(builder)) {
        builder
            .add(Phase::switch_, MoveMount{replacement.stage, replacement.point},
                 concat({"the new ", replacement.point, ", whole, in one move"}),
                 MoveMount{replacement.point, replacement.stage})
            .parts = replacement.parts;
    }
}

}  // namespace cginit
