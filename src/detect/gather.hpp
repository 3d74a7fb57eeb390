#pragma once

#include "cginit/result.hpp"
#include "cginit/snapshot.hpp"
#include "source/source.hpp"

namespace cginit {

/// Reads every fact once. `pid` is getpid() of the running system and empty for a capture. Files that only some
/// kernels or captures have (ns links, osrelease, attr/current) leave their facts unknown; a missing mountinfo, cgroup
/// or status is an error that names it. Sources: proc(5), cgroups(7).
[[nodiscard]] Result<Snapshot> gather(const Source& source, std::optional<int> pid, const InitTraits& init);

}  // namespace cginit
