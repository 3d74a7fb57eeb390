#include <gtest/gtest.h>

#include <functional>

#include "unit/plan_scenes.hpp"

namespace cginit {
namespace {

using Lines = std::vector<std::string>;

/// What is gathered after the switch of a plan that did all of it.
World good_world() {
    Scene after = scene("privileged");
    after.mountinfo =
        "140 121 0:42 / / rw,relatime - overlay overlay rw\n"
        "144 140 0:48 / /sys ro,relatime - sysfs sysfs rw\n"
        "150 140 0:60 / /run rw,nosuid,nodev - tmpfs cginit rw,mode=755\n"
        "151 150 0:61 / /run/lock rw,nosuid,nodev - tmpfs cginit rw\n"
        "152 140 0:62 / /tmp rw,nosuid,nodev - tmpfs cginit rw\n";
    after.host_ttys = {"tty2"};
    return world_of(after);
}

Lines problems_of(const std::function<void(World&)>& spoil, const Parts& given_up = {}) {
    World world = good_world();
    spoil(world);
    return check_expectations(world, plan_of(scene("privileged")).decision, given_up);
}

TEST(CheckExpectations, AcceptsWhatWasDecided) {
    EXPECT_EQ(problems_of([](World&) {}), Lines{});
}

TEST(CheckExpectations, RefusesEachWrongEndState) {
    EXPECT_EQ(problems_of([](World& w) { w.mounts.erase(w.mounts.begin() + 2, w.mounts.begin() + 4); }),
              (Lines{"/run is not the new tmpfs", "/run/lock is not the new tmpfs"}));
    EXPECT_EQ(problems_of([](World& w) { w.mounts[4].source = "tmpfs"; }), Lines{"/tmp is not the new tmpfs"});
    EXPECT_EQ(problems_of([](World& w) { w.mounts[4].fstype = "ext4"; }), Lines{"/tmp is not the new tmpfs"});
    EXPECT_EQ(problems_of([](World& w) { w.mounts[1].flags.read_only = false; }),
              Lines{"/sys should be read-only and is not"});
    EXPECT_EQ(problems_of([](World& w) { w.host_ttys = {"tty1"}; }), Lines{"/dev/tty1 is still in sight"});
}

TEST(CheckExpectations, WhatWasGivenUpIsNotAskedFor) {
    EXPECT_EQ(problems_of([](World& w) { w.host_ttys = {"tty1"}; }, {{PartKind::ttys}}), Lines{});
    EXPECT_EQ(problems_of([](World& w) { w.mounts[1].flags.read_only = false; }, {{PartKind::sys}}), Lines{});
}

TEST(CheckExpectations, NothingDecidedNothingAsked) {
    EXPECT_EQ(check_expectations(good_world(), plan_of(scene("unified-private")).decision, {}), Lines{});
    World bare = good_world();
    bare.mounts.resize(1);
    EXPECT_EQ(check_expectations(bare, plan_of(scene("unified-private")).decision, {}), Lines{});
}

}  // namespace
}  // namespace cginit
