#include "plan/builder.hpp"

#include <algorithm>
#include <array>

#include "core/text.hpp"

namespace cginit {
namespace {

constexpr std::array<std::string_view, 3> kSuperblockFlags{"noprefix", "xattr", "cpuset_v2_mode"};

}  // namespace

MountFilesystem cgroup_mount(const Hierarchy& hierarchy, const std::string& target, bool read_only) {
    if (hierarchy.version == HierarchyVersion::v2) {
        return {"cgroup2", target, "", cgroup_flags(read_only)};
    }
    std::vector<std::string> options;
    // "none" is for a name alone: beside controllers it is refused, cgroup1_parse_param().
    if (std::all_of(hierarchy.controllers.begin(), hierarchy.controllers.end(),
                    [](const std::string& controller) { return controller.starts_with("name="); })) {
        options.emplace_back("none");
    }
    options.insert(options.end(), hierarchy.controllers.begin(), hierarchy.controllers.end());
    if (hierarchy.mounts.empty() && has_controller(hierarchy, "name=systemd")) {
        // It does not exist yet, or is as systemd makes it, which keeps notes in extended attributes.
        options.emplace_back("xattr");
    }
    if (!hierarchy.mounts.empty()) {
        for (const std::string& option : split(hierarchy.mounts.front().entry.super_options, ',')) {
            if (std::find(kSuperblockFlags.begin(), kSuperblockFlags.end(), option) != kSuperblockFlags.end()) {
                options.push_back(option);
            }
        }
    }
    return {"cgroup", target, join(options, ","), cgroup_flags(read_only)};
}

}  // namespace cginit
