#include "cginit/init_traits.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/text.hpp"

namespace cginit {

namespace {

struct KindName {
    InitKind kind;
    const char* name;
};

constexpr std::array kKindNames = {
    KindName{InitKind::systemd, "systemd"}, KindName{InitKind::sysvinit, "sysvinit"},
    KindName{InitKind::busybox, "busybox"}, KindName{InitKind::openrc, "openrc"},
    KindName{InitKind::runit, "runit"},     KindName{InitKind::s6, "s6"},
    KindName{InitKind::finit, "finit"},     KindName{InitKind::dinit, "dinit"},
    KindName{InitKind::dockerd, "dockerd"}, KindName{InitKind::podman, "podman"},
    KindName{InitKind::k3s, "k3s"},         KindName{InitKind::other, "other"},
    KindName{InitKind::unknown, "unknown"},
};

/// Above any version that will ever be, below what does not fit.
constexpr std::uint64_t kVersionLimit = 100000;

}  // namespace

const char* to_string(InitKind kind) {
    const auto* const found =
        std::find_if(kKindNames.begin(), kKindNames.end(), [&](const KindName& row) { return row.kind == kind; });
    return found != kKindNames.end() ? found->name : "?";
}

std::string describe(const InitTraits& traits) {
    switch (traits.kind) {
        case InitKind::systemd:
            return traits.version ? "systemd " + std::to_string(*traits.version) : "systemd of unknown version";
        case InitKind::other: return "another init";
        case InitKind::unknown: return "an unknown init";
        default: return to_string(traits.kind);
    }
}

std::optional<InitTraits> parse_init_traits(const std::string& text) {
    const std::size_t colon = text.find(':');
    const std::string_view name = std::string_view(text).substr(0, colon);
    const auto* const found =
        std::find_if(kKindNames.begin(), kKindNames.end(), [&](const KindName& row) { return name == row.name; });
    if (found == kKindNames.end()) {
        return std::nullopt;
    }
    InitTraits traits;
    traits.kind = found->kind;
    if (colon == std::string::npos) {
        traits.version_unknown_because = traits.kind == InitKind::systemd ? "none was given" : "";
        return traits;
    }
    // Only systemd's behaviour is known by version; anything else would be ignored, which the user must not think.
    const std::optional<std::uint64_t> version = parse_number(std::string_view(text).substr(colon + 1));
    if (traits.kind != InitKind::systemd || !version || *version == 0 || *version >= kVersionLimit) {
        return std::nullopt;
    }
    traits.version = static_cast<int>(*version);
    return traits;
}

}  // namespace cginit
