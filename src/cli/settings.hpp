#pragma once

#include <span>
#include <string>

#include "cginit/options.hpp"

namespace cginit {

/// Options while they are read: what some of them mean the others have to say.
struct Draft : Options {
    FactsFrom from;
};

/// An option: a row of options.toml, which makes the table, the documentation and the completions.
struct Setting {
    const char* option;    ///< as CLI11 names it: `--layout`, `-v,--verbose`
    const char* variable;  ///< rows with the same variable exclude each other; nullptr if it has none
    const char* values;    ///< what it takes, the default first: `auto|never`, `PATH`; nullptr for a flag
    const char* expected;  ///< what a value must be, for errors: `auto or never`
    const char* group;     ///< heading in --help
    const char* help;      ///< lines of --help; nullptr if its name says all
    /// Lays one value over the options; false if it is not as expected. nullptr: it sets nothing (--help, --version).
    bool (*apply)(Draft& options, const std::string& value);
    bool repeatable = false;  ///< every value counts, not just the last; colon-separated in the variable
    bool switchable = false;  ///< a flag whose variable takes 1 or 0
    bool action = false;      ///< what to do instead of running the init: of these one at most
    /// `--explain[=text|json]`: a flag that may have a value, after `=` only. CLI11 has `true` for none.
    bool optional_value = false;
};

/// All of them, in the order of --help.
[[nodiscard]] std::span<const Setting> settings();
[[nodiscard]] std::string help_text();

}  // namespace cginit
