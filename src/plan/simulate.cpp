#include "plan/simulate.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "cginit/plan.hpp"
#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

std::string nothing_at(const std::string& path) { return concat({"nothing is mounted at ", path}); }

bool is_shared(const MountEntry* mount) { return mount != nullptr && mount->propagation.shared != 0; }

std::string locked_text(const std::string& what, const std::string& point) {
    return concat({what, " ", point, " is not possible: it is from before the user namespace"});
}

/// What a remount would take away is locked, too: MNT_LOCK_READONLY and its kin.
bool clears_a_flag(const MountFlags& before, const MountFlags& after) {
    return (before.read_only && !after.read_only) || (before.nosuid && !after.nosuid) ||
           (before.nodev && !after.nodev) || (before.noexec && !after.noexec) || before.atime != after.atime;
}

std::string moved_point(const std::string& point, const std::string& from, const std::string& to) {
    return join_path(to, path_below(point, from).value_or(""));
}

/// For a subtree as large as the table: there is one pass for each time that a child is listed before its parent.
std::set<int> whole_subtree(const MountTable& table, int top) {
    std::set<int> ids{top};
    std::size_t before = 0;
    while (ids.size() != before) {
        before = ids.size();
        for (const MountEntry& entry : table) {
            if (ids.contains(entry.parent)) {
                ids.insert(entry.id);
            }
        }
    }
    return ids;
}

}  // namespace

SimulatedMounts::SimulatedMounts(MountTable table) : table_(std::move(table)) {
    for (const MountEntry& entry : table_) {
        // The root's parent is no mount of this table, but its id is taken too, and may be the highest.
        next_id_ = std::max({next_id_, entry.id + 1, entry.parent + 1});
    }
}

MountEntry* SimulatedMounts::find(int id) {
    const auto found = std::find_if(table_.begin(), table_.end(), [id](const MountEntry& e) { return e.id == id; });
    return found == table_.end() ? nullptr : &*found;
}

std::vector<int> SimulatedMounts::subtree(int id) const {
    std::vector<int> ids{id};
    for (std::size_t i = 0; i < ids.size(); ++i) {
        for (const MountEntry& entry : table_) {
            if (entry.parent == ids[i] && entry.id != ids[i]) {
                ids.push_back(entry.id);
            }
        }
    }
    return ids;
}

bool SimulatedMounts::has_locked_child(int id) const {
    return std::any_of(table_.begin(), table_.end(), [this, id](const MountEntry& entry) {
        return entry.parent == id && entry.id != id && is_locked(entry.id);
    });
}

bool SimulatedMounts::is_sealed(const MountEntry& mount) const {
    const MountEntry* holder = mount_holding(table_, mount.point);
    return holder != nullptr && holder->id != mount.id && is_locked(holder->id) && is_locked(mount.id);
}

std::string SimulatedMounts::lock_all() {
    for (MountEntry& entry : table_) {
        locked_.insert_or_assign(entry.id, entry.flags);
        if (entry.propagation.shared != 0) {
            entry.propagation = {.shared = 0, .master = entry.propagation.shared};
        }
    }
    return {};
}

std::string SimulatedMounts::mount(const MountFilesystem& op) {
    const MountEntry* parent = mount_holding(table_, op.target);
    if (is_shared(parent)) {
        return concat({"a mount at ", op.target, " would reach the peers of ", parent->point});
    }
    MountEntry entry;
    entry.id = next_id_++;
    entry.parent = parent == nullptr ? 0 : parent->id;
    entry.root = "/";
    entry.point = op.target;
    entry.flags = op.flags;
    entry.fstype = op.fstype;
    entry.source = op.source;
    entry.super_options = op.options;
    table_.push_back(std::move(entry));
    return {};
}

std::string SimulatedMounts::bind(const BindMount& op) {
    const MountEntry* from = mount_holding(table_, op.from);
    const MountEntry* parent = mount_holding(table_, op.to);
    if (from == nullptr || parent == nullptr) {
        return nothing_at(op.from);
    }
    if (is_shared(parent)) {
        return concat({"a bind at ", op.to, " would reach the peers of ", parent->point});
    }
    if (!op.recursive && has_locked_child(from->id)) {
        return concat({"a bind of ", op.from, " without what is below would uncover it"});
    }
    const MountEntry source = *from;
    const int parent_id = parent->id;
    MountEntry copy = source;
    copy.id = next_id_++;
    copy.parent = parent_id;
    copy.root = join_path(source.root, path_below(op.from, source.point).value_or(""));
    copy.point = op.to;
    const int copy_id = copy.id;
    table_.push_back(std::move(copy));
    if (op.recursive) {
        bind_below(source.id, copy_id, op);
    }
    return {};
}

