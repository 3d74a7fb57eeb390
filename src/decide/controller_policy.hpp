#pragma once

#include <string>
#include <vector>

#include "cginit/world.hpp"

namespace cginit {

/// Whether an inner cgroup keeps the engine's limits of a hierarchy out of reach.
enum class Guard {
    not_needed,  ///< nothing in the hierarchy limits anything: name=systemd, perf_event, cpuacct
    inner,       ///< a limit of the engine's cgroup holds for a child: a child may be writable
    impossible,  ///< the values of a child count for themselves: writable would give the limits away
    unknown,     ///< v1 memory whose use_hierarchy was not seen
};

/// The answer for a whole hierarchy, the weakest of its controllers'. A controller that is not known is `impossible`.
/// Sources: cgroups(7), Documentation/admin-guide/cgroup-v1, and measurements: blkio's throttle, net_cls and net_prio
/// are flat; memory only with use_hierarchy.
[[nodiscard]] Guard guard_of(const Hierarchy& hierarchy);

}  // namespace cginit
