#include "read/gather.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "core/path.hpp"
#include "core/text.hpp"
#include "read/source.hpp"

namespace cginit {

namespace {

/// The first systemd with a private library libsystemd-shared-NNN.so.
constexpr std::uint64_t kFirstWithLibrary = 231;

/// `libsystemd-shared-252.so`, `libsystemd-shared-251.2-1.fc37.so`, `libsystemd-shared-252.38-1~deb12u1.so`
std::optional<int> version_of_shared_library(std::string_view name) {
    constexpr std::string_view kPrefix = "libsystemd-shared-";
    constexpr std::string_view kSuffix = ".so";
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) {
        return std::nullopt;
    }
    name.remove_prefix(kPrefix.size());
    const std::string_view digits = name.substr(0, name.find_first_not_of("0123456789"));
    const std::optional<std::uint64_t> version = parse_number(digits);
    // Distributions append to the version after any of these.
    constexpr std::uint64_t kLimit = 100000;
    if (!version || *version < kFirstWithLibrary || *version >= kLimit ||
        std::string_view(".-~+_^").find(name[digits.size()]) == std::string_view::npos) {
        return std::nullopt;
    }
    return static_cast<int>(*version);
}

/// Adds the versions in one directory; a link there is not followed, since the root is not known to hold its target.
void collect_versions(const Source& source, const std::string& directory, std::set<int>& versions) {
    if (source.type(directory) != FileType::directory) {
        return;
    }
    for (const std::string& name : source.list(directory)) {
        if (const std::optional<int> version = version_of_shared_library(name)) {
            versions.insert(*version);
        }
    }
}

/// The standard places: /usr/lib/systemd, and on Debian since 253 /usr/lib/x86_64-linux-gnu/systemd; likewise below
/// /lib, /lib64 and /usr/lib64, which often are links to one another and are then read once.
void collect_standard_versions(const Source& source, std::set<int>& versions) {
    std::set<std::string> done;
    for (const char* lib : {"/usr/lib", "/usr/lib64", "/lib", "/lib64"}) {
        const Result<std::string> resolved = resolve_path(source, lib);
        if (!resolved || !done.insert(*resolved).second) {
            continue;
        }
        collect_versions(source, join_path(*resolved, "systemd"), versions);
        for (const std::string& name : source.list(*resolved)) {
            if (name.find("-linux-") != std::string::npos) {
                collect_versions(source, join_path(*resolved, join_path(name, "systemd")), versions);
            }
        }
    }
}

/// `systemd 219 running in %ssystem mode`: the format of its first log line (src/core/main.c, until 230 with the number
/// written out). Before 231 there is no private library to tell the version by.
std::optional<int> version_in_program(const Source& source, const std::string& file) {
    constexpr std::size_t kLimit = 8U << 20U;
    constexpr std::string_view kBefore = "systemd ";
    constexpr std::string_view kAfter = " running in ";
    const Result<std::string> program = source.read_head(file, kLimit);
    if (!program) {
        return std::nullopt;
    }
    for (std::size_t at = program->find(kAfter); at != std::string::npos; at = program->find(kAfter, at + 1)) {
        const std::size_t digits = program->find_last_not_of("0123456789", at - 1) + 1;
        const auto version = parse_number(std::string_view(*program).substr(digits, at - digits));
        if (version && *version < kFirstWithLibrary && digits >= kBefore.size() &&
            program->compare(digits - kBefore.size(), kBefore.size(), kBefore) == 0) {
            return static_cast<int>(*version);
        }
    }
    return std::nullopt;
}

/// systemd's version from its private library. A systemd installed elsewhere (/opt, /nix/store) has it beside itself,
/// and what the standard places hold is another one's. Two versions in sight are as good as none: a wrong one would
/// pick a hierarchy that this init cannot boot on.
void detect_systemd_version(const Source& source, InitTraits& traits) {
    const std::string& file = traits.path;
    std::set<int> versions;
    const bool standard = is_at_or_below(file, "/usr/lib") || is_at_or_below(file, "/lib") ||
                          is_at_or_below(file, "/usr/sbin") || is_at_or_below(file, "/sbin");
    if (!standard) {
        collect_versions(source, parent_path(file), versions);
    }
    if (versions.empty()) {
        collect_standard_versions(source, versions);
    }
    if (versions.size() > 1) {
        std::vector<std::string> names;
        names.reserve(versions.size());
        for (const int version : versions) {
            names.push_back(std::to_string(version));
        }
        traits.version_unknown_because = concat({"there is a libsystemd-shared of each of ", join(names, ", ")});
        return;
    }
    traits.version = versions.empty() ? version_in_program(source, file) : std::optional<int>(*versions.begin());
    if (!traits.version) {
        traits.version_unknown_because = concat({"there is no libsystemd-shared, and ", file, " names no older one"});
    }
}

struct NameRule {
    std::string_view name;
    InitKind kind;
};

/// Programs that have their name for themselves.
constexpr NameRule kNameRules[] = {
    {"systemd", InitKind::systemd},
    {"busybox", InitKind::busybox},
    {"busybox.static", InitKind::busybox},
    {"openrc-init", InitKind::openrc},
    {"runit", InitKind::runit},
    {"runit-init", InitKind::runit},
    {"s6-svscan", InitKind::s6},
    {"s6-linux-init", InitKind::s6},
    {"finit", InitKind::finit},
    {"dinit", InitKind::dinit},
    {"dockerd", InitKind::dockerd},
    {"podman", InitKind::podman},
    {"k3s", InitKind::k3s},
};

std::optional<InitKind> kind_by_name(std::string_view name) {
    const NameRule* found = std::find_if(std::begin(kNameRules), std::end(kNameRules),
                                         [&](const NameRule& rule) { return rule.name == name; });
    return found != std::end(kNameRules) ? std::optional<InitKind>(found->kind) : std::nullopt;
}

/// The name without what a wrapper's installation appended: init.real by hand, init.distrib by dpkg-divert(1).
std::string original_name(const std::string& file) {
    std::string name = base_name(file);
    for (const std::string_view suffix : {".real", ".distrib"}) {
        if (name.size() > suffix.size() && name.ends_with(suffix)) {
            name.resize(name.size() - suffix.size());
        }
    }
    return name;
}

/// A script is `other`, but for those that are the one way in which a known init starts.
InitKind kind_of_script(const Source& source, const std::string& file, const std::string& name) {
    // s6-linux-init-maker(8) writes /etc/s6-linux-init/current/bin/init.
    if (file.find("/s6-linux-init/") != std::string::npos) {
        return InitKind::s6;
    }
    // s6-overlay: /init, version 3 with /package/admin/s6-overlay, version 2 with /etc/s6.
    if (file == "/init" && (source.exists("/package/admin/s6-overlay") || source.exists("/etc/s6"))) {
        return InitKind::s6;
    }
    // docker:dind's entrypoint, which ends in `exec dockerd`.
    return name == "dockerd-entrypoint.sh" ? InitKind::dockerd : InitKind::other;
}

/// A program that is called just `init`: sysvinit is the one whose telinit is a link to init itself, and, but for
/// busybox, which has its own name, the one that reads /etc/inittab. Upstart and finit have neither.
InitKind kind_of_plain_init(const Source& source, const std::string& file) {
    for (const char* telinit : {"/sbin/telinit", "/usr/sbin/telinit"}) {
        const Result<std::string> resolved = resolve_path(source, telinit);
        if (resolved && *resolved == file) {
            return InitKind::sysvinit;
        }
    }
    if (source.exists("/etc/finit.conf") || source.exists("/etc/finit.d")) {
        return InitKind::finit;
    }
    return source.exists("/etc/inittab") ? InitKind::sysvinit : InitKind::other;
}

InitKind detect_kind(const Source& source, const std::string& file) {
    const FileType type = source.type(file);
    if (type != FileType::regular && type != FileType::unknown) {
        return InitKind::unknown;
    }
    const std::string name = original_name(file);
    const Result<std::string> head = source.read_head(file, 2);
    if (head && *head == "#!") {
        return kind_of_script(source, file, name);
    }
    if (const std::optional<InitKind> kind = kind_by_name(name)) {
        return *kind;
    }
    return name == "init" ? kind_of_plain_init(source, file) : InitKind::other;
}

}  // namespace

InitTraits detect_init_traits(const Source& source, const std::string& file) {
    InitTraits traits;
    traits.path = file;
    traits.kind = detect_kind(source, file);
    if (traits.kind == InitKind::systemd) {
        detect_systemd_version(source, traits);
    }
    return traits;
}

}  // namespace cginit
