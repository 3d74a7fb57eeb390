#include "cginit/capture_facts.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {

namespace {

struct PlaceName {
    PlaceType type;
    std::string_view name;
};

constexpr std::array kPlaceNames = {
    PlaceName{PlaceType::absent, "absent"},
    PlaceName{PlaceType::directory, "directory"},
    PlaceName{PlaceType::symlink, "symlink"},
    PlaceName{PlaceType::other, "other"},
};

/// Above any pid: 2^22, proc(5).
constexpr unsigned long kPidLimit = 1UL << 23U;

/// A line break would end the fact. It is written as the log writes it.
std::string on_one_line(const std::string& text) { return join(split(text, '\n'), "\\012"); }

/// `systemd:252`, `busybox`: what parse_init_traits() reads.
std::string init_name(const InitTraits& init) {
    return init.version ? concat({to_string(init.kind), ":", std::to_string(*init.version)}) : to_string(init.kind);
}

/// `/run/lock directory`: the path may hold spaces, the word cannot.
bool take_place(std::string_view value, CaptureFacts& facts) {
    const std::size_t space = value.rfind(' ');
    if (space == std::string_view::npos || !is_plain_path(value.substr(0, space))) {
        return false;
    }
    const auto* const found = std::find_if(kPlaceNames.begin(), kPlaceNames.end(),
                                           [&](const PlaceName& row) { return row.name == value.substr(space + 1); });
    return found != kPlaceNames.end() && facts.places.emplace(value.substr(0, space), found->type).second;
}

bool take_pid(std::string_view value, CaptureFacts& facts) {
    const std::optional<unsigned long> pid = parse_number(value);
    if (!pid || *pid == 0 || *pid >= kPidLimit || facts.pid) {
        return false;
    }
    facts.pid = static_cast<int>(*pid);
    return true;
}

bool take_init(std::string_view value, CaptureFacts& facts) {
    if (facts.init) {
        return false;
    }
    facts.init = parse_init_traits(std::string(value));
    return facts.init.has_value();
}

/// `yes`, or the errno: below 4096 in every kernel.
bool take_user_namespaces(std::string_view value, CaptureFacts& facts) {
    constexpr unsigned long kErrnoLimit = 4096;
    const std::optional<unsigned long> errnum = parse_number(value);
    if (facts.user_namespaces.possible != Tri::unknown ||
        (value != "yes" && (!errnum || *errnum == 0 || *errnum >= kErrnoLimit))) {
        return false;
    }
    facts.user_namespaces = errnum ? UserNamespaces{Tri::no, static_cast<int>(*errnum)} : UserNamespaces{Tri::yes, 0};
    return true;
}

/// `/sys/fs/cgroup no`
bool take_delegated(std::string_view value, CaptureFacts& facts) {
    const std::size_t space = value.rfind(' ');
    const std::string_view word = space == std::string_view::npos ? value : value.substr(space + 1);
    if (space == std::string_view::npos || !is_plain_path(value.substr(0, space)) || (word != "yes" && word != "no")) {
        return false;
    }
    return facts.delegated.emplace(value.substr(0, space), word == "yes" ? Tri::yes : Tri::no).second;
}

/// False if the line is no fact, or one that was told before.
bool take_line(std::string_view line, CaptureFacts& facts) {
    const std::size_t space = line.find(' ');
    const std::string_view word = line.substr(0, space);
    const std::string_view value = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    if (word == "pid") {
        return take_pid(value, facts);
    }
    if (word == "init") {
        return take_init(value, facts);
    }
    if (word == "user-namespaces") {
        return take_user_namespaces(value, facts);
    }
    if (word == "delegated") {
        return take_delegated(value, facts);
    }
    if (word == "init-file" && facts.init && facts.init->path.empty() && !value.empty()) {
        facts.init->path = value;
        return true;
    }
    if (word == "init-version-unknown" && facts.init && !value.empty()) {
        facts.init->version_unknown_because = value;
        return true;
    }
    return word == "place" && take_place(value, facts);
}

}  // namespace

std::string capture_facts_text(const CaptureFacts& facts) {
    std::string text;
    if (facts.pid) {
        text += concat({"pid ", std::to_string(*facts.pid), "\n"});
    }
    if (facts.init) {
        text += concat({"init ", init_name(*facts.init), "\n"});
        if (!facts.init->path.empty()) {
            text += concat({"init-file ", on_one_line(facts.init->path), "\n"});
        }
        if (!facts.init->version_unknown_because.empty()) {
            text += concat({"init-version-unknown ", on_one_line(facts.init->version_unknown_because), "\n"});
        }
    }
    for (const auto& [path, type] : facts.places) {
        for (const PlaceName& row : kPlaceNames) {
            text += row.type == type ? concat({"place ", path, " ", row.name, "\n"}) : std::string();
        }
    }
    for (const auto& [point, delegated] : facts.delegated) {
        if (delegated != Tri::unknown) {
            text += concat({"delegated ", point, delegated == Tri::yes ? " yes\n" : " no\n"});
        }
    }
    if (facts.user_namespaces.possible != Tri::unknown) {
        const bool possible = facts.user_namespaces.possible == Tri::yes;
        text += concat({"user-namespaces ", possible ? "yes" : std::to_string(facts.user_namespaces.errnum), "\n"});
    }
    return text;
}

Result<CaptureFacts> parse_capture_facts(const std::string& text, const std::string& name) {
    constexpr const char* kCure = "cginit --capture writes this file; one of another version may write other facts";
    CaptureFacts facts;
    std::vector<std::string> lines = split(text, '\n');
    if (!lines.empty() && !lines.back().empty()) {
        return make_error(ErrorCode::bad_facts,
                          concat({name, ":", std::to_string(lines.size()), ": the last line is cut off"}), kCure);
    }
    if (!lines.empty()) {
        lines.pop_back();
    }
    std::size_t number = 0;
    for (const std::string& line : lines) {
        ++number;
        if (!take_line(line, facts)) {
            return make_error(ErrorCode::bad_facts,
                              concat({name, ":", std::to_string(number), ": not a fact, or a second one: ", line}),
                              kCure);
        }
    }
    return facts;
}

}  // namespace cginit
