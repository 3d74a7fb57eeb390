#pragma once

#include <string>

#include "cginit/world.hpp"

namespace cginit {

/// Who started the container, and its id, from what engines leave in mountinfo and /proc/self/cgroup.
struct EngineFacts {
    Engine engine = Engine::oci;
    std::string container_id;
};

[[nodiscard]] EngineFacts detect_engine(const Snapshot& snapshot);

}  // namespace cginit
