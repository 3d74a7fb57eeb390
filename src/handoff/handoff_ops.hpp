#pragma once

#include <string>
#include <vector>

#include "cginit/invocation.hpp"
#include "cginit/op.hpp"
#include "cginit/world.hpp"
#include "handoff/init_lookup.hpp"

namespace cginit {

/// The last ops of all: no descriptor of ours or of the engine's but 0-2 and $LISTEN_FDS, then execve(2). Everything
/// else that a process hands on (cwd, umask, signals, limits, terminal) was never touched.
[[nodiscard]] std::vector<Op> handoff_ops(const World& world, const InitCommand& init, const Invocation& invocation,
                                          int pid);

}  // namespace cginit
