#pragma once

#include <string>
#include <vector>

#include "cginit/world.hpp"

namespace cginit {

/// Whether an inner cgroup keeps the engine's limits of a hierarchy out of reach; the weakest last.
enum class Guard {
    not_needed,  ///< nothing in the hierarchy limits or counts for the engine: name=systemd, perf_event
    inner,       ///< a limit of the engine's cgroup holds for a child: a child may be writable
    unknown,     ///< v1 memory whose use_hierarchy was not seen
    freezes,     ///< as inner, but the init could make itself unkillable: the v1 freezer
    impossible,  ///< the values of a child count for themselves: writable would give the limits away
};

/// The answer for a whole hierarchy, the weakest of its controllers'. A controller that is not known is `impossible`.
/// Sources: cgroups(7), Documentation/admin-guide/cgroup-v1, and measurements: blkio's throttle, net_cls and net_prio
/// are flat; memory only with use_hierarchy, and its limit of TCP memory is flat always; a v1 container that froze itself takes
/// no signal, SIGKILL included, so that no engine can kill it.
[[nodiscard]] Guard guard_of(const Hierarchy& hierarchy);

/// True where the init may have the hierarchy writable, below an inner level or with nothing to guard.
[[nodiscard]] constexpr bool is_safely_writable(Guard guard) { return guard <= Guard::inner; }

}  // namespace cginit
