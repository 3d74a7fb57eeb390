#pragma once

#include <optional>

#include "cginit/options.hpp"
#include "cginit/snapshot.hpp"
#include "read/source.hpp"
#include "report/explanation.hpp"

namespace cginit {

/// What follows from the facts, and what trying the plan's steps came to: of a capture, what --capture tried.
[[nodiscard]] Explanation try_out(const Source& source, Snapshot snapshot, const Options& options);

}  // namespace cginit
