#pragma once

#include "cginit/invocation.hpp"
#include "cginit/options.hpp"
#include "cginit/result.hpp"
#include "handoff/init_lookup.hpp"
#include "read/source.hpp"

namespace cginit {

/// The whole story: see, decide, plan, check, apply, verify, become the init. Returns only for --dry-run and --explain, with
/// the exit status (their text is on standard output then), and on failure; the caller prints the error.
[[nodiscard]] Result<int> run(const Options& options, const Invocation& invocation);

/// --explain: says on standard output whether the init would get its view, and if not what is missing. Nothing is changed;
/// what only trying tells is tried in a child with a mount namespace of its own. The exit status: 0 if it would, 1 if not.
[[nodiscard]] Result<int> explain(const Source& source, ExplainAs as, const Options& options,
                                  const Invocation& invocation);

/// --dry-run: the facts, the decision and the plan on standard output; an error if the plan would be refused, as --explain has it.
[[nodiscard]] Status print_plan(const Source& source, const Options& options, const Invocation& invocation);

/// `--capture`: the facts as one text, to standard output or to a file. Where some cannot be had, the others are
/// written: a container that cginit refuses is what a report is about. `file` is empty for standard output.
[[nodiscard]] Status write_capture(Source& source, const Result<InitCommand>& init, const std::string& file,
                                   const Options& options, const Invocation& invocation);

}  // namespace cginit
