#include "report/mount_rows.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>

#include "core/path.hpp"
#include "core/text.hpp"
#include "detect/detect.hpp"

namespace cginit {
namespace {

using Show = std::function<ShownMount(const MountEntry&)>;
/// Whether nobody can get at a mount any more.
using Sealed = std::function<bool(const MountEntry&)>;

/// A directory before what is below it, and that before its neighbours: `/a`, `/a/b`, `/a,b`.
struct TreeOrder {
    bool operator()(const std::pair<std::string, int>& left, const std::pair<std::string, int>& right) const {
        const auto before = [](char a, char b) { return a != b && (a == '/' || (b != '/' && a < b)); };
        if (left.first == right.first) {
            return left.second < right.second;
        }
        return std::lexicographical_compare(left.first.begin(), left.first.end(), right.first.begin(),
                                            right.first.end(), before);
    }
};

/// By mount point and, for covered ones, the mount's id; 0 is what can be seen at the point.
using Rows = std::map<std::pair<std::string, int>, MountRow, TreeOrder>;

using ById = std::unordered_map<int, const MountEntry*>;

ById by_id(const MountTable& table) {
    ById mounts;
    for (const MountEntry& mount : table) {
        mounts.emplace(mount.id, &mount);
    }
    return mounts;
}

bool is_visible(const MountTable& table, const MountEntry& mount) {
    const MountEntry* visible = visible_mount_at(table, mount.point);
    return visible != nullptr && visible->id == mount.id;
}

/// `name=systemd` at /sys/fs/cgroup/systemd says nothing new.
std::string what_is_new(const std::string& what, const std::string& point) {
    const std::string name = what.starts_with("name=") ? what.substr(5) : what;
    const std::vector<std::string> parts = split(point, '/');
    const bool said = std::find(parts.begin(), parts.end(), name == "cgroup2" ? "unified" : name) != parts.end();
    return said ? std::string() : what;
}

/// The superblock may be read-only where the mount is not: `rw - sysfs sysfs ro`.
bool is_read_only(const MountEntry& mount) {
    return mount.flags.read_only || mount.super_options == "ro" || mount.super_options.starts_with("ro,");
}

ShownMount shown_as(const MountEntry& mount, const std::string& what) {
    return {mount.id, is_read_only(mount), what_is_new(what, mount.point), std::nullopt, false, {}};
}

ShownMount show_known(const World& world, const Hierarchy& hierarchy, const HierarchyMount& mount) {
    const bool v2 = hierarchy.version == HierarchyVersion::v2;
    ShownMount shown = shown_as(mount.entry, v2 ? "cgroup2" : hierarchy_name(hierarchy));
    shown.cgroup = mount.entry.root;
    const Tri more = shows_more(hierarchy, mount);
    if (more == Tri::yes) {
        shown.reach = Reach::host;
        return shown;
    }
    const bool in_namespace = mount.exposure == Exposure::namespaced || world.namespaced == Tri::yes;
    shown.reach = in_namespace ? Reach::private_ : Reach::own;
    shown.unsure = more == Tri::unknown;
    return shown;
}

/// A mount of before the plan.
ShownMount show_before(const World& world, const MountEntry& entry) {
    for (const Hierarchy& hierarchy : world.hierarchies) {
        for (const HierarchyMount& mount : hierarchy.mounts) {
            if (mount.entry.id == entry.id) {
                return show_known(world, hierarchy, mount);
            }
        }
    }
    return shown_as(entry, entry.fstype);
}

Sealed sealed_before(const World& world) {
    std::set<int> sealed;
    for (const Hierarchy& hierarchy : world.hierarchies) {
        for (const HierarchyMount& mount : hierarchy.mounts) {
            if (mount.sealed) {
                sealed.insert(mount.entry.id);
            }
        }
    }
    return [sealed](const MountEntry& mount) { return sealed.contains(mount.id); };
}

const HierarchyDecision* choice_for(const Decision& decision, const MountEntry& mount) {
    for (const HierarchyDecision& choice : decision.hierarchies) {
        const bool v2 = choice.name == "unified";
        if (carries_controllers(mount, v2 ? std::vector<std::string>() : split(choice.name, ','))) {
            return &choice;
        }
    }
    return nullptr;
}

/// Whether what the init is given is the host's root.
Tri real_root_of(const World& world, const HierarchyDecision& choice) {
    for (const Hierarchy& hierarchy : world.hierarchies) {
        if (choice.init_cgroup == "/" && hierarchy_name(hierarchy) == choice.name) {
            return hierarchy.real_root;
        }
    }
    return Tri::no;
}

/// What a plan leaves behind, seen with the eyes of the init.
class AfterPlan {
public:
    AfterPlan(const World& world, const Decision& decision, const Plan& plan)
        : world_(world),
          decision_(decision),
          unshared_(std::any_of(plan.steps.begin(), plan.steps.end(), is_unshare)),
          before_(by_id(world.mounts)) {
        for (const Step& step : plan.steps) {
            if (std::holds_alternative<AssertNotRealRoot>(step.op)) {
                for (const Part& part : step.parts) {
                    asserted_.insert(part.hierarchy);
                }
            }
        }
    }

