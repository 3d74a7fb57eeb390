#pragma once

#include <string>

#include "cginit/init_traits.hpp"
#include "cginit/mount_table.hpp"
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

/// Which init `file` is, found without executing it: from its resolved name and what lies beside it (systemd's
/// libsystemd-shared-NNN.so). `file` is absolute with symlinks resolved (InitCommand::file).
[[nodiscard]] InitTraits detect_init_traits(const Source& source, const std::string& file);

/// Whether PID 1 of the own PID namespace has the own mount namespace. `mounts` is the own table: where the namespace's id
/// cannot be had, one id of a mount decides, since the kernel gives none twice.
[[nodiscard]] Tri pid1_has_own_mounts(const Source& source, const MountTable& mounts);

/// Who was in the own mount namespace before this process, and is none of its ancestors.
struct NeighbourFacts {
    Neighbours neighbours = Neighbours::not_looked_for;
    std::string neighbour;  ///< `1 (systemd)`
};

/// Looks through /proc, for a process with the number `pid` that is not PID 1. A process that entered the container from
/// outside (by exec) counts only where it was there before the first of the own ancestors, which is then not the one that
/// the container was started with. proc(5).
[[nodiscard]] NeighbourFacts find_neighbours(const Source& source, const Snapshot& snapshot, int pid);

}  // namespace cginit
