#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "report/text_style.hpp"

namespace cginit {

/// How many columns a text takes on a terminal: that of escaped() text, box-drawing characters and the ellipsis.
[[nodiscard]] std::size_t columns(std::string_view text);
/// The text with spaces up to `width` columns.
[[nodiscard]] std::string padded(std::string text, std::size_t width);
/// What is no printable ASCII character as three octal digits, as mountinfo writes it (proc(5)): a name from outside must
/// neither end the line nor move the cursor, and how wide it is would take a locale to know.
[[nodiscard]] std::string escaped(std::string_view text);
/// One line of these pieces, escaped(), and its end: all that is printed for people and comes from outside goes through here.
[[nodiscard]] std::string line_of(std::initializer_list<std::string_view> pieces);
/// At most `width` columns of an escaped() text: a path is cut before its last component, if that fits, else at its end.
[[nodiscard]] std::string shortened(const std::string& text, std::size_t width, const TextStyle& style);

}  // namespace cginit
