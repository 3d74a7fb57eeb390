#pragma once

#include "cginit/invocation.hpp"
#include "cginit/options.hpp"
#include "cginit/plan.hpp"
#include "cginit/result.hpp"
#include "cginit/snapshot.hpp"
#include "cginit/world.hpp"
#include "handoff/init_lookup.hpp"
#include "read/source.hpp"

namespace cginit {

/// What was found out about the system.
struct Sight {
    Snapshot snapshot;
    World world;
};

/// The init, and the system that it will run on.
struct Scene {
    InitCommand init;
    Sight sight;
};

/// What is to be done about it.
struct Intent {
    Decision decision;
    Plan plan;
};

/// Gathers the facts, and tries what only trying tells.
[[nodiscard]] Result<Snapshot> take_snapshot(const Source& source, const std::optional<InitTraits>& traits);

/// Takes a snapshot and understands it; `traits` are empty to be what a capture says.
[[nodiscard]] Result<Sight> see(const Source& source, const std::optional<InitTraits>& traits);

/// The init that is asked for; an empty one for a capture, which holds none.
[[nodiscard]] Result<InitCommand> choose_init(const Source& source, const Options& options,
                                              const Invocation& invocation);

/// What is known of it: from its files; of a capture what --init-traits says, empty for what the capture says.
[[nodiscard]] std::optional<InitTraits> traits_of(const Source& source, const Options& options,
                                                  const InitCommand& init);

/// Both of them, and then the facts.
[[nodiscard]] Result<Scene> look(const Source& source, const Options& options, const Invocation& invocation);

/// The decision and a plan that passed check_plan().
[[nodiscard]] Result<Intent> intend(const World& world, const Options& options);

}  // namespace cginit
