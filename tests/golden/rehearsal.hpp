#pragma once

#include <functional>
#include <string>
#include <vector>

#include "golden/replay.hpp"
#include "plan/simulate.hpp"

namespace cginit {

/// A plan walked on a simulated mount table, as apply walks it on the kernel's.
class Rehearsal {
public:
    /// True for a step that is to fail; only asked for those that have an or_else.
    using Fails = std::function<bool(const Step&)>;

    Rehearsal(const World& world, const Plan& plan, Fails fails);

    /// Everything before commit.
    void run_until_commit();
    void commit();
    /// Takes back what was done, last step first.
    void roll_back();

    [[nodiscard]] const MountTable& table() const { return mounts_.table(); }
    [[nodiscard]] const SimulatedMounts& mounts() const { return mounts_; }
    [[nodiscard]] const Parts& given_up() const { return given_up_; }
    /// What the kernel would have refused, or told to peers.
    [[nodiscard]] const std::vector<std::string>& troubles() const { return troubles_; }

private:
    void perform(std::size_t index);
    void apply(std::size_t index, const Op& op);
    [[nodiscard]] bool is_given_up(const Step& step) const;

    const Plan& plan_;
    Fails fails_;
    SimulatedMounts mounts_;
    std::vector<std::size_t> done_;
    Parts given_up_;
    std::vector<std::string> troubles_;
};

/// The facts that would be gathered after the plan: the mounts as given, the paths as the init would read them.
[[nodiscard]] World world_after(const Replay& replay, const MountTable& mounts, const Parts& given_up);

/// The table without what may differ after a roll-back: the numbers of peer groups.
[[nodiscard]] MountTable without_peer_groups(MountTable table);

/// One line per mount, for messages.
[[nodiscard]] std::string table_text(const MountTable& table);

}  // namespace cginit
