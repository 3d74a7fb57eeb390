#pragma once

#include <string>
#include <vector>

namespace cginit {

/// The init's environment: as given, in its order, with `container=KIND` and `container_uuid=UUID` appended where there
/// is no such variable (systemd's CONTAINER_INTERFACE). The UUID is made of the container id's first 32 hexadecimal
/// digits, as Podman does it; an id with fewer gives none.
[[nodiscard]] std::vector<std::string> init_environment(const std::vector<std::string>& environment,
                                                        const std::string& container_kind,
                                                        const std::string& container_id);

}  // namespace cginit
