#include "detect/detect.hpp"

#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {

bool is_outside_namespace(const std::string& path) { return is_at_or_below(path, "/.."); }

std::optional<std::string> own_directory(const MountEntry& mount, const std::string& own_path) {
    if (is_outside_namespace(mount.root) || is_outside_namespace(own_path) || own_path.empty()) {
        return std::nullopt;
    }
    const std::optional<std::string> tail = path_below(own_path, mount.root);
    if (!tail) {
        return std::nullopt;
    }
    return join_path(mount.point, *tail);
}

bool carries_controllers(const MountEntry& mount, const std::vector<std::string>& controllers) {
    if (controllers.empty()) {
        return mount.fstype == "cgroup2";
    }
    if (mount.fstype != "cgroup") {
        return false;
    }
    const std::vector<std::string> options = split(mount.super_options, ',');
    return std::all_of(controllers.begin(), controllers.end(), [&options](const std::string& controller) {
        return std::find(options.begin(), options.end(), controller) != options.end();
    });
}

std::vector<OwnDirectory> own_directories(const Snapshot& snapshot) {
    std::vector<OwnDirectory> directories;
    for (const CgroupEntry& cgroup : snapshot.cgroups) {
        for (const MountEntry& mount : snapshot.mounts) {
            if (!is_cgroup(mount) || !carries_controllers(mount, cgroup.controllers)) {
                continue;
            }
            const auto own = own_directory(mount, cgroup.path);
            const MountEntry* visible = own ? visible_mount_at(snapshot.mounts, mount.point) : nullptr;
            if (visible != nullptr && visible->id == mount.id) {
                directories.push_back({&cgroup, mount.point, *own});
            }
        }
    }
    return directories;
}

}  // namespace cginit
