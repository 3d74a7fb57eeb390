#include "detect/detect.hpp"

#include <vector>

#include "core/text.hpp"

namespace cginit {

bool is_at_least(const std::optional<std::string>& release, std::uint64_t major, std::uint64_t minor) {
    if (!release) {
        return false;
    }
    const std::vector<std::string> parts = split(*release, '.');
    if (parts.size() < 2) {
        return false;
    }
    const std::uint64_t first = parse_number(parts[0]).value_or(0);
    const std::uint64_t second = parse_number(parts[1].substr(0, parts[1].find_first_not_of("0123456789"))).value_or(0);
    return first > major || (first == major && second >= minor);
}

}  // namespace cginit
