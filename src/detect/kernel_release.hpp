#pragma once

#include <optional>
#include <string>

namespace cginit {

/// `6.1.0-18-amd64` is at least 5.11; false of what is not known.
[[nodiscard]] bool is_at_least(const std::optional<std::string>& release, unsigned long major, unsigned long minor);

}  // namespace cginit
