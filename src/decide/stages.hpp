#pragma once

#include <string>
#include <vector>

#include "cginit/decision.hpp"

namespace cginit {

/// Decides which hierarchies the init gets to see: what the user asked for, else the host's, unless this init cannot
/// boot on it or boots better on another that the kernel can give. Errors: the kernel or the engine cannot give it.
[[nodiscard]] Status choose_layout(const World& world, const Options& options, Decision& decision);

/// Decides on each hierarchy: writable, read-only or left out, with or without an inner level. Errors: the layout
/// needs a hierarchy that must not become writable.
[[nodiscard]] Status choose_hierarchies(const World& world, const Options& options, Decision& decision);

/// Decides on what systemd expects of a container manager besides cgroups (systemd.io/CONTAINER_INTERFACE), each where
/// the engine did not do it: tmpfs on /run, /run/lock and /tmp, a read-only /sys, a shared mount tree, no terminals of
/// the host. Errors: a tmpfs that has to be there cannot be mounted.
[[nodiscard]] Status choose_expectations(const World& world, const Options& options, Decision& decision);

/// Of /run, /run/lock and /tmp those on which systemd has to mount a tmpfs itself, since nothing is mounted there: without
/// CAP_SYS_ADMIN it dies of the first two (mount_setup() in Debian's src/shared/mount-setup.c) or is degraded. None for other inits, and
/// none where --tmpfs says what is wanted.
[[nodiscard]] std::vector<std::string> points_without_mount(const World& world, const Options& options);

/// Refuses mounts that no plan gets round: what would have to be done to them reaches other mounts than meant.
[[nodiscard]] Status refuse_mount_obstacles(const World& world, const Decision& decision);

/// The settings that take something from what cginit promises (docs/design.md, V1 to V5), each with what set it: an image's
/// ENV is not the operator's word. `inner=never (CGINIT_INNER)`
[[nodiscard]] std::vector<std::string> weakening_settings(const World& world, const Options& options,
                                                          const Decision& decision);

}  // namespace cginit
