#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cginit/plan.hpp"
#include "cginit/snapshot.hpp"
#include "read/source.hpp"

namespace cginit {

/// One way to run cginit on a capture.
struct Variant {
    std::string name;  ///< part of the expected file's name
    Options options;
    std::optional<InitTraits> init;  ///< empty: what the capture says
    /// What would be different in a container that was not captured: the capability, a volume. nullptr = nothing.
    void (*change)(Snapshot& snapshot) = nullptr;
};

/// A capture under one variant: one expected file.
struct Case {
    std::string capture;
    Variant variant;

    [[nodiscard]] std::string name() const { return capture + "." + variant.name; }
};

/// Everything that follows from a capture. Without a decision it was refused.
struct Replay {
    Snapshot snapshot;
    World world;
    std::optional<Decision> decision;
    Plan plan;
    /// What --dry-run would print, or the error's one line.
    std::string text;
};

/// The names of all captures, sorted.
[[nodiscard]] std::vector<std::string> captures();
[[nodiscard]] Source open_capture(const std::string& name);
/// Every capture with the default variant, and the representative ones with the others, sorted by name.
[[nodiscard]] std::vector<Case> cases();
[[nodiscard]] Replay replay(const Case& which);
/// What follows from any Snapshot.
[[nodiscard]] Replay replay(Snapshot snapshot, const Options& options);
/// What classify() made of it, for people: hierarchies, their mounts, their exposure.
[[nodiscard]] std::string world_text(const World& world);
/// A case's name as GoogleTest wants it: letters, digits, underscores.
[[nodiscard]] std::string test_name(const std::string& name);

}  // namespace cginit
