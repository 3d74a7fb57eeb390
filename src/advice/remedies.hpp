#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cginit/error_code.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// One way to mend what an error names: what to write, and where.
struct Remedy {
    std::string where;    ///< `docker`, `podman`, `compose`, `kubernetes`, `host`, `image`, `cginit`
    std::string setting;  ///< a flag of `docker run`, a line of YAML, a variable, lines of a shell

    bool operator==(const Remedy&) const = default;
};

/// All that are known, those of the engine that runs the container first. Empty for errors whose own cure says it all.
/// `barrier` is what keeps the container from doing without CAP_SYS_ADMIN (Prospect::user_namespace_barrier).
[[nodiscard]] std::vector<Remedy> remedies_for(ErrorCode code, const World& world,
                                               std::optional<ErrorCode> barrier = std::nullopt);

}  // namespace cginit
