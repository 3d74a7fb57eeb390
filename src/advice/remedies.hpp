#pragma once

#include <string>
#include <vector>

#include "cginit/error_code.hpp"
#include "cginit/result.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// One thing to write, and where.
struct Remedy {
    std::string
        where;  ///< `docker`, `podman`, `compose`, `kubernetes`, `ecs`, `nomad`, `github`, `lxc`, `host`, `image`, `cginit`; empty: `setting` is a sentence
    std::string setting;  ///< a flag of `docker run`, a line of YAML, a variable, lines of a shell
    int alternative = 0;  ///< what has the same number belongs together; any of them will do

    bool operator==(const Remedy&) const = default;
};

/// Those of the cures that can be had in this container.
[[nodiscard]] Cures offered(const Cures& cures, const World& world);

/// What to write for each of the cures, in their order: for the place where the container was started, the host, the image
/// and cginit itself. Where the place is not known, or knows none of the cures, for the engines.
[[nodiscard]] std::vector<Remedy> remedies_for(const Cures& cures, const World& world);

/// The error with its cures as the place calls them: a line of YAML in a pod.
[[nodiscard]] Error in_words_of_place(const Error& error, const World& world);

/// True if an error with that code may name that cure (problems.toml).
[[nodiscard]] bool is_cure_of(ErrorCode code, CureId cure);

}  // namespace cginit
