#include "detect/detect.hpp"

#include "core/text.hpp"

namespace cginit {
namespace {

bool is_full_identity_map(const std::string& map) {
    return words_of(map) == std::vector<std::string>{"0", "0", "4294967295"};
}

}  // namespace

bool is_rootless_map(const std::string& map) {
    const std::vector<std::string> words = words_of(map.substr(0, map.find('\n')));
    return words.size() == 3 && words[0] == "0" && words[1] != "0" && words[2] == "1";
}

bool in_initial_user_namespace(const Snapshot& snapshot) {
    /// PROC_USER_INIT_INO, include/linux/proc_ns.h. A map of all ids to themselves can be another's, too.
    constexpr std::uint64_t kInitialUserNamespace = 4026531837;
    const auto id = snapshot.namespaces.find("user");
    const bool can_be = id == snapshot.namespaces.end() || id->second == kInitialUserNamespace;
    return can_be && (snapshot.uid_map.empty() || is_full_identity_map(snapshot.uid_map));
}

std::vector<IdRange> id_ranges(const std::string& map) {
    std::vector<IdRange> ranges;
    for (const std::string& line : split(map, '\n')) {
        const std::vector<std::string> words = words_of(line);
        const auto first = words.size() == 3 ? parse_number(words[0]) : std::nullopt;
        const auto outside = words.size() == 3 ? parse_number(words[1]) : std::nullopt;
        const auto count = words.size() == 3 ? parse_number(words[2]) : std::nullopt;
        if (first && outside && count) {
            ranges.push_back({*first, *outside, *count});
        }
    }
    return ranges;
}

}  // namespace cginit
