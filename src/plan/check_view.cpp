#include <algorithm>

#include "cginit/plan.hpp"
#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

bool will_be_detached(const MountEntry& mount) { return is_at_or_below(mount.point, kWorkbench); }

/// The plan left the root of what it gave the init to a leaf, in which the init is.
bool is_left_to_leaf(const HierarchyMount& mount, const std::string& own_path, const Decision& decision) {
    return std::any_of(decision.hierarchies.begin(), decision.hierarchies.end(), [&](const HierarchyDecision& choice) {
        return !choice.leaf.empty() && own_path == join_path(mount.entry.root, choice.leaf);
    });
}

void check_private(const Hierarchy& hierarchy, const Decision& decision, std::vector<std::string>& problems) {
    for (const HierarchyMount& mount : hierarchy.mounts) {
        const std::string& point = mount.entry.point;
        if (will_be_detached(mount.entry) || contains(decision.kept_elsewhere, point) || mount.sealed) {
            continue;
        }
        if (!mount.in_view) {
            problems.push_back(concat({"the cgroup mount at ", point, " is still there"}));
        } else if (is_above_own(mount) && !is_left_to_leaf(mount, hierarchy.own_path, decision)) {
            problems.push_back(concat({point, " shows more than the init's own cgroup (root ", mount.entry.root, ")"}));
        } else if (hierarchy.real_root == Tri::yes && shows_more(hierarchy, mount) == Tri::yes &&
                   !mount.entry.flags.read_only) {
            problems.push_back(concat({point, " is the host's root of the hierarchy, and writable"}));
        }
    }
}

void check_choice(const Hierarchy& hierarchy, const HierarchyDecision& choice, const Parts& given_up,
                  std::vector<std::string>& problems) {
    const HierarchyMount* mount = view_mount(hierarchy);
    const bool left_out = choice.access == Access::left_out || has_part(given_up, {PartKind::hierarchy, choice.name});
    if (left_out) {
        if (mount != nullptr) {
            problems.push_back(concat({mount->entry.point, " should have been left out"}));
        }
        return;
    }
    if (mount == nullptr) {
        problems.push_back(concat({choice.name, " is not mounted"}));
        return;
    }
    const bool read_only =
        choice.access == Access::read_only || has_part(given_up, {PartKind::inner_level, choice.name});
    if (mount->entry.flags.read_only != read_only) {
        problems.push_back(
            concat({mount->entry.point, " should be ", read_only ? "read-only" : "writable", " and is not"}));
    }
}

/// A mount that a process holds by a directory: it has to be one of the init's, and in its place.
void check_held(const char* what, int id, const World& after, const Decision& decision,
                std::vector<std::string>& problems) {
    const auto mount = std::find_if(after.mounts.begin(), after.mounts.end(),
                                    [id](const MountEntry& entry) { return entry.id == id; });
    if (id == 0) {
        return;  // Linux before 3.15 does not tell.
    }
    if (mount == after.mounts.end() || will_be_detached(*mount)) {
        problems.push_back(concat({what, " lies on a mount that is gone"}));
        return;
    }
    const MountEntry* visible = visible_mount_at(after.mounts, mount->point);
    const bool covered = visible == nullptr || visible->id != id;
    const bool of_cgroups = is_cgroup(*mount) || is_at_or_below(mount->point, kCgroupRoot);
    if (covered && of_cgroups && !contains(decision.kept_elsewhere, mount->point)) {
        problems.push_back(concat({what, " lies on what is covered at ", mount->point}));
    }
}

}  // namespace

std::vector<std::string> check_holdings(const World& after, const Decision& decision) {
    std::vector<std::string> problems;
    check_held("the working directory", after.working_directory.mount, after, decision, problems);
    check_held("the root directory", after.root_mount, after, decision, problems);
    for (const InheritedDescriptor& descriptor : after.descriptors) {
        problems.push_back(concat({"descriptor ", std::to_string(descriptor.number), " leads out of the view"}));
    }
    return problems;
}

std::vector<std::string> check_view(const World& after, const Decision& decision, const Parts& given_up) {
    std::vector<std::string> problems;
    for (const Hierarchy& hierarchy : after.hierarchies) {
        check_private(hierarchy, decision, problems);
        const auto choice = std::find_if(
            decision.hierarchies.begin(), decision.hierarchies.end(),
            [&hierarchy](const HierarchyDecision& candidate) { return candidate.name == hierarchy_name(hierarchy); });
        if (choice != decision.hierarchies.end()) {
            check_choice(hierarchy, *choice, given_up, problems);
        }
    }
    return problems;
}

}  // namespace cginit
