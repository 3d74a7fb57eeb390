#pragma once

#include <string>
#include <vector>

#include "golden/rehearsal.hpp"

namespace cginit {

// What has to hold for every plan, on a simulated mount table. Each function returns what does not, one text each.

/// True if the plan makes the view anew; a view that stays keeps what it had.
[[nodiscard]] bool rebuilds(const Decision& decision);
/// After commit: V1-V3 and what systemd expects besides, no more and no less than was decided.
[[nodiscard]] std::vector<std::string> broken_promises(const Replay& replay, const Rehearsal& rehearsal);
/// After commit: what is no cgroup mount and could be seen is where it was.
[[nodiscard]] std::vector<std::string> displaced_mounts(const Replay& replay, const Rehearsal& rehearsal);
/// After a roll-back: the table is the one from before, but for the numbers of peer groups.
[[nodiscard]] std::vector<std::string> not_restored(const Replay& replay, const Rehearsal& rehearsal);
/// The pictures of it, in any style: no line is wider than asked for, and nothing moves the cursor; after the plan nothing
/// above the init's cgroup can be seen or uncovered at /sys/fs/cgroup.
[[nodiscard]] std::vector<std::string> wrong_with_pictures(const Replay& replay);
/// The lines of a printed text in which a byte is no printable ASCII character.
[[nodiscard]] std::vector<std::string> unprintable(const std::string& text);
/// What --explain says of the facts, for a terminal that knows ASCII.
[[nodiscard]] std::string explanation_of(const Snapshot& snapshot);

}  // namespace cginit
