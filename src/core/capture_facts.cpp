#include "cginit/capture_facts.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>
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

struct NeighboursName {
    Neighbours value;
    std::string_view name;
};

constexpr std::array kNeighboursNames = {
    NeighboursName{Neighbours::none, "none"},
    NeighboursName{Neighbours::some, "some"},
    NeighboursName{Neighbours::hidden, "hidden"},
};

struct DescriptorName {
    DescriptorKind kind;
    std::string_view name;
};

constexpr std::array kDescriptorNames = {
    DescriptorName{DescriptorKind::directory, "directory"},
    DescriptorName{DescriptorKind::cgroup, "cgroup"},
    DescriptorName{DescriptorKind::name_space, "namespace"},
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
bool take_by_point(std::string_view value, std::map<std::string, Tri>& facts) {
    const std::size_t space = value.rfind(' ');
    const std::string_view word = space == std::string_view::npos ? value : value.substr(space + 1);
    if (space == std::string_view::npos || !is_plain_path(value.substr(0, space)) || (word != "yes" && word != "no")) {
        return false;
    }
    return facts.emplace(value.substr(0, space), word == "yes" ? Tri::yes : Tri::no).second;
}

bool take_pid1_mounts(std::string_view value, CaptureFacts& facts) {
    if (facts.pid1_mounts != Tri::unknown || (value != "yes" && value != "no")) {
        return false;
    }
    facts.pid1_mounts = value == "yes" ? Tri::yes : Tri::no;
    return true;
}

/// `none`, `some 1 (systemd)`
bool take_neighbours(std::string_view value, CaptureFacts& facts) {
    const std::size_t space = value.find(' ');
    const auto* const found =
        std::find_if(kNeighboursNames.begin(), kNeighboursNames.end(),
                     [&](const NeighboursName& row) { return row.name == value.substr(0, space); });
    const bool named = space != std::string_view::npos && space + 1 < value.size();
    if (facts.neighbours != Neighbours::not_looked_for || found == kNeighboursNames.end() ||
        named != (found->value == Neighbours::some)) {
        return false;
    }
    facts.neighbours = found->value;
    facts.neighbour = named ? value.substr(space + 1) : std::string_view();
    return true;
}

/// The id of a mount, which is none below 1.
bool take_mount(std::string_view value, int& mount) {
    const std::optional<unsigned long> id = parse_number(value);
    if (mount != 0 || !id || *id == 0 || *id > std::numeric_limits<int>::max()) {
        return false;
    }
    mount = static_cast<int>(*id);
    return true;
}

/// `7 directory`
bool take_descriptor(std::string_view value, CaptureFacts& facts) {
    const std::size_t space = value.find(' ');
    const std::optional<unsigned long> number = parse_number(value.substr(0, space));
    const auto* const found =
        std::find_if(kDescriptorNames.begin(), kDescriptorNames.end(), [&](const DescriptorName& row) {
            return space != std::string_view::npos && row.name == value.substr(space + 1);
        });
    const bool again = std::any_of(
        facts.descriptors.begin(), facts.descriptors.end(),
        [&number](const InheritedDescriptor& other) { return number == static_cast<unsigned long>(other.number); });
    if (!number || *number > std::numeric_limits<int>::max() || found == kDescriptorNames.end() || again) {
        return false;
    }
    facts.descriptors.push_back({static_cast<int>(*number), found->kind});
    return true;
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
    if (word == "delegated" || word == "outsiders") {
        return take_by_point(value, word == "delegated" ? facts.delegated : facts.outsiders);
    }
    if (word == "pid1-mounts") {
        return take_pid1_mounts(value, facts);
    }
    if (word == "neighbours") {
        return take_neighbours(value, facts);
    }
    if (word == "working-directory-mount" || word == "root-mount") {
        return take_mount(value, word == "root-mount" ? facts.root_mount : facts.working_directory_mount);
    }
    if (word == "descriptor") {
        return take_descriptor(value, facts);
    }
    if (word == "init-file" && facts.init && facts.init->path.empty() && !value.empty()) {
        facts.init->path = value;
        return true;
    }
    if (word == "init-needs" && facts.init && !value.empty()) {
        facts.init->needs.emplace_back(value);
        return true;
    }
    if (word == "init-version-unknown" && facts.init && !value.empty()) {
        facts.init->version_unknown_because = value;
        return true;
    }
    return word == "place" && take_place(value, facts);
}

std::string by_point_text(const char* word, const std::map<std::string, Tri>& facts) {
    std::string text;
    for (const auto& [point, fact] : facts) {
        if (fact != Tri::unknown) {
            text += concat({word, " ", point, fact == Tri::yes ? " yes\n" : " no\n"});
        }
    }
    return text;
}

std::string company_text(const CaptureFacts& facts) {
    std::string text;
    if (facts.pid1_mounts != Tri::unknown) {
        text += facts.pid1_mounts == Tri::yes ? "pid1-mounts yes\n" : "pid1-mounts no\n";
    }
    for (const NeighboursName& row : kNeighboursNames) {
        if (row.value == facts.neighbours) {
            text += concat(
                {"neighbours ", row.name, facts.neighbour.empty() ? "" : " ", on_one_line(facts.neighbour), "\n"});
        }
    }
    for (const auto& [word, mount] :
         {std::pair{"working-directory-mount ", facts.working_directory_mount}, {"root-mount ", facts.root_mount}}) {
        text += mount != 0 ? concat({word, std::to_string(mount), "\n"}) : std::string();
    }
    for (const InheritedDescriptor& descriptor : facts.descriptors) {
        for (const DescriptorName& row : kDescriptorNames) {
            text += row.kind == descriptor.kind
                        ? concat({"descriptor ", std::to_string(descriptor.number), " ", row.name, "\n"})
                        : std::string();
        }
    }
    return text;
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
        for (const std::string& file : facts.init->needs) {
            text += concat({"init-needs ", on_one_line(file), "\n"});
        }
    }
    for (const auto& [path, type] : facts.places) {
        for (const PlaceName& row : kPlaceNames) {
            text += row.type == type ? concat({"place ", path, " ", row.name, "\n"}) : std::string();
        }
    }
    text += by_point_text("delegated", facts.delegated) + by_point_text("outsiders", facts.outsiders);
    text += company_text(facts);
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
