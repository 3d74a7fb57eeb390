#pragma once

#include <cstddef>
#include <string>
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

}  // namespace cginit
