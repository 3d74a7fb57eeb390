#pragma once

#include <vector>

#include "cginit/init_traits.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// The layouts on which the init boots; all of them where it does not care, or where it is not known.
[[nodiscard]] std::vector<View> compatible_layouts(const InitTraits& init);

}  // namespace cginit
