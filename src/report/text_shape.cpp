#include "report/text.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace cginit {

std::size_t columns(std::string_view text) {
    // Of the bytes of a UTF-8 character all but the first are 10xxxxxx.
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string padded(std::string text, std::size_t width) {
    const std::size_t taken = columns(text);
    text.append(taken < width ? width - taken : 0, ' ');
    return text;
}

std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            result += c;
        } else {
            result += {'\\', static_cast<char>('0' + byte / 64), static_cast<char>('0' + byte / 8 % 8),
                       static_cast<char>('0' + byte % 8)};
        }
    }
    return result;
}

std::string line_of(std::initializer_list<std::string_view> pieces) { return escaped(concat(pieces)) + "\n"; }

std::string shortened(const std::string& text, std::size_t width, const TextStyle& style) {
    if (text.size() <= width) {
        return text;
    }
    const std::string ellipsis = style.unicode ? "…" : "...";
    if (width <= columns(ellipsis)) {
        return text.substr(0, width);
    }
    const std::size_t rest = width - columns(ellipsis);
    const std::size_t slash = text.rfind('/');
    const std::size_t tail = slash == std::string::npos ? 0 : text.size() - slash;
    // An id of 64 digits is known by its first ones: nothing is gained by its end.
    const bool keeps_tail = tail <= rest * 2 / 3;
    const std::size_t kept = keeps_tail ? tail : 0;
    return text.substr(0, rest - kept) + ellipsis + text.substr(text.size() - kept);
}

}  // namespace cginit
