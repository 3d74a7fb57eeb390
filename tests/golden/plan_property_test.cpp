#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "core/path.hpp"
#include "core/text.hpp"
#include "golden/expected_file.hpp"
#include "golden/rehearsal.hpp"

// What has to hold for every plan that the captures give, on a simulated mount table.

namespace cginit {

static void PrintTo(const Case& which, std::ostream* os) { *os << which.name(); }

namespace {

bool rebuilds(const Decision& decision) {
    return decision.method == Method::name_space || decision.method == Method::bind;
}

bool contains(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

/// How many mounts the init is to find of one hierarchy: with --method=bind a second one at the literal path.
std::size_t promised_mounts(const Decision& decision, const HierarchyDecision& choice) {
    return decision.method == Method::bind && choice.init_cgroup != "/" ? 2 : 1;
}

/// The hierarchy without the mounts that stay because the user said so.
Hierarchy without_kept(Hierarchy hierarchy, const Decision& decision) {
    std::erase_if(hierarchy.mounts, [&decision](const HierarchyMount& mount) {
        return contains(decision.kept_elsewhere, mount.entry.point);
    });
    return hierarchy;
}

/// What is wrong with the mounts of one hierarchy after the plan.
std::string wrong_with(const Hierarchy& hierarchy, const Replay& replay, const std::vector<std::string>& given_up) {
    const std::string name = hierarchy_name(hierarchy);
    const auto& choices = replay.decision->hierarchies;
    const auto choice = std::find_if(choices.begin(), choices.end(),
                                     [&name](const HierarchyDecision& candidate) { return candidate.name == name; });
    const bool left_out =
        choice == choices.end() || choice->access == Access::left_out || contains(given_up, choice->name);
    const std::size_t promised = left_out ? 0 : promised_mounts(*replay.decision, *choice);
    if (hierarchy.mounts.size() != promised) {
        return concat({name, " has ", std::to_string(hierarchy.mounts.size()), " mounts"});
    }
    for (const HierarchyMount& mount : hierarchy.mounts) {
        const bool read_only = choice->access == Access::read_only || contains(given_up, name + " inner");
        const bool is_private = mount.exposure == Exposure::namespaced || mount.exposure == Exposure::own_subtree;
        if (!mount.visible || !mount.in_view || !is_private || mount.entry.flags.read_only != read_only) {
            return concat({name, " at ", mount.entry.point, " is not as promised"});
        }
    }
    return {};
}

void expect_promised_view(const Replay& replay, const Rehearsal& rehearsal) {
    const World after = world_after(replay, rehearsal.table(), rehearsal.given_up());
    EXPECT_EQ(check_view(after, *replay.decision, rehearsal.given_up()), std::vector<std::string>());
    EXPECT_EQ(check_expectations(after, *replay.decision, rehearsal.given_up()), std::vector<std::string>());
    for (const Hierarchy& hierarchy : after.hierarchies) {
        EXPECT_EQ(wrong_with(without_kept(hierarchy, *replay.decision), replay, rehearsal.given_up()), "");
    }
    if (replay.decision->layout != View::unified) {
        const MountEntry* holder = stack_at(rehearsal.table(), kCgroupRoot).front();
        EXPECT_EQ(holder->fstype, "tmpfs");
        EXPECT_TRUE(holder->flags.read_only) << "systemd could mount the host's v2 root on `unified`";
    }
    const bool shared = replay.decision->share_tree.taken && !contains(rehearsal.given_up(), kSharePart);
    for (const MountEntry& mount : rehearsal.table()) {
        EXPECT_TRUE(mount.propagation.shared != 0 || !shared) << mount.point << " has no peers";
        EXPECT_FALSE(is_at_or_below(mount.point, kWorkbench)) << mount.point << " is left behind";
    }
}

class PlanProperty : public ::testing::TestWithParam<Case> {
protected:
    void SetUp() override {
        if (!replay_.decision) {
            EXPECT_EQ(replay_.text.find("; "), replay_.text.rfind("; ")) << "one error, one cure: " << replay_.text;
            EXPECT_NE(replay_.text.find("; "), std::string::npos) << "no cure: " << replay_.text;
            done_ = true;
        }
    }
    Replay replay_ = replay(GetParam());
    bool done_ = false;
};

TEST_P(PlanProperty, PassesTheCheck) {
    if (!done_) {
        EXPECT_EQ(check_plan(replay_.world, *replay_.decision, replay_.plan), std::vector<std::string>());
    }
}

TEST_P(PlanProperty, TwoRunsAreEqual) {
    const Replay again = replay(GetParam());
    EXPECT_EQ(again.decision, replay_.decision);
    EXPECT_EQ(again.plan, replay_.plan);
    EXPECT_EQ(again.text, replay_.text);
}

TEST_P(PlanProperty, LeavesOnlyWhatIsPromised) {
    if (done_ || !rebuilds(*replay_.decision)) {
        return;
    }
    Rehearsal rehearsal(replay_.world, replay_.plan, [](const Step&) { return false; });
    rehearsal.run_until_commit();
    rehearsal.commit();
    EXPECT_EQ(rehearsal.troubles(), std::vector<std::string>());
    expect_promised_view(replay_, rehearsal);
}

TEST_P(PlanProperty, WhatIsNoCgroupMountStaysInPlace) {
    if (done_) {
        return;
    }
    Rehearsal rehearsal(replay_.world, replay_.plan, [](const Step&) { return false; });
    rehearsal.run_until_commit();
    rehearsal.commit();
    for (const MountEntry& before : replay_.world.mounts) {
        if (is_at_or_below(before.point, kCgroupRoot) || is_cgroup(before) ||
            visible_mount_at(replay_.world.mounts, before.point) == nullptr) {
            continue;
        }
        const MountEntry* after = visible_mount_at(rehearsal.table(), before.point);
        ASSERT_NE(after, nullptr) << before.point;
        EXPECT_EQ(after->root, visible_mount_at(replay_.world.mounts, before.point)->root) << before.point;
    }
}

TEST_P(PlanProperty, RollBackRestores) {
    if (done_) {
        return;
    }
    Rehearsal rehearsal(replay_.world, replay_.plan, [](const Step&) { return false; });
    rehearsal.run_until_commit();
    rehearsal.roll_back();
    EXPECT_EQ(rehearsal.troubles(), std::vector<std::string>());
    EXPECT_EQ(difference(table_text(replay_.world.mounts), table_text(rehearsal.table())), "");
    EXPECT_EQ(without_peer_groups(rehearsal.table()), without_peer_groups(replay_.world.mounts));
}

TEST_P(PlanProperty, EveryFallBackHoldsToo) {
    if (done_ || !rebuilds(*replay_.decision)) {
        return;
    }
    for (const Step& failing : replay_.plan.steps) {
        if (!failing.or_else) {
            continue;
        }
        SCOPED_TRACE(describe(failing.op));
        const auto fails = [&failing](const Step& step) { return &step == &failing; };
        Rehearsal rehearsal(replay_.world, replay_.plan, fails);
        rehearsal.run_until_commit();
        rehearsal.commit();
        EXPECT_EQ(rehearsal.troubles(), std::vector<std::string>());
        expect_promised_view(replay_, rehearsal);
        Rehearsal undone(replay_.world, replay_.plan, fails);
        undone.run_until_commit();
        undone.roll_back();
        EXPECT_EQ(without_peer_groups(undone.table()), without_peer_groups(replay_.world.mounts));
    }
}

TEST_P(PlanProperty, ASecondRunFindsNothingToDo) {
    const bool bound_v2 =
        !done_ && replay_.decision->method == Method::bind && replay_.decision->layout == View::unified;
    // A bind of cgroup2 on /sys/fs/cgroup keeps the engine's mount source: that view is made anew.
    if (done_ || !rebuilds(*replay_.decision) || bound_v2) {
        return;
    }
    Rehearsal rehearsal(replay_.world, replay_.plan, [](const Step&) { return false; });
    rehearsal.run_until_commit();
    rehearsal.commit();
    Options options = GetParam().variant.options;
    options.method = Method::automatic;
    const Result<Decision> second = decide(world_after(replay_, rehearsal.table(), {}), options);
    ASSERT_TRUE(second) << second.error().message();
    EXPECT_EQ(second->method, Method::none) << second->method_reason;
    for (const TmpfsDecision& tmpfs : second->tmpfs) {
        EXPECT_FALSE(tmpfs.measure.taken) << tmpfs.point;
    }
    for (const Measure& measure : {second->sys_read_only, second->share_tree, second->hide_ttys}) {
        EXPECT_FALSE(measure.taken) << measure.reason;
    }
}

INSTANTIATE_TEST_SUITE_P(Captures, PlanProperty, ::testing::ValuesIn(cases()),
                         [](const auto& param) { return test_name(param.param.name()); });

}  // namespace
}  // namespace cginit
