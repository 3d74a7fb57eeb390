#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cginit/init_traits.hpp"
#include "cginit/options.hpp"
#include "kernel/support/container.hpp"
#include "kernel/support/contract.hpp"

namespace cginit {

using Lines = std::vector<std::string>;

/// One shape of container and what cginit is asked to make of it.
struct Run {
    ContainerSpec spec;
    Method method = Method::automatic;
    Inner inner = Inner::automatic;
    InitKind init = InitKind::busybox;
    Lines keep = {};
    std::optional<int> version = std::nullopt;
    Layout layout = Layout::automatic;
    WordOrControllers<Writable> writable = Writable::all;
    /// Where `spec.id` has a cgroup at the host's root afterwards: `unified`, `systemd`; empty = nowhere.
    std::string host_cgroup = {};
};

/// All shapes: every recipe of a plan is in one of them.
[[nodiscard]] std::vector<Run> runs();
[[nodiscard]] Options options_of(const Run& run);
[[nodiscard]] ExpectedView expected_of(const Run& run);
[[nodiscard]] InitTraits traits_of(const Run& run);
void PrintTo(const Run& run, std::ostream* out);

/// What systemd makes in /dev is the container's own, even if that is the machine's /dev.
[[nodiscard]] std::string made_in_dev(const Run& run);

/// The cgroup at the host's root that was permitted and outlives the container.
void remove_host_cgroup(const Run& run);

/// Runs `body` in a container as `run` says, and compares the machine before and after.
void in_container(const Run& run, const std::function<void(const TestCgroups&)>& body);

}  // namespace cginit
