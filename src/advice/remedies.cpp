#include "advice/advice.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "core/text.hpp"

namespace cginit {
namespace {

/// When a cure is offered: `when` in cures.toml.
enum class Condition { always, can_be_confined };

struct Row {
    CureId cure;
    Condition condition;
    const char* where;
    const char* setting;
};

struct Pair {
    ErrorCode code;
    CureId cure;
};

struct PlaceRow {
    Place place;
    std::string_view where;
};

#include "advice/cure_rows.inc"
#include "advice/place_rows.inc"

constexpr std::string_view kHostNames[] = {
#include "detect/host_names.inc"
};

bool holds(Condition condition, const World& world) {
    switch (condition) {
        case Condition::always: return true;
        case Condition::can_be_confined: return can_be_confined(world);
    }
    return true;
}

template <std::size_t N>
bool is_one_of(std::string_view where, const std::array<std::string_view, N>& names) {
    return std::find(names.begin(), names.end(), where) != names.end();
}

/// What is there whatever the place.
constexpr std::array<std::string_view, 3> kEverywhere = {"host", "image", "cginit"};

/// Whether a row that is for one place is for this one.
bool is_for(std::string_view where, Place place) {
    constexpr std::array<std::string_view, 4> kEngines = {"docker", "podman", "compose", "kubernetes"};
    if (place == Place::unknown) {
        return is_one_of(where, kEngines);
    }
    return std::any_of(std::begin(kPlaceRows), std::end(kPlaceRows),
                       [&](const PlaceRow& row) { return row.place == place && row.where == where; });
}

bool has_other_words(Place place) {
    return std::find(std::begin(kOtherWords), std::end(kOtherWords), place) != std::end(kOtherWords);
}

/// Whether the cure has a row for this kind of host: it stands in the place of the one for all.
bool has_host_row(CureId cure, Host host) {
    return host != Host::unknown && std::any_of(std::begin(kRows), std::end(kRows), [&](const Row& row) {
               return row.cure == cure && std::string_view(row.where) == to_string(host);
           });
}

bool is_host_name(std::string_view where) {
    return std::find(std::begin(kHostNames), std::end(kHostNames), where) != std::end(kHostNames);
}

/// The place's own rows first, and with them what has to be done on the host and in cginit. Without them that is half a cure.
void append_rows(std::vector<Remedy>& remedies, const Cure& cure, Place place, Host host, int alternative) {
    const bool known_host = has_host_row(cure.id, host);
    bool needs_place = false;
    bool has_place = false;
    std::vector<Remedy> others;
    for (const Row& row : kRows) {
        const std::string_view where = is_host_name(row.where) ? "host" : row.where;
        const bool own = !is_one_of(where, kEverywhere);
        const bool others_host =
            where == "host" && std::string_view(row.where) != (known_host ? to_string(host) : "host");
        if (row.cure != cure.id || others_host || *row.setting == '\0') {
            continue;
        }
        const Remedy remedy{std::string(where), filled(row.setting, cure.arguments), alternative};
        needs_place = needs_place || own;
        if (!own) {
            others.push_back(remedy);
        } else if (is_for(row.where, place)) {
            has_place = true;
            remedies.push_back(remedy);
        }
    }
    for (const Remedy& other : others) {
        if (has_place || !needs_place || other.where == "image") {
            remedies.push_back(other);
        }
    }
}

std::vector<Remedy> remedies_in(const Cures& cures, Place place, Host host) {
    std::vector<Remedy> remedies;
    int alternative = 0;
    for (const Cure& cure : cures) {
        ++alternative;
        if (cure.id == CureId::in_words) {
            remedies.push_back({"", text_of(cure), alternative});
        }
        append_rows(remedies, cure, place, host, alternative);
    }
    return remedies;
}

}  // namespace

Cures offered(const Cures& cures, const World& world) {
    Cures had;
    std::copy_if(cures.begin(), cures.end(), std::back_inserter(had), [&world](const Cure& cure) {
        return std::none_of(std::begin(kRows), std::end(kRows), [&](const Row& row) {
            // An empty setting: that kind of host cannot do it.
            const bool cannot = *row.setting == '\0' && std::string_view(row.where) == to_string(world.host);
            return row.cure == cure.id && (cannot || !holds(row.condition, world));
        });
    });
    for (Cure& cure : had) {
        if (cure.id == CureId::give_cgroup) {
            cure.arguments = {chown_commands(world)};
        }
    }
    return had;
}

std::vector<Remedy> remedies_for(const Cures& cures, const World& world) {
    const Cures had = offered(cures, world);
    std::vector<Remedy> remedies = remedies_in(had, world.place, world.host);
    return remedies.empty() ? remedies_in(had, Place::unknown, world.host) : remedies;
}

Error in_words_of_place(const Error& error, const World& world) {
    Error told = error;
    told.cures = offered(error.cures, world);
    const std::vector<Remedy> remedies = remedies_in(told.cures, world.place, world.host);
    // Without a word of the place's the general text says more than the settings of all engines in a row.
    if (!has_other_words(world.place) || remedies.empty()) {
        return told;
    }
    Cures in_words;
    int alternative = 0;
    for (const Remedy& remedy : remedies) {
        if (remedy.alternative != alternative) {
            in_words.emplace_back(remedy.setting);
        } else {
            in_words.back().arguments.front() += concat({" and ", remedy.setting});
        }
        alternative = remedy.alternative;
    }
    told.cures = std::move(in_words);
    return told;
}

bool is_cure_of(ErrorCode code, CureId cure) {
    return cure == CureId::in_words || std::any_of(std::begin(kPairs), std::end(kPairs), [&](const Pair& pair) {
               return pair.code == code && pair.cure == cure;
           });
}

}  // namespace cginit
