#pragma once

#include <string>

#include "cginit/world.hpp"

namespace cginit {

/// A place, and what tells it.
struct PlaceFacts {
    Place place = Place::unknown;
    std::string evidence;  ///< one clause; empty if the place is unknown

    bool operator==(const PlaceFacts&) const = default;
};

/// What started the container for its user: an orchestrator where there is one, else the engine. Unknown where the signs of
/// two orchestrators are there.
[[nodiscard]] PlaceFacts detect_place(const Snapshot& snapshot, Engine engine);

}  // namespace cginit
