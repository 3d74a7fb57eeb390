#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cginit {

/// The pieces of `text` between separators; empty pieces are kept, an empty text gives none.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
/// The pieces between spaces, however many; white space at both ends is none of them.
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);
/// The pieces with `separator` between them.
[[nodiscard]] std::string join(const std::vector<std::string>& pieces, std::string_view separator);
/// All pieces one after the other.
[[nodiscard]] std::string concat(std::initializer_list<std::string_view> pieces);
[[nodiscard]] bool contains(std::string_view text, std::string_view part);
/// A decimal number that fills the whole text; empty if it is none or too large.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);
/// A hexadecimal number without prefix that fills the whole text.
[[nodiscard]] std::optional<std::uint64_t> parse_hex(std::string_view text);
/// The text without white space at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

}  // namespace cginit