    [[nodiscard]] ShownMount show(const MountEntry& entry) const {
        const auto known = before_.find(entry.id);
        if (!is_cgroup(entry)) {
            return shown_as(entry, entry.fstype);
        }
        const HierarchyDecision* choice = choice_for(decision_, entry);
        return known == before_.end() ? show_new(entry, choice) : show_kept(entry, *known->second, choice);
    }

private:
    static bool is_unshare(const Step& step) {
        return std::holds_alternative<UnshareCgroupNamespace>(step.op) ||
               std::holds_alternative<UnshareUserNamespace>(step.op);
    }

    /// The init was moved away from what a mount that stays shows.
    [[nodiscard]] ShownMount show_kept(const MountEntry& entry, const MountEntry& before,
                                       const HierarchyDecision* choice) const {
        ShownMount shown = show_before(world_, before);
        shown.read_only = is_read_only(entry);
        if (choice == nullptr || shown.reach == Reach::host) {
            return shown;
        }
        const bool moved = choice->init_cgroup != choice->engine_cgroup;
        if (moved && !is_at_or_below(entry.root, choice->init_cgroup)) {
            shown.reach = Reach::engine;
        }
        shown.unsure = shown.unsure && !asserted_.contains(choice->name);
        return shown;
    }

    [[nodiscard]] ShownMount show_new(const MountEntry& entry, const HierarchyDecision* choice) const {
        const bool v2 = entry.fstype == "cgroup2";
        ShownMount shown = shown_as(entry, v2 || choice == nullptr ? entry.fstype : choice->name);
        shown.cgroup = entry.root;
        shown.reach = Reach::host;
        if (choice == nullptr || is_outside_namespace(entry.root)) {
            return shown;
        }
        // The last unshare made the init's cgroup the root that a fresh mount shows.
        shown.cgroup = unshared_ ? join_path(choice->init_cgroup, entry.root) : entry.root;
        const bool in_namespace = unshared_ || world_.namespaced == Tri::yes;
        const Exposure exposure = !is_at_or_below(shown.cgroup, choice->init_cgroup) ? Exposure::whole_tree
                                  : in_namespace                                     ? Exposure::namespaced
                                                                                     : Exposure::own_subtree;
        const Tri more = shows_more(exposure, real_root_of(world_, *choice));
        if (more != Tri::yes) {
            shown.reach = in_namespace ? Reach::private_ : Reach::own;
            shown.unsure = more == Tri::unknown && !asserted_.contains(choice->name);
        } else if (is_above_own(exposure) && is_at_or_below(shown.cgroup, choice->engine_cgroup)) {
            shown.reach = Reach::engine;
        }
        return shown;
    }

