#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace cginit {

/// How text is drawn for whoever reads it.
struct TextStyle {
    bool unicode = false;    ///< box-drawing characters, else ASCII
    bool colour = false;     ///< ECMA-48 colours
    std::size_t width = 80;  ///< columns that no line is wider than; what is narrower than 40 is taken for 40

    bool operator==(const TextStyle&) const = default;
};

/// What the environment asks for: UTF-8 by $LC_ALL, $LC_CTYPE and $LANG in the order of locale(7); colour only on a
/// terminal, unless $TERM is none or `dumb` or $NO_COLOR is set (no-color.org).
[[nodiscard]] TextStyle text_style_for(const std::vector<std::string>& environment, bool terminal);

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

/// Breaks lines at blanks so that they fit into `width` columns where words allow it; what goes on is indented below its
/// line's last column of text. Escape sequences take no column.
[[nodiscard]] std::string wrapped(const std::string& text, std::size_t width);

}  // namespace cginit
