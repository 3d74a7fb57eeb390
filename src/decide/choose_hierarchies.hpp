#pragma once

#include "cginit/decision.hpp"

namespace cginit {

/// Decides on each hierarchy: writable, read-only or left out, with or without an inner level. Errors: the layout
/// needs a hierarchy that must not become writable.
[[nodiscard]] Status choose_hierarchies(const World& world, const Options& options, Decision& decision);

}  // namespace cginit
