#pragma once

#include <cstddef>
#include <string>

namespace cginit {

/// Breaks lines at blanks so that they fit into `width` columns where words allow it; what goes on is indented below its
/// line's last column of text. Escape sequences take no column.
[[nodiscard]] std::string wrapped(const std::string& text, std::size_t width);

}  // namespace cginit
