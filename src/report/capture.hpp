#pragma once

#include <string>

#include "cginit/snapshot.hpp"
#include "core/capture_text.hpp"

namespace cginit {

/// The files of a capture by absolute path: what was read, and what tells the rest of the Snapshot. gather() makes the
/// same Snapshot of them (tests/captures/README.md).
[[nodiscard]] Files capture_files(Files texts, const Snapshot& snapshot);

/// What a capture says to people; `options` as they were given on the command line, `problem` why it is not complete.
[[nodiscard]] std::string about_text(const Snapshot& snapshot, const std::string& options, const std::string& problem);
/// True for what `--capture` wrote and nobody has added to.
[[nodiscard]] bool is_own_capture(const std::string& text);

}  // namespace cginit
