#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cginit/invocation.hpp"
#include "cginit/op.hpp"
#include "cginit/snapshot.hpp"
#include "handoff/init_lookup.hpp"

namespace cginit {

/// The inode of a pidfd of the process that is activated, sd_listen_fds(3) of systemd 259.
inline constexpr const char* kListenPidfdId = "LISTEN_PIDFDID";

/// What the init is told of its container: $container and, from the id, $container_uuid.
struct InitIdentity {
    std::string container_kind;
    std::string container_id;
    /// The inode of a pidfd of this process, which is the init's, too; empty if it is unknown (before Linux 6.9).
    std::optional<std::uint64_t> pidfd_id = {};
};

/// The last ops of all: no capability that the user wants dropped, umask and signals as they were, then execve(2). Descriptors
/// were closed before anything else; everything else that a process hands on (limits, terminal) was never touched.
[[nodiscard]] std::vector<Op> handoff_ops(const InitCommand& init, const InitIdentity& identity,
                                          const std::vector<std::string>& drop_capabilities,
                                          const Invocation& invocation);

/// The init's environment: as given, in its order, with `container=KIND` and `container_uuid=UUID` appended where there
/// is no such variable (systemd's CONTAINER_INTERFACE). The UUID is made of the container id's first 32 hexadecimal
/// digits, as Podman does it; an id with fewer gives none. Without $LISTEN_PIDFDID if that is another process's, as where an
/// engine was activated by a socket: sd_listen_fds(3) would find no descriptors then.
[[nodiscard]] std::vector<std::string> init_environment(const std::vector<std::string>& environment,
                                                        const InitIdentity& identity);

/// The lowest descriptor that the init must not inherit: 3, or 3 + $LISTEN_FDS if these are for us, sd_listen_fds(3):
/// $LISTEN_PID is `pid`, or missing (engines hand the descriptors on before they know our pid). What is no number
/// counts as no descriptors.
[[nodiscard]] int first_fd_to_close(const std::vector<std::string>& environment, int pid);

/// What of the descriptors that this process was given must not reach the init: all from first_fd_to_close() on, and of those
/// before it each that leads out of the view. Whoever wrote the image wrote $LISTEN_FDS, too.
[[nodiscard]] CloseDescriptors descriptors_to_close(const std::vector<std::string>& environment, int pid,
                                                    const std::vector<InheritedDescriptor>& inherited);

}  // namespace cginit
