#pragma once

#include <string>

#include "cginit/init_traits.hpp"
#include "read/source.hpp"

namespace cginit {

/// Which init `file` is, found without executing it: from its resolved name and what lies beside it (systemd's
/// libsystemd-shared-NNN.so). `file` is absolute with symlinks resolved (InitCommand::file).
[[nodiscard]] InitTraits detect_init_traits(const Source& source, const std::string& file);

}  // namespace cginit
