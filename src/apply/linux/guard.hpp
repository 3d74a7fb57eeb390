#pragma once

#include <sys/types.h>

#include <csignal>

#include <optional>
#include <vector>

#include "cginit/result.hpp"
#include "core/unique_fd.hpp"

namespace cginit {

/// This process and those that it forks, until execve(2): nothing of them can be reached by /proc without CAP_SYS_PTRACE.
Status hide_from_others();

/// Keeps others from interfering with this process while it rebuilds the view. Nothing of it outlives execve(2).
class ProcessGuard {
public:
    /// A closed descriptor 0, 1 or 2 would be the number of the next file opened, and the log would go there.
    Status hold_standard_descriptors();
    /// One cginit at a time in the mount namespace; waits for the other, bounded.
    Status lock_mount_namespace();
    /// No signal ends the process half-way; those that come wait for release_signals().
    Status hold_signals();
    /// The signal mask of before. SIGPIPE for the log's own sake is dropped, the others arrive now.
    Status release_signals();
    /// What is made has the mode that is asked for, whatever umask the image gave.
    void hold_umask();
    void release_umask();

private:
    std::vector<UniqueFd> placeholders_;
    std::vector<UniqueFd> locks_;  ///< one for each mount namespace that this process was in
    std::optional<sigset_t> mask_;
    std::optional<mode_t> umask_;
};

}  // namespace cginit
