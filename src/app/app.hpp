#pragma once

#include "cginit/invocation.hpp"
#include "cginit/options.hpp"
#include "cginit/result.hpp"

namespace cginit {

/// The whole story: see, decide, plan, check, apply, verify, become the init. Returns only for --dry-run and --explain, with
/// the exit status (their text is on standard output then), and on failure; the caller prints the error.
[[nodiscard]] Result<int> run(const Options& options, const Invocation& invocation);

}  // namespace cginit
