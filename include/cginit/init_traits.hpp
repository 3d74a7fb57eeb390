#pragma once

#include <optional>
#include <string>
#include <vector>

namespace cginit {

/// Which init a path leads to. `other` = a program that is none of the known ones; `unknown` = it could not be read.
enum class InitKind {
    systemd,
    sysvinit,
    busybox,
    openrc,
    runit,
    s6,
    finit,
    dinit,
    dockerd,
    podman,
    k3s,
    other,
    unknown,
};

/// What is known of the init that will be run, found without executing it.
struct InitTraits {
    InitKind kind = InitKind::unknown;
    /// systemd's major version (252); empty when unknown or not systemd.
    std::optional<int> version;
    /// The file to execute, all symlinks resolved inside the container's root; empty with `--init-traits`.
    std::string path;
    /// Why the version of a systemd is unknown, one clause; empty if it is known.
    std::string version_unknown_because = {};
    /// What executing it takes besides: a script's interpreter, a program's loader; all links resolved.
    std::vector<std::string> needs = {};

    bool operator==(const InitTraits&) const = default;
};

/// `systemd`, `busybox`, ...
[[nodiscard]] const char* to_string(InitKind kind);
/// `systemd 252`, `busybox`, `systemd of unknown version`
[[nodiscard]] std::string describe(const InitTraits& traits);
/// Reads `KIND[:VERSION]`, e.g. `systemd:252`; empty if the kind or version is not one.
[[nodiscard]] std::optional<InitTraits> parse_init_traits(const std::string& text);

}  // namespace cginit
