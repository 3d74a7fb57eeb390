#pragma once

#include "cginit/invocation.hpp"
#include "cginit/options.hpp"
#include "cginit/result.hpp"
#include "handoff/init_lookup.hpp"
#include "read/source.hpp"

namespace cginit {

/// `--capture`: the facts as one text, to standard output or to a file. Where some cannot be had, the others are
/// written: a container that cginit refuses is what a report is about. `file` is empty for standard output.
[[nodiscard]] Status write_capture(Source& source, const Result<InitCommand>& init, const std::string& file,
                                   const Options& options, const Invocation& invocation);

}  // namespace cginit
