#include "golden/promises.hpp"

#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"
#include "golden/expected_file.hpp"
#include "read/proc_files.hpp"
#include "report/explanation.hpp"
#include "report/mount_rows.hpp"
#include "report/plan_text.hpp"
#include "report/text.hpp"

namespace cginit {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

/// How many mounts the init is to find of one hierarchy: with --method=bind a second one at the literal path.
std::size_t promised_mounts(const Decision& decision, const HierarchyDecision& choice) {
    return decision.mounting == Mounting::bind && choice.init_cgroup != "/" ? 2 : 1;
}

/// The hierarchy without the mounts that stay because the user said so, or because a user namespace locks them up.
Hierarchy without_kept(Hierarchy hierarchy, const Decision& decision, const SimulatedMounts& mounts) {
    std::erase_if(hierarchy.mounts, [&decision, &mounts](const HierarchyMount& mount) {
        return contains(decision.kept_elsewhere, mount.entry.point) || mounts.is_sealed(mount.entry);
    });
    return hierarchy;
}

/// What is wrong with the mounts of one hierarchy after the plan.
std::string wrong_with(const Hierarchy& hierarchy, const Replay& replay, const Parts& given_up) {
    const std::string name = hierarchy_name(hierarchy);
    const auto& choices = replay.decision->hierarchies;
    const auto choice = std::find_if(choices.begin(), choices.end(),
                                     [&name](const HierarchyDecision& candidate) { return candidate.name == name; });
    const bool left_out = choice == choices.end() || choice->access == Access::left_out ||
                          has_part(given_up, {PartKind::hierarchy, choice->name});
    const std::size_t promised = left_out ? 0 : promised_mounts(*replay.decision, *choice);
    if (hierarchy.mounts.size() != promised) {
        return concat({name, " has ", std::to_string(hierarchy.mounts.size()), " mounts"});
    }
    for (const HierarchyMount& mount : hierarchy.mounts) {
        const bool read_only = choice->access == Access::read_only || has_part(given_up, {PartKind::inner_level, name});
        // A bind may leave its root to a leaf, as a namespace does. Whose that is tells the mark, if the PID namespace is known.
        const bool is_marked = replay.world.mount_mark != kMountSource;
        const std::string root = mounts_afresh(*replay.decision) && !is_marked ? "/" : choice->init_cgroup;
        const bool left_to_leaf = !choice->leaf.empty() && mount.entry.root == root;
        const bool is_private =
            mount.exposure == Exposure::namespaced || mount.exposure == Exposure::own_subtree || left_to_leaf;
        if (!mount.visible || !mount.in_view || !is_private || mount.entry.flags.read_only != read_only) {
            return concat({name, " at ", mount.entry.point, " is not as promised"});
        }
    }
    return {};
}

std::string wrong_with_holder(const Decision& decision, const MountTable& table) {
    const std::vector<const MountEntry*> stack = stack_at(table, kCgroupRoot);
    if (decision.layout == View::unified ||
        (!stack.empty() && stack.front()->fstype == "tmpfs" && stack.front()->flags.read_only)) {
        return {};
    }
    return "systemd could mount the host's v2 root on `unified`: /sys/fs/cgroup is no read-only tmpfs";
}

bool was_there(const MountTable& before, const MountEntry& mount) {
    return std::any_of(before.begin(), before.end(),
                       [&mount](const MountEntry& entry) { return entry.id == mount.id; });
}

std::string picture_of(const Replay& replay, const TextStyle& style) {
    return replay.decision ? mount_picture(replay.world, *replay.decision, replay.plan, style)
                           : mount_picture(replay.world, style);
}

void append(std::vector<std::string>& problems, const std::vector<std::string>& more) {
    problems.insert(problems.end(), more.begin(), more.end());
}

}  // namespace

bool rebuilds(const Decision& decision) { return rebuilds_view(decision); }

