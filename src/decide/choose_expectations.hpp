#pragma once

#include "cginit/decision.hpp"

namespace cginit {

/// Decides on what systemd expects of a container manager besides cgroups (systemd.io/CONTAINER_INTERFACE), each where
/// the engine did not do it: tmpfs on /run, /run/lock and /tmp, a read-only /sys, a shared mount tree, no terminals of
/// the host. Errors: a tmpfs that has to be there cannot be mounted.
[[nodiscard]] Status choose_expectations(const World& world, const Options& options, Decision& decision);

}  // namespace cginit
