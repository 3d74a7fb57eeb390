#pragma once

#include <string>
#include <vector>

namespace cginit {

/// How cginit itself was started.
struct Invocation {
    std::vector<std::string> argv;
    std::vector<std::string> environment;  ///< `NAME=value`
    /// What /proc/self/exe leads to, to never run itself again; empty if unknown. Filled in when it is needed.
    std::string self_exe;
};

/// The value of a variable, the first one as getenv(3) has it; nullptr if there is none.
[[nodiscard]] const char* environment_value(const std::vector<std::string>& environment, const std::string& name);
/// True if a name that leads to cginit is one that it takes options under: `/cginit`, `cginit-1.0`. Under any other
/// (`/sbin/init`, `systemd`) it is the wrapper installed over an init.
[[nodiscard]] bool is_own_name(const std::string& argv0);

}  // namespace cginit