std::vector<std::string> broken_promises(const Replay& replay, const Rehearsal& rehearsal) {
    const Decision& decision = *replay.decision;
    const Parts& given_up = rehearsal.given_up();
    const World after = world_after(replay, rehearsal.table(), given_up);
    std::vector<std::string> problems = rehearsal.troubles();
    append(problems, check_view(after, decision, given_up));
    append(problems, check_expectations(after, decision, given_up));
    for (const Hierarchy& hierarchy : after.hierarchies) {
        problems.push_back(wrong_with(without_kept(hierarchy, decision, rehearsal.mounts()), replay, given_up));
    }
    problems.push_back(wrong_with_holder(decision, rehearsal.table()));
    const bool shared = decision.share_tree.taken && !has_part(given_up, {PartKind::share});
    for (const MountEntry& mount : rehearsal.table()) {
        if (shared && mount.propagation.shared == 0) {
            problems.push_back(mount.point + " has no peers");
        }
        if (is_at_or_below(mount.point, kWorkbench) && !was_there(replay.world.mounts, mount)) {
            problems.push_back(mount.point + " is left behind");
        }
    }
    std::erase(problems, "");
    return problems;
}

std::vector<std::string> displaced_mounts(const Replay& replay, const Rehearsal& rehearsal) {
    std::vector<std::string> problems;
    for (const MountEntry& mount : replay.world.mounts) {
        const MountEntry* before = visible_mount_at(replay.world.mounts, mount.point);
        if (is_at_or_below(mount.point, kCgroupRoot) || before == nullptr || is_cgroup(*before)) {
            continue;
        }
        // Replaced by an overlay of it.
        if (mount.point == "/dev" && replay.decision->hide_ttys.taken) {
            continue;
        }
        const MountEntry* after = visible_mount_at(rehearsal.table(), mount.point);
        if (after == nullptr || after->root != before->root) {
            problems.push_back(concat({mount.point, after == nullptr ? " is gone" : " is another mount"}));
        }
    }
    return problems;
}

std::vector<std::string> not_restored(const Replay& replay, const Rehearsal& rehearsal) {
    std::vector<std::string> problems = rehearsal.troubles();
    MountTable before = without_peer_groups(replay.world.mounts);
    if (has_own_mounts(replay.plan)) {
        // The engine's own are not touched at all; these are the new user namespace's.
        for (MountEntry& mount : before) {
            mount.propagation.master |= mount.propagation.shared;
            mount.propagation.shared = 0;
        }
    }
    const MountTable after = without_peer_groups(rehearsal.table());
    if (before != after) {
        problems.push_back("not restored:\n" + difference(table_text(before), table_text(after)));
    }
    return problems;
}

std::vector<std::string> wrong_with_pictures(const Replay& replay) {
    std::vector<std::string> problems;
    for (const TextStyle& style : {TextStyle{false, false, 80}, TextStyle{true, false, 40}}) {
        for (const std::string& line : split(picture_of(replay, style), '\n')) {
            const bool odd = !style.unicode && escaped(line) != line;
            if (odd || columns(line) > style.width || line.ends_with(' ')) {
                problems.push_back(concat({"in ", std::to_string(style.width), " columns: '", line, "'"}));
            }
        }
    }
    // What --method=remount leaves out stays as the engine mounted it: read-only, even if it is the host's.
    if (!replay.decision || !rebuilds(*replay.decision)) {
        return problems;
    }
    for (const MountRow& row : mount_rows(replay.world, *replay.decision, replay.plan)) {
        if (row.after && row.after->shows_more() && is_at_or_below(row.point, kCgroupRoot)) {
            problems.push_back(concat({row.point, " shows more than the init's cgroup"}));
        }
    }
    return problems;
}

std::vector<std::string> unprintable(const std::string& text) {
    std::vector<std::string> lines = split(text, '\n');
    std::erase_if(lines, [](const std::string& line) { return escaped(line) == line; });
    return lines;
}

std::string explanation_of(const Snapshot& snapshot) {
    return explanation_text(explain_facts(snapshot, capability_names(snapshot.status.effective_capabilities), {}), {});
}

}  // namespace cginit
