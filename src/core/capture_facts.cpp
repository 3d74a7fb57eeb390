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
    PlaceName{PlaceType::absent, "absent"}, PlaceName{PlaceType::directory, "directory"},
    PlaceName{PlaceType::empty, "empty"},   PlaceName{PlaceType::symlink, "symlink"},
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
constexpr std::uint64_t kPidLimit = 1ULL << 23U;

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
    const std::optional<std::uint64_t> pid = parse_number(value);
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

/// An errno: above 0, and below 4096 in every kernel.
std::optional<int> parse_errno(std::string_view text) {
    constexpr std::uint64_t kLimit = 4096;
    const std::optional<std::uint64_t> number = parse_number(text);
    return number && *number != 0 && *number < kLimit ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
}

/// `yes`, or the errno, `1 closed` or `1 open`.
bool take_user_namespaces(std::string_view value, CaptureFacts& facts) {
    const std::size_t space = value.find(' ');
    const std::optional<int> errnum = parse_errno(value.substr(0, space));
    const std::string_view word = space == std::string_view::npos ? std::string_view() : value.substr(space + 1);
    const bool known = word == "closed" || word == "open" || space == std::string_view::npos;
    if (facts.user_namespaces.possible != Tri::unknown || (value != "yes" && (!errnum || !known))) {
        return false;
    }
    const Tri closed = word == "closed" ? Tri::yes : word == "open" ? Tri::no : Tri::unknown;
    facts.user_namespaces = errnum ? UserNamespaces{Tri::no, *errnum, closed} : UserNamespaces{Tri::yes, 0};
    return true;
}

