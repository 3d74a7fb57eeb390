#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "cginit/mount_table.hpp"
#include "cginit/op.hpp"
#include "core/text.hpp"

namespace cginit {

inline const MountEntry* mount_with_id(const MountTable& table, int id) {
    const auto found = std::find_if(table.begin(), table.end(), [id](const MountEntry& e) { return e.id == id; });
    return found == table.end() ? nullptr : &*found;
}

/// One mount and everything that it stands on, without the numbers that a roll-back cannot restore: mount ids and peer
/// groups.
inline std::string normalized_mount(const MountTable& table, const MountEntry& mount) {
    const MountEntry* parent = mount_with_id(table, mount.parent);
    const Propagation& propagation = mount.propagation;
    return concat({mount.point, " root=", mount.root, " ", describe(mount.flags),
                   propagation.shared != 0 ? " shared" : "", propagation.master != 0 ? " master" : "",
                   propagation.unbindable ? " unbindable" : "", " ", mount.fstype, " ", mount.source, " ",
                   mount.super_options,
                   parent == nullptr || parent == &mount ? "" : concat({" < ", normalized_mount(table, *parent)})});
}

/// A mount table for comparison: equal modulo mount ids, peer-group numbers and the order of its lines.
inline std::vector<std::string> normalized(const MountTable& table) {
    std::vector<std::string> lines;
    for (const MountEntry& mount : table) {
        lines.push_back(normalized_mount(table, mount));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

}  // namespace cginit
