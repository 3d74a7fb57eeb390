#include "decide/view_facts.hpp"

#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"
#include "decide/controller_policy.hpp"

namespace cginit {

std::vector<ElsewhereMount> elsewhere_mounts(const World& world, const Options& options) {
    std::vector<ElsewhereMount> found;
    for (const Hierarchy& hierarchy : world.hierarchies) {
        for (const HierarchyMount& mount : hierarchy.mounts) {
            if (mount.in_view || mount.sealed) {
                continue;
            }
            ElsewhereMount elsewhere;
            elsewhere.point = mount.entry.point;
            elsewhere.read_only = mount.entry.flags.read_only;
            elsewhere.visible = mount.visible;
            elsewhere.reachable = mount.reachable && mount.visible;
            elsewhere.kept =
                std::any_of(options.keep_mounts.begin(), options.keep_mounts.end(),
                            [&mount](const std::string& keep) { return is_at_or_below(mount.entry.point, keep); });
            found.push_back(std::move(elsewhere));
        }
    }
    return found;
}

bool is_own_view(const World& world) {
    bool any = false;
    for (const Hierarchy& hierarchy : world.hierarchies) {
        for (const HierarchyMount& mount : hierarchy.mounts) {
            if (!mount.in_view || mount.sealed) {
                continue;
            }
            // Whose source is ours and whose controllers are nobody's was not mounted by us. What it shows decides: a
            // name on it proves nothing.
            if (!mount.ours || hierarchy.id < 0 || shows_more(hierarchy, mount) == Tri::yes ||
                hierarchy.outsiders == Tri::yes) {
                return false;
            }
            any = true;
        }
    }
    return any;
}

bool finds_itself(const World& world) {
    return std::all_of(world.hierarchies.begin(), world.hierarchies.end(), [](const Hierarchy& hierarchy) {
        const HierarchyMount* mount = view_mount(hierarchy);
        if (mount == nullptr || mount->entry.root == "/") {
            return true;
        }
        // --method=bind: the own cgroup is bound once more, over its literal path.
        const std::string literal = join_path(mount->entry.point, hierarchy.own_path);
        return std::any_of(hierarchy.mounts.begin(), hierarchy.mounts.end(), [&](const HierarchyMount& other) {
            return &other != mount && other.visible && other.entry.point == literal;
        });
    });
}

std::string view_defect(const World& world, bool allow_read_only) {
    for (const Hierarchy& hierarchy : world.hierarchies) {
        for (const HierarchyMount& mount : hierarchy.mounts) {
            if (!mount.in_view || mount.sealed) {
                continue;
            }
            if (is_above_own(mount)) {
                return concat({mount.entry.point, " shows more than the own cgroup (root ", mount.entry.root, ")"});
            }
            if (shows_more(hierarchy, mount) == Tri::yes && !mount.entry.flags.read_only) {
                return concat({mount.entry.point, " is the host's root of the hierarchy"});
            }
            if (hierarchy.outsiders == Tri::yes) {
                return concat({mount.entry.point, " is a cgroup in which others are, too"});
            }
            if (mount.entry.flags.read_only && !allow_read_only && is_safely_writable(guard_of(hierarchy))) {
                return concat({mount.entry.point, " is read-only"});
            }
        }
    }
    return {};
}

}  // namespace cginit