/// `27`, `27 13 mount cgroup2 on /proc/driver/new (rw)`
bool take_tried(std::string_view value, CaptureFacts& facts) {
    constexpr std::uint64_t kMostSteps = 1ULL << 20U;
    const std::size_t space = value.find(' ');
    const std::optional<std::uint64_t> steps = parse_number(value.substr(0, space));
    if (facts.tried || !steps || *steps == 0 || *steps > kMostSteps) {
        return false;
    }
    TriedPlan tried{static_cast<std::size_t>(*steps), {}, 0};
    if (space != std::string_view::npos) {
        const std::size_t text = value.find(' ', space + 1);
        const std::string_view number = value.substr(space + 1, text - space - 1);
        // An assertion fails without one.
        const std::optional<int> errnum = number == "0" ? std::optional<int>(0) : parse_errno(number);
        if (!errnum || text == std::string_view::npos || text + 1 == value.size()) {
            return false;
        }
        tried.errnum = *errnum;
        tried.refused = value.substr(text + 1);
    }
    facts.tried = std::move(tried);
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

bool take_tri(std::string_view value, Tri& fact) {
    if (fact != Tri::unknown || (value != "yes" && value != "no")) {
        return false;
    }
    fact = value == "yes" ? Tri::yes : Tri::no;
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
    const std::optional<std::uint64_t> id = parse_number(value);
    if (mount != 0 || !id || *id == 0 || *id > std::numeric_limits<int>::max()) {
        return false;
    }
    mount = static_cast<int>(*id);
    return true;
}

/// `7 directory`
bool take_descriptor(std::string_view value, CaptureFacts& facts) {
    const std::size_t space = value.find(' ');
    const std::optional<std::uint64_t> number = parse_number(value.substr(0, space));
    const auto* const found =
        std::find_if(kDescriptorNames.begin(), kDescriptorNames.end(), [&](const DescriptorName& row) {
            return space != std::string_view::npos && row.name == value.substr(space + 1);
        });
    const bool again = std::any_of(
        facts.descriptors.begin(), facts.descriptors.end(),
        [&number](const InheritedDescriptor& other) { return number == static_cast<std::uint64_t>(other.number); });
    if (!number || *number > std::numeric_limits<int>::max() || found == kDescriptorNames.end() || again) {
        return false;
    }
    facts.descriptors.push_back({static_cast<int>(*number), found->kind});
    return true;
}

// cppcheck-suppress constParameter // it sees no optional
bool take_init_file(std::string_view value, CaptureFacts& facts) {
    const bool good = facts.init && facts.init->path.empty() && !value.empty();
    if (good) {
        facts.init->path = value;
    }
    return good;
}

// cppcheck-suppress constParameter // it sees no optional
bool take_init_needs(std::string_view value, CaptureFacts& facts) {
    const bool good = facts.init && !value.empty();
    if (good) {
        facts.init->needs.emplace_back(value);
    }
    return good;
}

// cppcheck-suppress constParameter // it sees no optional
bool take_init_version_unknown(std::string_view value, CaptureFacts& facts) {
    const bool good = facts.init && !value.empty();
    if (good) {
        facts.init->version_unknown_because = value;
    }
    return good;
}

struct FactRow {
    std::string_view word;
    /// False if the value is none, or one was told before.
    bool (*take)(std::string_view value, CaptureFacts& facts);
};

constexpr std::array kFacts = {
    FactRow{"pid", take_pid},
    FactRow{"init", take_init},
    FactRow{"init-file", take_init_file},
    FactRow{"init-needs", take_init_needs},
    FactRow{"init-version-unknown", take_init_version_unknown},
    FactRow{"place", take_place},
    FactRow{"user-namespaces", take_user_namespaces},
    FactRow{"owns-cgroup-namespace",
            [](std::string_view value, CaptureFacts& facts) { return take_tri(value, facts.owns_cgroup_namespace); }},
    FactRow{"delegated",
            [](std::string_view value, CaptureFacts& facts) { return take_by_point(value, facts.delegated); }},
    FactRow{"owned", [](std::string_view value, CaptureFacts& facts) { return take_by_point(value, facts.owned); }},
    FactRow{"outsiders",
            [](std::string_view value, CaptureFacts& facts) { return take_by_point(value, facts.outsiders); }},
    FactRow{"pid1-mounts",
            [](std::string_view value, CaptureFacts& facts) { return take_tri(value, facts.pid1_mounts); }},
    FactRow{"neighbours", take_neighbours},
    FactRow{
        "working-directory-mount",
        [](std::string_view value, CaptureFacts& facts) { return take_mount(value, facts.working_directory_mount); }},
    FactRow{"container-variable",
            [](std::string_view value, CaptureFacts& facts) {
                return facts.container_variable.empty() && !(facts.container_variable = value).empty();
            }},
    FactRow{"root-mount",
            [](std::string_view value, CaptureFacts& facts) { return take_mount(value, facts.root_mount); }},
    FactRow{"descriptor", take_descriptor},
    FactRow{"tried", take_tried},
};

/// A word that is in no row is a fact of a later version.
bool take_line(std::string_view line, CaptureFacts& facts) {
    const std::size_t space = line.find(' ');
    const std::string_view word = line.substr(0, space);
    const auto* const row =
        std::find_if(kFacts.begin(), kFacts.end(), [word](const FactRow& known) { return known.word == word; });
    return row == kFacts.end() ||
           row->take(space == std::string_view::npos ? std::string_view() : line.substr(space + 1), facts);
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

std::string tri_text(const char* word, Tri fact) {
    return fact == Tri::unknown ? std::string() : concat({word, fact == Tri::yes ? " yes\n" : " no\n"});
}

std::string company_text(const CaptureFacts& facts) {
    std::string text;
    text += tri_text("pid1-mounts", facts.pid1_mounts);
    for (const NeighboursName& row : kNeighboursNames) {
        if (row.value == facts.neighbours) {
            text += concat(
                {"neighbours ", row.name, facts.neighbour.empty() ? "" : " ", on_one_line(facts.neighbour), "\n"});
        }
    }
    if (!facts.container_variable.empty()) {
        text += concat({"container-variable ", on_one_line(facts.container_variable), "\n"});
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
    text += tri_text("owns-cgroup-namespace", facts.owns_cgroup_namespace);
    text += by_point_text("delegated", facts.delegated) + by_point_text("owned", facts.owned) +
            by_point_text("outsiders", facts.outsiders);
    text += company_text(facts);
    if (facts.user_namespaces.possible != Tri::unknown) {
        const bool possible = facts.user_namespaces.possible == Tri::yes;
        const Tri closed = facts.user_namespaces.closed;
        const char* word = possible || closed == Tri::unknown ? "" : closed == Tri::yes ? " closed" : " open";
        text +=
            concat({"user-namespaces ", possible ? "yes" : std::to_string(facts.user_namespaces.errnum), word, "\n"});
    }
    if (facts.tried) {
        const std::string refused =
            facts.tried->refused.empty()
                ? ""
                : concat({" ", std::to_string(facts.tried->errnum), " ", on_one_line(facts.tried->refused)});
        text += concat({"tried ", std::to_string(facts.tried->steps), refused, "\n"});
    }
    return text;
}

Result<CaptureFacts> parse_capture_facts(const std::string& text, const std::string& name) {
    constexpr const char* kCure = "cginit --capture writes this file";
    CaptureFacts facts;
    std::vector<std::string> lines = split(text, '\n');
    if (!lines.empty() && !lines.back().empty()) {
        return make_error(ErrorCode::bad_facts,
                          concat({name, ":", std::to_string(lines.size()), ": the last line is cut off"}), {kCure});
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
                              {kCure});
        }
    }
    return facts;
}

}  // namespace cginit
