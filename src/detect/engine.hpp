#pragma once

#include <string>

#include "cginit/world.hpp"

namespace cginit {

/// Who started the container, and its id, from what engines leave in mountinfo and /proc/self/cgroup.
struct EngineFacts {
    Engine engine = Engine::oci;
    std::string container_id;
};

/// Which runtime, from how it made /sys read-only; unknown where it did not, as with --privileged. Once cginit has made such a
/// /sys read-only itself, by a bind-remount, it looks like crun's.
[[nodiscard]] Runtime detect_runtime(const Snapshot& snapshot);

[[nodiscard]] EngineFacts detect_engine(const Snapshot& snapshot);

}  // namespace cginit
