#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/text.hpp"
#include "unit/plan_scenes.hpp"

namespace cginit {
namespace {

using Steps = std::vector<Step>;

std::size_t position(const Steps& steps, const std::string& text) {
    const auto found = std::find_if(steps.begin(), steps.end(), [&text](const Step& step) {
        return describe(step.op).find(text) != std::string::npos;
    });
    if (found == steps.end()) {
        throw std::runtime_error("no step " + text);
    }
    return static_cast<std::size_t>(found - steps.begin());
}

Step& step_with(Steps& steps, const std::string& text) { return steps[position(steps, text)]; }

void drop(Steps& steps, const std::string& text) {
    steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(position(steps, text)));
}

void drop_all(Steps& steps, const std::string& text) {
    std::erase_if(steps, [&text](const Step& step) { return describe(step.op).find(text) != std::string::npos; });
}

void insert_before(Steps& steps, const std::string& text, const Op& op) {
    const std::size_t at = position(steps, text);
    Step step = steps[at];
    step.op = op;
    step.undo.reset();
    step.no_undo = "none";
    step.or_else.reset();
    steps.insert(steps.begin() + static_cast<std::ptrdiff_t>(at), step);
}

struct Case {
    const char* name;
    const char* scene;
    std::function<void(Steps&)> spoil;
    const char* problem;  ///< a part of one of the problems
};

const std::vector<Case>& cases() {
    static const std::vector<Case> all{
        {"shared parent not made private", "parent-shared", [](Steps& steps) { drop(steps, "make /sys private"); },
         "moving /sys/fs/cgroup to /proc/driver/old-0 would reach peers"},
        {"shared tree not made private", "whole-tree-shared",
         [](Steps& steps) { drop(steps, "make /sys/fs/cgroup private"); }, "would reach peers"},
        {"shared mount below not made a slave", "podman-stacked",
         [](Steps& steps) {
             insert_before(steps, "move mount /sys/fs/cgroup to",
                           SetPropagation{"/sys/fs/cgroup/systemd", PropagationType::shared});
         },
         "unmounting below /proc/driver/old-0/systemd would reach peers"},
        {"parent of the view is shared again", "v1-host",
         [](Steps& steps) {
             insert_before(steps, "move mount /sys/fs/cgroup to", SetPropagation{"/sys", PropagationType::shared});
         },
         "moving /sys/fs/cgroup to /proc/driver/old-0 would reach peers"},
        {"workbench on a shared mount", "unified-private",
         [](Steps& steps) {
             insert_before(steps, "mount tmpfs [mode=700", SetPropagation{"/proc", PropagationType::shared});
         },
         "a mount at /proc/driver would reach the peers of /proc"},
        {"detach before commit", "v1-host",
         [](Steps& steps) { step_with(steps, "detach /proc/driver").phase = Phase::verify; },
         "only commit may unmount"},
        {"early detach of the engine's view", "v1-host",
         [](Steps& steps) { insert_before(steps, "move mount /sys/fs/cgroup to", DetachMount{"/sys/fs/cgroup"}); },
         "only commit may unmount"},
        {"phase order", "v1-host",
         [](Steps& steps) { step_with(steps, "make directory /proc/driver/new").phase = Phase::verify; },
         "its phase comes too late"},
        {"fresh v1 mount without unshare", "v1-host",
         [](Steps& steps) { drop_all(steps, "unshare the cgroup namespace"); },
         "a fresh cgroup mount in the initial cgroup namespace"},
        {"fresh v2 mount without unshare", "unified-host",
         [](Steps& steps) { drop_all(steps, "unshare the cgroup namespace"); },
         "a fresh cgroup mount in the initial cgroup namespace"},
        {"real root mounted", "v1-host",
         [](Steps& steps) {
             insert_before(steps, "remount /proc/driver/new (ro",
                           MountFilesystem{"cgroup", "/proc/driver/new/misc", "misc", {.read_only = true}});
         },
         "it would mount the host's root of a hierarchy"},
        {"hierarchy that nobody knows", "v1-host",
         [](Steps& steps) {
             insert_before(steps, "remount /proc/driver/new (ro",
                           MountFilesystem{"cgroup", "/proc/driver/new/rdma", "rdma", {.read_only = true}});
         },
         "it would mount the host's root of a hierarchy"},
        {"real root opened by a remount", "v1-host",
         [](Steps& steps) {
             insert_before(steps, "mount tmpfs [mode=700", RemountBind{"/sys/fs/cgroup/misc", {.nosuid = true}});
         },
         "it would make the host's root of a hierarchy writable"},
        {"unknown root mounted rw at once", "unknown",
         [](Steps& steps) {
             std::get<MountFilesystem>(step_with(steps, "mount cgroup [memory] on /proc/driver/engine").op)
                 .flags.read_only = false;
         },
         "it could make the host's root of a hierarchy writable"},
        {"unknown root opened before the assertion", "unknown",
         [](Steps& steps) {
             std::swap(step_with(steps, "assert that /proc/driver/engine/cpuset is not the real root"),
                       step_with(steps, "remount /proc/driver/engine/cpuset (rw"));
         },
         "it could make the host's root of a hierarchy writable"},
        {"assertion for another hierarchy does not count", "unknown",
         [](Steps& steps) { drop(steps, "assert that /proc/driver/engine/memory is not the real root"); },
         "it could make the host's root of a hierarchy writable"},
        {"limits at the host's root", "host-v2",
         [](Steps& steps) {
             insert_before(steps, "make directory /proc/driver/new",
                           LimitDescendants{"/proc/driver/engine/unified", 9});
         },
         "it could move the host's processes, or enable controllers or set limits for them"},
        {"no undo and no reason", "v1-host",
         [](Steps& steps) { step_with(steps, "make cgroup /proc/driver/engine/memory/cginit").undo.reset(); },
         "it has no undo and no reason for that"},
        {"no why", "v1-host", [](Steps& steps) { step_with(steps, "unshare").why.clear(); }, "it does not say why"},
        {"engine's view not moved aside", "v1-host", [](Steps& steps) { drop(steps, "move mount /sys/fs/cgroup to"); },
         "the cgroup mount at /sys/fs/cgroup/memory stays within reach"},
        {"engine's view not detached", "v1-host", [](Steps& steps) { drop(steps, "detach /proc/driver"); },
         "the cgroup mount at /proc/driver/old-0/memory stays within reach"},
        {"workbench not detached", "none-run", [](Steps& steps) { drop(steps, "detach /proc/driver"); },
         "the workbench is left behind at /proc/driver"},
        {"lower one of a stack left", "root-stacked",
         [](Steps& steps) { drop(steps, "move mount /sys/fs/cgroup to /proc/driver/old-1"); },
         "the cgroup mount at /sys/fs/cgroup stays within reach"},
        {"mount elsewhere left", "elsewhere", [](Steps& steps) { drop(steps, "move mount /host/sys/fs/cgroup"); },
         "the cgroup mount at /host/sys/fs/cgroup stays within reach"},
        {"engine's view moved elsewhere", "unified-host",
         [](Steps& steps) { std::get<MoveMount>(step_with(steps, "move mount /sys/fs/cgroup to").op).to = "/hidden"; },
         "the cgroup mount at /hidden stays within reach"},
        {"user namespace without the second one", "userns-v2", [](Steps& steps) { steps.erase(steps.end() - 3); },
         "the cgroup mount at /sys/fs/cgroup stays within reach"},
        {"the new view not in place", "userns-v2",
         [](Steps& steps) { drop(steps, "move mount /proc/driver/new to /sys/fs/cgroup"); },
         "the cgroup mount at /sys/fs/cgroup stays within reach"},
        {"mount elsewhere not covered", "userns-elsewhere", [](Steps& steps) { drop(steps, "on /host/sys/fs/cgroup"); },
         "the cgroup mount at /host/sys/fs/cgroup stays within reach"},
        {"a locked mount moved", "userns-v1",
         [](Steps& steps) {
             insert_before(steps, "make directory /proc/driver/new", MoveMount{"/run/lock", "/proc/driver/x"});
         },
         "moving /run/lock is not possible"},
        {"a locked mount unmounted", "userns-elsewhere",
         [](Steps& steps) { insert_before(steps, "mount tmpfs [mode=000", DetachMount{"/host/sys"}); },
         "unmounting /host/sys is not possible"},
        {"a locked mount made writable", "userns-v2",
         [](Steps& steps) {
             insert_before(steps, "move mount", RemountBind{"/sys", {.nosuid = true, .nodev = true, .noexec = true}});
         },
         "remounting /sys is not possible"},
        {"a bind that would uncover", "userns-elsewhere",
         [](Steps& steps) {
             insert_before(steps, "move mount", BindMount{"/host/sys", "/proc/driver/x"});
         },
         "a bind of /host/sys without what is below would uncover it"},
        {"an undo that leads elsewhere", "unified-private",
         [](Steps& steps) {
             step_with(steps, "move mount /sys/fs/cgroup to").undo =
                 MoveMount{"/proc/driver/old-0", "/proc/driver/old-1"};
         },
         "in the end: a roll-back does not restore the mount at /sys/fs/cgroup"},
        {"an undo that the kernel refuses", "unified-private",
         [](Steps& steps) {
             step_with(steps, "move mount /sys/fs/cgroup to").undo = MoveMount{"/mnt", "/sys/fs/cgroup"};
         },
         "undo of step 15: nothing is mounted at /mnt"},
        {"an undo that is missing", "v1-systemd",
         [](Steps& steps) {
             Step& step = step_with(steps, "move mount /run/secrets/token to");
             step.undo.reset();
             step.no_undo = "forgotten";
         },
         "in the end: a roll-back does not restore the mount at /run/secrets/token"},
        {"an undo that shares too much", "unified-shared",
         [](Steps& steps) {
             insert_before(steps, "move mount /sys/fs/cgroup to", RemountBind{"/sys", {.read_only = true}});
         },
         "in the end: a roll-back does not restore the mount at /sys"},
        {"another way that unmounts too much", "unknown",
         [](Steps& steps) {
             step_with(steps, "assert that /proc/driver/engine/cpuset is not the real root").or_else->instead = {
                 DetachMount{"/mnt"}};
         },
         "nothing is mounted at /mnt"},
        {"another way that opens a root", "unknown",
         [](Steps& steps) {
             step_with(steps, "assert that /proc/driver/engine/cpuset is not the real root").or_else->instead = {
                 RemountBind{"/proc/driver/engine/cpuset", {.nosuid = true}}};
         },
         "it could make the host's root of a hierarchy writable"},
        {"nothing to move", "v1-host",
         [](Steps& steps) { std::get<MoveMount>(step_with(steps, "move mount /sys/fs/cgroup").op).from = "/mnt"; },
         "nothing is mounted at /mnt"},
    };
    return all;
}

TEST(CheckPlan, RefusesEachSpoiledPlan) {
    for (const Case& c : cases()) {
        Planned planned = plan_of(scene(c.scene));
        ASSERT_TRUE(check_plan(planned.world, planned.decision, planned.plan).empty()) << c.name;
        c.spoil(planned.plan.steps);
        const std::vector<std::string> problems = check_plan(planned.world, planned.decision, planned.plan);
        EXPECT_NE(find_line(problems, c.problem), std::string::npos)
            << c.name << ": wanted \"" << c.problem << "\", got\n"
            << join(problems, "\n");
    }
}

TEST(CheckPlan, ProblemsNameTheStep) {
    Planned planned = plan_of(scene("v1-host"));
    planned.plan.steps[6].why.clear();
    EXPECT_EQ(check_plan(planned.world, planned.decision, planned.plan),
              std::vector<std::string>{"step 7: it does not say why"});
}

TEST(CheckPlan, KeptMountsAreNoProblem) {
    Planned planned = plan_of(scene("elsewhere-kept"));
    EXPECT_TRUE(check_plan(planned.world, planned.decision, planned.plan).empty());
    planned.decision.kept_elsewhere.clear();
    EXPECT_EQ(
        check_plan(planned.world, planned.decision, planned.plan),
        std::vector<std::string>{"after the last step: the cgroup mount at /host/sys/fs/cgroup stays within reach"});
}

}  // namespace
}  // namespace cginit
