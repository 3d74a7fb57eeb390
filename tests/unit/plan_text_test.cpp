#include "report/plan_text.hpp"

#include <gtest/gtest.h>

#include "unit/world_builder.hpp"

namespace cginit {
namespace {

World world() { return classify(docker_v1()); }

Decision decision() {
    Decision made;
    made.layout = View::legacy;
    made.layout_reason = "the host's";
    made.mounting = Mounting::fresh;
    made.method_reason = "the kernel has cgroup namespaces";
    made.delegation.reason = "systemd does it itself";
    made.go_on = {true, "safe"};
    made.tmpfs = {{"/run", {false, "/run is a mount already"}}, {"/run/lock", {true, "needed"}}};
    made.sys_read_only = {true, "no devices"};
    made.share_tree = {false, "it is shared already"};
    made.hide_ttys = {false, "none are there"};
    made.hierarchies = {{"memory", Access::writable, true, false, "/a", "/a/cginit", "guarded by an inner cgroup"},
                        {"name=systemd", Access::writable, false, false, "/a", "/a", "it limits nothing"},
                        {"blkio", Access::read_only, false, false, "/a", "/a", "limits of it do not hold for children"},
                        {"misc", Access::left_out, false, false, "/", "/", "the own cgroup is the host's root of it"}};
    return made;
}

constexpr const char* kHead =
    "facts\n"
    "  engine    docker, container 3aef6c8d8a84\n"
    "  view      legacy\n"
    "  cgroupns  private: no\n"
    "  init      systemd 252\n"
    "decision\n"
    "  layout    legacy: the host's\n"
    "  method    namespace: the kernel has cgroup namespaces\n"
    "  delegate  no: systemd does it itself\n"
    "  failure   continue: safe\n"
    "  /run      as it is: /run is a mount already\n"
    "  /run/lock tmpfs: needed\n"
    "  /sys      read-only: no devices\n"
    "  mounts    as they are: it is shared already\n"
    "  ttys      as they are: none are there\n"
    "hierarchies\n"
    "  memory        writable   guarded by an inner cgroup\n"
    "  name=systemd  writable   it limits nothing\n"
    "  blkio         read-only  limits of it do not hold for children\n"
    "  misc          left out   the own cgroup is the host's root of it\n";

std::string view(const Plan& plan, const TextStyle& style = {}) {
    return mount_picture(world(), decision(), plan, style);
}

TEST(PlanText, NothingToDo) {
    EXPECT_EQ(plan_text(world(), decision(), {}), kHead + view({}) + "plan\n  nothing to do\n");
}

TEST(PlanText, InAnyStyle) {
    const TextStyle style{true, true, 60};
    EXPECT_EQ(plan_text(world(), decision(), {}, style), kHead + view({}, style) + "plan\n  nothing to do\n");
    EXPECT_NE(view({}, style), view({}));
}

TEST(PlanText, KeptAndWarned) {
    Decision made = decision();
    made.kept_elsewhere = {"/host/sys"};
    made.warnings = {"the read-only cgroup mount at /mnt is detached"};
    made.sys_read_only = {false, "--sys=keep"};
    made.share_tree.taken = true;
    made.hide_ttys.taken = true;
    const std::string text = plan_text(world(), made, {});
    for (const char* line : {"  /sys      as it is: --sys=keep\n", "  mounts    shared: it is shared already\n",
                             "  ttys      hidden: none are there\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line;
    }
    EXPECT_NE(text.find("kept\n  /host/sys: --keep-mount\nwarning\n  the read-only cgroup mount at /mnt is detached\n"),
              std::string::npos);
}

TEST(PlanText, AnUnknownContainer) {
    World unknown = world();
    unknown.container_id.clear();
    unknown.engine = Engine::oci;
    unknown.namespaced = Tri::unknown;
    unknown.init = {};
    EXPECT_EQ(plan_text(unknown, decision(), {}).substr(0, 117),
              "facts\n  engine    oci, container unknown\n  view      legacy\n  cgroupns  private: unknown\n"
              "  init      an unknown init\n");
}

Step step(Phase phase, Op op, const char* why) {
    Step made;
    made.phase = phase;
    made.op = std::move(op);
    made.why = why;
    return made;
}

TEST(PlanText, StepsByPhase) {
    Plan plan;
    plan.steps.push_back(step(Phase::prepare, UnshareCgroupNamespace{}, "own roots"));
    plan.steps.back().scope = Scope::process;
    plan.steps.back().undo = RestoreCgroupNamespace{};
    plan.steps.push_back(step(Phase::prepare, AssertHierarchicalMemory{"/m"}, "no guard without"));
    plan.steps.back().scope = Scope::none;
    plan.steps.back().no_undo = "changes nothing";
    plan.steps.back().or_else = OrElse{{}, {{PartKind::inner_level, "memory"}}, "memory stays read-only"};
    plan.steps.push_back(step(Phase::commit, DetachMount{"/proc/driver"}, "the old view goes"));
    plan.steps.back().no_undo = "the point of no return";
    EXPECT_EQ(plan_text(world(), decision(), plan),
              kHead + view(plan) +
                  "plan\n"
                  " prepare\n"
                  "  1. unshare the cgroup namespace\n"
                  "     why: own roots\n"
                  "     scope: process; undo: return to the cgroup namespace before\n"
                  "  2. assert that memory is hierarchical in /m\n"
                  "     why: no guard without\n"
                  "     scope: nothing; undo: none: changes nothing\n"
                  "     or else: memory stays read-only\n"
                  " commit\n"
                  "  3. detach /proc/driver\n"
                  "     why: the old view goes\n"
                  "     scope: mount namespace; undo: none: the point of no return\n");
}

TEST(PlanText, NumbersStayAlignedAndPersistentIsNamed) {
    Plan plan;
    for (int i = 0; i < 1000; ++i) {
        plan.steps.push_back(step(Phase::prepare, MakeCgroup{"/x"}, "w"));
        plan.steps.back().scope = Scope::persistent;
        plan.steps.back().undo = RemoveCgroup{"/x"};
    }
    const std::string text = plan_text(world(), decision(), plan);
    for (const char* line : {"\n  9. make cgroup /x\n", "\n 99. make cgroup /x\n", "\n999. make cgroup /x\n",
                             "\n1000. make cgroup /x\n     why: w\n     scope: persistent; undo: remove cgroup /x\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line;
    }
}

TEST(SummaryLine, Counts) {
    EXPECT_EQ(
        summary_line(world(), decision(), {}),
        "legacy cgroups private (namespace): 3 hierarchies, 2 writable, 1 guarded by an inner cgroup; systemd 252 "
        "next");
    Decision made = decision();
    made.layout = View::unified;
    made.hierarchies = {{"unified", Access::writable, true, false, "/", "/cginit", ""}};
    made.kept_elsewhere = {"/host/sys", "/mnt"};
    EXPECT_EQ(summary_line(world(), made, {}),
              "unified cgroups private (namespace): 1 hierarchy, 1 writable, 1 guarded by an inner cgroup; /host/sys "
              "kept; /mnt kept; systemd 252 next");
    made.mounting = Mounting::keep;
    made.method_reason = "an earlier cginit made the view private and writable";
    EXPECT_TRUE(summary_line(world(), made, {}).starts_with("cgroups as they are (an earlier cginit made"));
    made.tmpfs.clear();
    made.sys_read_only.taken = false;
    EXPECT_EQ(summary_line(world(), made, {}),
              "nothing to do (an earlier cginit made the view private and writable); /host/sys kept; /mnt kept; "
              "systemd 252 next");
}

}  // namespace
}  // namespace cginit
