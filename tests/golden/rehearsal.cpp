#include "golden/rehearsal.hpp"

#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

constexpr std::uint64_t kNewCgroupNamespace = 4026533000;

bool contains(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

Rehearsal::Rehearsal(const World& world, const Plan& plan, Fails fails)
    : plan_(plan), fails_(std::move(fails)), mounts_(world.mounts) {}

bool Rehearsal::is_given_up(const Step& step) const {
    return std::any_of(step.parts.begin(), step.parts.end(),
                       [this](const Part& part) { return has_part(given_up_, part); });
}

void Rehearsal::apply(std::size_t index, const Op& op) {
    const std::string trouble = mounts_.apply(op);
    if (!trouble.empty()) {
        troubles_.push_back(concat({"step ", std::to_string(index + 1), " (", describe(op), "): ", trouble}));
    }
}

void Rehearsal::perform(std::size_t index) {
    const Step& step = plan_.steps[index];
    if (is_given_up(step)) {
        return;
    }
    if (!step.or_else || !fails_(step)) {
        apply(index, step.op);
        done_.push_back(index);
        return;
    }
    for (const Op& op : step.or_else->instead) {
        apply(index, op);
    }
    given_up_.insert(given_up_.end(), step.or_else->give_up.begin(), step.or_else->give_up.end());
}

void Rehearsal::run_until_commit() {
    for (std::size_t i = 0; i < plan_.steps.size() && plan_.steps[i].phase != Phase::commit; ++i) {
        perform(i);
    }
}

void Rehearsal::commit() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
        if (plan_.steps[i].phase == Phase::commit) {
            perform(i);
        }
    }
}

void Rehearsal::roll_back() {
    for (; !done_.empty(); done_.pop_back()) {
        const Step& step = plan_.steps[done_.back()];
        if (step.undo && !is_given_up(step)) {
            apply(done_.back(), *step.undo);
        }
    }
}

World world_after(const Replay& replay, const MountTable& mounts, const Parts& given_up) {
    Snapshot after = replay.snapshot;
    after.mounts = mounts;
    after.directories.clear();
    const bool unshared = mounts_afresh(*replay.decision);
    if (unshared) {
        after.namespaces["cgroup"] = kNewCgroupNamespace;
    }
    if (replay.decision->authority == Authority::user_namespace) {
        after.uid_map = "0 0 4294967294";
    }
    // Whiteouts hide them from whoever lists /dev.
    if (after.host_ttys && replay.decision->hide_ttys.taken && !has_part(given_up, {PartKind::ttys})) {
        const std::vector<std::string>& hidden = replay.decision->ttys;
        std::erase_if(*after.host_ttys, [&hidden](const std::string& tty) { return contains(hidden, tty); });
    }
    for (CgroupEntry& cgroup : after.cgroups) {
        cgroup.path = unshared ? "/" : cgroup.path;
        const std::string name = cgroup.controllers.empty() ? "unified" : join(cgroup.controllers, ",");
        for (const HierarchyDecision& choice : replay.decision->hierarchies) {
            if (choice.name != name || has_part(given_up, {PartKind::inner_level, name})) {
                continue;
            }
            cgroup.path = join_path(unshared ? "/" : choice.init_cgroup, choice.leaf);
        }
    }
    return classify(after);
}

MountTable without_peer_groups(MountTable table) {
    for (MountEntry& entry : table) {
        entry.propagation.shared = entry.propagation.shared == 0 ? 0 : 1;
        entry.propagation.master = entry.propagation.master == 0 ? 0 : 1;
    }
    return table;
}

std::string table_text(const MountTable& table) {
    std::string text;
    for (const MountEntry& entry : table) {
        text += concat({std::to_string(entry.id), " ", std::to_string(entry.parent), " ", entry.root, " ", entry.point,
                        " ", describe(entry.flags), entry.propagation.shared != 0 ? " shared" : "",
                        entry.propagation.master != 0 ? " slave" : "", " ", entry.fstype, "\n"});
    }
    return text;
}

}  // namespace cginit
