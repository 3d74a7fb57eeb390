#include <gtest/gtest.h>

#include "unit/plan_scenes.hpp"

namespace cginit {
namespace {

/// What the plan enters; empty if it leaves the working directory alone.
std::string entered(const std::string& name, const HeldDirectory& held) {
    const Planned planned = plan_of(scene(name), [&held](World& world, Decision&) { world.working_directory = held; });
    EXPECT_EQ(check_plan(planned.world, planned.decision, planned.plan), std::vector<std::string>()) << name;
    std::string found;
    for (const Step& step : planned.plan.steps) {
        if (const auto* enter = std::get_if<EnterDirectory>(&step.op)) {
            EXPECT_EQ(step.phase, Phase::switch_);
            EXPECT_EQ(step.undo, std::optional<Op>(ReturnToDirectory{}));
            found = enter->path;
        }
    }
    return found;
}

TEST(WorkingDirectory, IsLeftOnlyWhereItLeadsOut) {
    struct Case {
        const char* scene;
        HeldDirectory held;
        const char* entered;
        const char* why;
    };
    for (const Case& c : std::vector<Case>{
             {"unified-private", {"/", 140}, "", "the usual one"},
             {"unified-private", {"/srv/gone (deleted)", 140}, "", "what was deleted stays deleted"},
             {"unified-private", {"/sys/fs", 144}, "", "above the view there is nothing but sysfs"},
             {"unified-private", {"/sys/fs/cgroup", 145}, "/sys/fs/cgroup", "the engine's mount, which is moved"},
             {"unified-private", {"/sys/fs/cgroup/x (deleted)", 145}, "/sys/fs/cgroup/x (deleted)", "to be looked for"},
             {"unified-private", {"/srv", 145}, "/srv", "whatever its path says"},
             {"unified-private", {"/srv", 999}, "/srv", "another namespace's mount"},
             {"unified-private", {"(unreachable)/", 999}, "/", "no path leads there"},
             {"unified-private", {"/sys/fs/cgroup", 0}, "/sys/fs/cgroup", "a kernel that does not tell mounts"},
             {"unified-private", {"/srv", 0}, "", "the same"},
             {"unified-private", {"", 0}, "", "nothing is known"},
             {"v1-host", {"/sys/fs/cgroup", 154}, "/sys/fs/cgroup", "the tmpfs, which leads to all of them"},
             {"v1-host", {"/sys/fs/cgroup/memory", 156}, "/sys/fs/cgroup/memory", "a hierarchy"},
             {"userns-v1", {"/sys/fs/cgroup/memory", 156}, "/sys/fs/cgroup/memory", "covered, and locked so"},
             {"userns-v1", {"/", 140}, "", ""},
             {"userns-elsewhere", {"/host/sys/fs/cgroup", 181}, "/host/sys/fs/cgroup", "covered by nothing"},
             {"elsewhere", {"/host/sys/fs/cgroup", 181}, "/host/sys/fs/cgroup", "detached"},
             {"elsewhere", {"/host/sys", 180}, "", "the sysfs stays"},
             {"none", {"/sys/fs/cgroup", 154}, "", "an earlier cginit's view"},
             {"none", {"/", 999}, "/", "but not another container's"},
         }) {
        EXPECT_EQ(entered(c.scene, c.held), c.entered) << c.scene << ' ' << c.held.path << ": " << c.why;
    }
}

TEST(WorkingDirectory, TheRunsShapesHaveIt) {
    const Planned privileged = plan_of(scene("privileged"));
    const MountEntry* dev = visible_mount_at(privileged.world.mounts, "/dev");
    ASSERT_NE(dev, nullptr);
    EXPECT_EQ(entered("privileged", {"/dev", dev->id}), "/dev") << "overlaid";
    EXPECT_EQ(entered("privileged", {"/dev/pts", 0}), "");
}

}  // namespace
}  // namespace cginit
