#include <algorithm>

#include "cginit/plan.hpp"
#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {

std::vector<std::string> check_expectations(const World& after, const Decision& decision, const Parts& given_up) {
    std::vector<std::string> problems;
    for (const TmpfsDecision& tmpfs : decision.tmpfs) {
        const MountEntry* mount = visible_mount_at(after.mounts, tmpfs.point);
        if (tmpfs.measure.taken && (mount == nullptr || mount->fstype != "tmpfs" || !is_cginits(*mount))) {
            problems.push_back(concat({tmpfs.point, " is not the new tmpfs"}));
        }
    }
    const MountEntry* sys = visible_mount_at(after.mounts, "/sys");
    if (decision.sys_read_only.taken && !has_part(given_up, {PartKind::sys}) &&
        (sys == nullptr || !sys->flags.read_only)) {
        problems.emplace_back("/sys should be read-only and is not");
    }
    const std::vector<std::string> names = after.host_ttys.value_or(std::vector<std::string>());
    for (const std::string& tty : decision.ttys) {
        if (!has_part(given_up, {PartKind::ttys}) && std::find(names.begin(), names.end(), tty) != names.end()) {
            problems.push_back(concat({"/dev/", tty, " is still in sight"}));
        }
    }
    return problems;
}

}  // namespace cginit
