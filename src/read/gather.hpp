#pragma once

#include "cginit/result.hpp"
#include "cginit/snapshot.hpp"
#include "read/source.hpp"

namespace cginit {

/// Reads every fact once. `pid` is getpid() of the running system; it and `init` are empty for a capture, to be what the
/// capture says (CaptureFacts), and an `init` that is given counts more. Files that only some
/// kernels or captures have (ns links, osrelease, attr/current) leave their facts unknown; a missing mountinfo, cgroup
/// or status is an error that names it. Sources: proc(5), cgroups(7).
[[nodiscard]] Result<Snapshot> gather(const Source& source, std::optional<int> pid,
                                      const std::optional<InitTraits>& init);

}  // namespace cginit
