#pragma once

#include <optional>
#include <vector>

#include "cginit/decision.hpp"
#include "cginit/options.hpp"
#include "cginit/result.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// What would come of a run, seen from the facts alone.
struct Prospect {
    /// All that keeps the init from its view, in the order in which it would show: each is what decide() says once what
    /// comes before it is mended. Empty if nothing is known to.
    std::vector<Error> missing;
    /// What a security module's rules make likely to be refused; only trying tells.
    std::vector<Error> suspected;
    /// What a security module may refuse, of whose rules nothing is known.
    std::vector<Error> possible;
    /// The decision once `missing` is mended; empty if something in it cannot be imagined mended.
    std::optional<Decision> decision;
    /// The facts of that decision.
    World world;
};

/// Decides, imagines what is missing as there, and decides again; pure.
[[nodiscard]] Prospect foresee(const World& world, const Options& options);

}  // namespace cginit