    const World& world_;
    const Decision& decision_;
    bool unshared_;
    ById before_;
    /// The hierarchies in which the plan makes sure that the own cgroup is not the host's root.
    std::set<std::string> asserted_;
};

/// Puts what is to be drawn of one table into its side of the rows.
void add_rows(const MountTable& table, const Show& show_mount, const Sealed& is_sealed,
              std::optional<ShownMount> MountRow::*side, Rows& rows) {
    const auto add = [&rows, side](const std::string& point, int covered, ShownMount shown) {
        MountRow& row = rows[{point, covered}];
        row.point = point;
        row.covered = covered != 0;
        row.*side = std::move(shown);
    };
    for (const MountEntry& mount : table) {
        if ((!is_cgroup(mount) && !is_at_or_below(mount.point, kCgroupRoot)) || is_sealed(mount)) {
            continue;
        }
        ShownMount shown = show_mount(mount);
        if (is_visible(table, mount)) {
            add(mount.point, 0, std::move(shown));
        } else if (shown.shows_more()) {
            add(mount.point, mount.id, std::move(shown));
        }
    }
    // The tmpfs that holds hierarchies elsewhere: what it is called need not be said for each of them.
    const ById mounts = by_id(table);
    for (const MountEntry& mount : table) {
        const auto holder = mounts.find(mount.parent);
        if (is_cgroup(mount) && holder != mounts.end() && holder->second->fstype == "tmpfs" &&
            is_visible(table, *holder->second)) {
            add(holder->second->point, 0, show_mount(*holder->second));
        }
    }
}

/// The points at which one table has a visible mount that the other has not, or with other flags.
std::vector<std::string> points_of_others(const MountTable& table, const MountTable& other) {
    const ById known = by_id(other);
    std::vector<std::string> points;
    for (const MountEntry& mount : table) {
        const auto found = known.find(mount.id);
        const bool same = found != known.end() && found->second->flags == mount.flags;
        if (!same && is_visible(table, mount)) {
            points.push_back(mount.point);
        }
    }
    return points;
}

/// Both sides of a point at which only one was looked at.
void complete(const MountTable& table, const Show& show_mount, std::optional<ShownMount> MountRow::*side, Rows& rows) {
    for (auto& [key, row] : rows) {
        const MountEntry* visible = row.covered || row.*side ? nullptr : visible_mount_at(table, row.point);
        if (visible != nullptr) {
            row.*side = show_mount(*visible);
        }
    }
}

std::vector<MountRow> taken_in_order(Rows& rows) {
    std::vector<MountRow> ordered;
    for (auto& [key, row] : rows) {
        ordered.push_back(std::move(row));
    }
    return ordered;
}

}  // namespace

std::vector<MountRow> mount_rows(const World& world, const Decision& decision, const Plan& plan) {
    const MountTable after = mounts_after(world, plan);
    const AfterPlan eyes(world, decision, plan);
    const Show show_old = [&world](const MountEntry& mount) { return show_before(world, mount); };
    const Show show_new = [&eyes](const MountEntry& mount) { return eyes.show(mount); };
    Rows rows;
    const Sealed sealed_by_plan = [&decision, &after](const MountEntry& mount) {
        const MountEntry* holder = mount_holding(after, mount.point);
        return decision.authority == Authority::user_namespace && holder != nullptr && holder->id != mount.id &&
               is_cginits(*holder);
    };
    add_rows(world.mounts, show_old, sealed_before(world), &MountRow::before, rows);
    add_rows(after, show_new, sealed_by_plan, &MountRow::after, rows);
    for (const auto& points : {points_of_others(world.mounts, after), points_of_others(after, world.mounts)}) {
        for (const std::string& point : points) {
            rows[{point, 0}].point = point;
        }
    }
    complete(world.mounts, show_old, &MountRow::before, rows);
    complete(after, show_new, &MountRow::after, rows);
    return taken_in_order(rows);
}

std::vector<MountRow> mount_rows(const World& world) {
    Rows rows;
    add_rows(
        world.mounts, [&world](const MountEntry& mount) { return show_before(world, mount); }, sealed_before(world),
        &MountRow::before, rows);
    for (auto& [key, row] : rows) {
        row.after = row.before;
    }
    return taken_in_order(rows);
}

}  // namespace cginit