/// The copies of what is mounted below the directory that is bound.
void SimulatedMounts::bind_below(int from, int to, const BindMount& op) {
    std::map<int, int> copies{{from, to}};
    for (const int id : subtree(from)) {
        MountEntry copy = *find(id);
        const auto parent = copies.find(copy.parent);
        if (id == from || id == to || !is_at_or_below(copy.point, op.from) || parent == copies.end()) {
            continue;
        }
        copy.id = next_id_++;
        copy.parent = parent->second;
        copy.point = moved_point(copy.point, op.from, op.to);
        copies.emplace(id, copy.id);
        table_.push_back(std::move(copy));
    }
}

std::string SimulatedMounts::move(const MoveMount& op) {
    const MountEntry* top = visible_mount_at(table_, op.from);
    const MountEntry* target = mount_holding(table_, op.to);
    if (top == nullptr || target == nullptr) {
        return nothing_at(op.from);
    }
    const MountEntry* parent = find(top->parent);
    // do_move_mount(): EINVAL out of a shared parent; onto a shared one the peers get a copy.
    if (is_shared(parent) || is_shared(target)) {
        return concat({"moving ", op.from, " to ", op.to, " would reach peers"});
    }
    if (is_locked(top->id)) {
        return locked_text("moving", op.from);
    }
    const int id = top->id;
    const int target_id = target->id;
    for (const int member : subtree(id)) {
        MountEntry* entry = find(member);
        entry->point = moved_point(entry->point, op.from, op.to);
    }
    find(id)->parent = target_id;
    return {};
}

std::string SimulatedMounts::detach(const DetachMount& op) {
    const MountEntry* top = visible_mount_at(table_, op.target);
    if (top == nullptr) {
        return nothing_at(op.target);
    }
    if (is_shared(find(top->parent))) {
        return concat({"unmounting ", op.target, " would reach peers"});
    }
    if (is_locked(top->id)) {
        return locked_text("unmounting", op.target);
    }
    const std::vector<int> gone = subtree(top->id);
    for (const int id : gone) {
        const MountEntry* entry = find(id);
        const bool has_children = subtree(id).size() > 1;
        if (has_children && is_shared(entry)) {
            return concat({"unmounting below ", entry->point, " would reach peers"});
        }
    }
    std::erase_if(table_, [&gone](const MountEntry& entry) {
        return std::find(gone.begin(), gone.end(), entry.id) != gone.end();
    });
    return {};
}

std::string SimulatedMounts::remount(const RemountBind& op) {
    const MountEntry* top = visible_mount_at(table_, op.target);
    if (top == nullptr) {
        return nothing_at(op.target);
    }
    if (is_locked(top->id) && clears_a_flag(locked_.at(top->id), op.flags)) {
        return locked_text("remounting", op.target);
    }
    find(top->id)->flags = op.flags;
    return {};
}

std::string SimulatedMounts::propagate(const SetPropagation& op) {
    const MountEntry* top = visible_mount_at(table_, op.target);
    if (top == nullptr) {
        return nothing_at(op.target);
    }
    const std::set<int> ids = op.recursive ? whole_subtree(table_, top->id) : std::set<int>{top->id};
    for (MountEntry& entry : table_) {
        if (ids.contains(entry.id)) {
            propagate(entry, op.type);
        }
    }
    return {};
}

void SimulatedMounts::propagate(MountEntry& entry, PropagationType type) {
    switch (type) {
        case PropagationType::private_: entry.propagation = {}; break;
        case PropagationType::slave: entry.propagation.shared = 0; break;
        case PropagationType::shared:
            entry.propagation.unbindable = false;
            // Who has peers keeps them: invent_group_ids() in fs/namespace.c passes over it.
            if (entry.propagation.shared == 0) {
                entry.propagation.shared = static_cast<std::uint32_t>(next_id_++);
            }
            break;
    }
}

MountTable mounts_after(const World& world, const Plan& plan) {
    SimulatedMounts mounts(world.mounts);
    for (const Step& step : plan.steps) {
        // What the kernel would refuse is check_plan()'s to tell.
        static_cast<void>(mounts.apply(step.op));
    }
    return mounts.table();
}

}  // namespace cginit
