#include "cginit/mount_table.hpp"

#include "core/path.hpp"

namespace cginit {
namespace {

/// The lowest mount of the table at "/": its parent is outside of it or itself.
const MountEntry* root_mount(const MountTable& table) {
    for (const MountEntry& candidate : table) {
        if (candidate.point != "/") {
            continue;
        }
        bool parent_in_table = false;
        for (const MountEntry& entry : table) {
            parent_in_table = parent_in_table || (entry.id == candidate.parent && entry.id != candidate.id);
        }
        if (!parent_in_table) {
            return &candidate;
        }
    }
    return nullptr;
}

/// Follows what is stacked at `point` on top of `mount`, as a path walk does; `stack` collects what it passes. Of two
/// mounts on the same one the last wins: the kernel lists a mount after those that it covers. That order is why one pass
/// climbs a whole stack; a table in which mounts were moved may take another.
const MountEntry* climb(const MountTable& table, const MountEntry* mount, std::string_view point,
                        std::vector<const MountEntry*>* stack) {
    const auto pass = [stack](const MountEntry& entry) {
        if (stack != nullptr) {
            stack->push_back(&entry);
        }
    };
    for (const MountEntry* top = mount; top != nullptr;) {
        int below = mount->id;
        top = nullptr;
        for (const MountEntry& entry : table) {
            if (entry.parent == below && entry.id != below && entry.point == point) {
                top = &entry;
            } else if (top != nullptr && entry.parent == top->id && entry.id != top->id && entry.point == point) {
                pass(*top);
                below = top->id;
                top = &entry;
            }
        }
        if (top != nullptr) {
            pass(*top);
            mount = top;
        }
    }
    return mount;
}

/// The mount that a path walk is on after all components of `path`, or after all but the last one.
/// It starts on the root mount itself, whatever is stacked there: a process keeps the root that it was given.
const MountEntry* walk(const MountTable& table, const std::string& path, bool with_last,
                       std::vector<const MountEntry*>* stack) {
    const MountEntry* mount = root_mount(table);
    if (mount == nullptr || path == "/") {
        if (mount != nullptr && stack != nullptr) {
            stack->push_back(mount);
        }
        return mount;
    }
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const bool last = end == std::string::npos;
        if (last && !with_last) {
            return mount;
        }
        mount = climb(table, mount, std::string_view(path).substr(0, end), last ? stack : nullptr);
        if (last) {
            return mount;
        }
    }
}

}  // namespace

bool is_cginits(const MountEntry& entry) {
    return entry.source == kMountSource || entry.source.starts_with(std::string(kMountSource) + ":[");
}

bool is_cgroup(const MountEntry& entry) { return entry.fstype == "cgroup" || entry.fstype == "cgroup2"; }

const MountEntry* visible_mount_at(const MountTable& table, const std::string& point) {
    const MountEntry* mount = walk(table, point, true, nullptr);
    return mount != nullptr && mount->point == point ? mount : nullptr;
}

const MountEntry* mount_holding(const MountTable& table, const std::string& path) {
    return walk(table, path, true, nullptr);
}

const MountEntry* mount_below(const MountTable& table, const std::string& point) {
    return walk(table, point, false, nullptr);
}

std::vector<const MountEntry*> stack_at(const MountTable& table, const std::string& point) {
    std::vector<const MountEntry*> stack;
    walk(table, point, true, &stack);
    return {stack.rbegin(), stack.rend()};
}

bool is_reachable(const MountTable& table, const MountEntry& entry) {
    for (const MountEntry* mount : stack_at(table, entry.point)) {
        if (mount->id == entry.id) {
            return true;
        }
    }
    return false;
}

}  // namespace cginit
