#pragma once

#include <string>
#include <vector>

#include "cginit/invocation.hpp"
#include "cginit/op.hpp"
#include "handoff/init_lookup.hpp"

namespace cginit {

/// What the init is told of its container: $container and, from the id, $container_uuid.
struct InitIdentity {
    std::string container_kind;
    std::string container_id;
};

/// The last ops of all: no capability that the user wants dropped, umask and signals as they were, then execve(2). Descriptors
/// were closed before anything else; everything else that a process hands on (limits, terminal) was never touched.
[[nodiscard]] std::vector<Op> handoff_ops(const InitCommand& init, const InitIdentity& identity,
                                          const std::vector<std::string>& drop_capabilities,
                                          const Invocation& invocation);

}  // namespace cginit
