#include "advice/remedies.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "advice/security_label.hpp"
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

#include "advice/cure_rows.inc"

bool holds(Condition condition, const World& world) {
    switch (condition) {
        case Condition::always: return true;
        case Condition::can_be_confined: return can_be_confined(world);
    }
    return true;
}

bool is_engines(std::string_view where) {
    constexpr std::array<std::string_view, 4> kEngines = {"docker", "podman", "compose", "kubernetes"};
    return std::find(kEngines.begin(), kEngines.end(), where) != kEngines.end();
}

/// Whether a row is for who runs a container in that engine.
bool is_for(std::string_view where, Engine engine) {
    if (!is_engines(where)) {
        return true;
    }
    switch (engine) {
        case Engine::docker: return where == "docker" || where == "compose";
        case Engine::podman: return where == "podman";
        case Engine::kubernetes: return where == "kubernetes";
        case Engine::lxc:
        case Engine::oci: break;
    }
    return true;
}

std::vector<Remedy> remedies_in(const Cures& cures, Engine engine) {
    std::vector<Remedy> remedies;
    int alternative = 0;
    for (const Cure& cure : cures) {
        ++alternative;
        if (cure.id == CureId::in_words) {
            remedies.push_back({"", text_of(cure), alternative});
        }
        for (const Row& row : kRows) {
            if (row.cure == cure.id && is_for(row.where, engine)) {
                remedies.push_back({row.where, filled(row.setting, cure.arguments), alternative});
            }
        }
    }
    return remedies;
}

}  // namespace

Cures offered(const Cures& cures, const World& world) {
    Cures had;
    std::copy_if(cures.begin(), cures.end(), std::back_inserter(had), [&world](const Cure& cure) {
        return std::none_of(std::begin(kRows), std::end(kRows),
                            [&](const Row& row) { return row.cure == cure.id && !holds(row.condition, world); });
    });
    return had;
}

std::vector<Remedy> remedies_for(const Cures& cures, const World& world) {
    const Cures had = offered(cures, world);
    std::vector<Remedy> remedies = remedies_in(had, world.engine);
    return remedies.empty() ? remedies_in(had, Engine::oci) : remedies;
}

Error in_words_of_place(const Error& error, const World& world) {
    Error told = error;
    told.cures = offered(error.cures, world);
    if (world.engine != Engine::kubernetes) {
        return told;  // What the texts are made of are the flags of Docker and Podman.
    }
    Cures in_words;
    int alternative = 0;
    for (const Remedy& remedy : remedies_for(error.cures, world)) {
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
