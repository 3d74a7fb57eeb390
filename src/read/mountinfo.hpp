#pragma once

#include <string>

#include "cginit/mount_table.hpp"
#include "cginit/result.hpp"

namespace cginit {

/// Reads the text of a mountinfo file with libmount; `name` is the file for messages. A line that does not parse is an
/// error with its number: a mount that is not seen is a mount that is not guarded.
[[nodiscard]] Result<MountTable> parse_mountinfo(const std::string& text, const std::string& name);

}  // namespace cginit
