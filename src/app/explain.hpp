#pragma once

#include "cginit/invocation.hpp"
#include "cginit/options.hpp"
#include "cginit/result.hpp"
#include "read/source.hpp"

namespace cginit {

/// --explain: says on standard output whether the init would get its view, and if not what is missing. Nothing is changed;
/// what only trying tells is tried in a child with a mount namespace of its own. The exit status: 0 if it would, 1 if not.
[[nodiscard]] Result<int> explain(const Source& source, ExplainAs as, const Options& options,
                                  const Invocation& invocation);

}  // namespace cginit
