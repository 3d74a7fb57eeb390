#pragma once

#include <map>
#include <string>
#include <vector>

#include "cginit/op.hpp"

namespace cginit {

/// A mount table under the ops of a plan, without a kernel: enough of mount_namespaces(7) to see what stays reachable
/// and what peers would notice.
class SimulatedMounts {
public:
    explicit SimulatedMounts(MountTable table);

    /// Applies one op. Returns what the kernel would refuse or carry to peers, empty if all is well. Ops that do not
    /// touch mounts change nothing.
    std::string apply(const Op& op);

    // What the rows of the ops do; each returns the same.
    std::string mount(const MountFilesystem& op);
    std::string bind(const BindMount& op);
    std::string move(const MoveMount& op);
    std::string detach(const DetachMount& op);
    std::string remount(const RemountBind& op);
    std::string propagate(const SetPropagation& op);
    /// A new user namespace. Peers become masters: what is mounted there still comes here, and nothing goes back.
    std::string lock_all();

    [[nodiscard]] const MountTable& table() const { return table_; }
    /// True if a path does not lead to the mount, and a user namespace keeps what covers it in place.
    [[nodiscard]] bool is_sealed(const MountEntry& mount) const;

private:
    void bind_below(int from, int to, const BindMount& op);
    [[nodiscard]] bool is_locked(int id) const { return locked_.contains(id); }
    [[nodiscard]] bool has_locked_child(int id) const;
    void propagate(MountEntry& entry, PropagationType type);
    /// The ids of a mount and of everything below it.
    [[nodiscard]] std::vector<int> subtree(int id) const;
    [[nodiscard]] MountEntry* find(int id);

    MountTable table_;
    /// Those from before the user namespace, with the flags that they had, which are locked with them; mount_namespaces(7).
    std::map<int, MountFlags> locked_;
    int next_id_ = 1;
};

}  // namespace cginit
