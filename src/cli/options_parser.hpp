#pragma once

#include <optional>
#include <string>

#include "cginit/invocation.hpp"
#include "cginit/options.hpp"
#include "cginit/result.hpp"

namespace cginit {

/// What to do after the command line: go on with the options, or print the text to standard output and exit
/// (--help, --version).
struct ParseOutcome {
    std::optional<Options> options;
    std::string text;
    int exit_status = 0;
};

/// Lays the command line over the environment (CGINIT_...). Options end at the first argument that is none.
/// Errors (125): an unknown option, a bad value in either place, options that contradict each other.
[[nodiscard]] Result<ParseOutcome> parse_command_line(const Invocation& invocation);

}  // namespace cginit
