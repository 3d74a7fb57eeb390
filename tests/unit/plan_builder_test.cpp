#include "plan/builder.hpp"

#include <gtest/gtest.h>

#include "core/path.hpp"
#include "unit/plan_scenes.hpp"

namespace cginit {
namespace {

const Stage* stage_of(const PlanBuilder& builder, const std::string& name) {
    for (const Stage& stage : builder.stages()) {
        if (stage.choice->name == name) {
            return &stage;
        }
    }
    return nullptr;
}

TEST(PlanBuilder, StagesWhatIsNotLeftOut) {
    struct Case {
        const char* scene;
        const char* hierarchy;
        const char* directory;
        const char* engine;
        const char* view;
        const char* init_directory;
    };
    for (const Case& c :
         std::vector<Case>{{"v1-host", "memory", "memory", "/proc/driver/engine/memory", "/proc/driver/new/memory",
                            "/proc/driver/engine/memory/cginit"},
                           {"v1-host", "blkio", "blkio", "/proc/driver/engine/blkio", "/proc/driver/new/blkio",
                            "/proc/driver/engine/blkio"},
                           {"v1-host", "name=systemd", "systemd", "/proc/driver/engine/systemd",
                            "/proc/driver/new/systemd", "/proc/driver/engine/systemd"},
                           {"v1-comount", "cpu,cpuacct", "cpu,cpuacct", "/proc/driver/engine/cpu,cpuacct",
                            "/proc/driver/new/cpu,cpuacct", "/proc/driver/engine/cpu,cpuacct/cginit"},
                           {"hybrid", "unified", "unified", "/proc/driver/engine/unified", "/proc/driver/new/unified",
                            "/proc/driver/engine/unified/cginit"},
                           {"unified-host", "unified", "", "/proc/driver/engine/unified", "/proc/driver/new",
                            "/proc/driver/engine/unified/cginit"}}) {
        const Planned planned = plan_of(scene(c.scene));
        const PlanBuilder builder(planned.world, planned.decision);
        const Stage* stage = stage_of(builder, c.hierarchy);
        ASSERT_NE(stage, nullptr) << c.scene << " " << c.hierarchy;
        EXPECT_EQ(stage->directory, c.directory) << c.scene;
        EXPECT_EQ(stage->engine, c.engine) << c.scene;
        EXPECT_EQ(stage->view, c.view) << c.scene;
        EXPECT_EQ(stage->init_directory(), c.init_directory) << c.scene;
    }
    const Planned planned = plan_of(scene("v1-host"));
    const PlanBuilder builder(planned.world, planned.decision);
    EXPECT_EQ(stage_of(builder, "misc"), nullptr);
    EXPECT_EQ(stage_of(builder, "perf_event"), nullptr);
    EXPECT_EQ(stage_of(builder, "unified"), nullptr);
}

TEST(PlanBuilder, ADirectoryIsNamedAfterNoOther) {
    for (const auto& [engines, made] : std::vector<std::pair<std::string, std::string>>{
             {"unified", "memory"}, {"cpu", "memory"}, {"x", "memory"}, {"memory", "memory"}}) {
        Planned planned = plan_of(scene("v1-host"));
        for (Hierarchy& hierarchy : planned.world.hierarchies) {
            if (hierarchy_name(hierarchy) == "memory") {
                hierarchy.mounts.front().entry.point = join_path(kCgroupRoot, engines);
            }
        }
        const PlanBuilder builder(planned.world, planned.decision);
        EXPECT_EQ(stage_of(builder, "memory")->directory, made) << engines;
    }
}

TEST(PlanBuilder, EngineStageOnlyWhereSomethingIsDoneInIt) {
    struct Case {
        const char* scene;
        const char* hierarchy;
        bool needed;
    };
    for (const Case& c : std::vector<Case>{{"v1-host", "memory", true},
                                           {"v1-host", "blkio", false},
                                           {"v1-host", "name=systemd", false},
                                           {"v1-bind", "blkio", true},
                                           {"v1-bind", "name=systemd", true},
                                           {"unknown", "blkio", true},
                                           {"v1-no-inner", "memory", false}}) {
        const Planned planned = plan_of(scene(c.scene));
        const PlanBuilder builder(planned.world, planned.decision);
        EXPECT_EQ(builder.needs_engine_stage(*stage_of(builder, c.hierarchy)), c.needed)
            << c.scene << " " << c.hierarchy;
    }
}

TEST(PlanBuilder, MakePrivateOnceAndOnlyWhatIsShared) {
    const Planned planned = plan_of(scene("unified-private"));
    PlanBuilder builder(planned.world, planned.decision);
    MountEntry mount;
    mount.point = "/m";
    builder.make_private(nullptr);
    mount.id = 1;
    builder.make_private(&mount);
    mount.propagation.master = 4;
    builder.make_private(&mount);
    EXPECT_TRUE(PlanBuilder(builder).finish().steps.empty());

    mount.id = 2;
    mount.propagation = {7, 0, false};
    builder.make_private(&mount);
    builder.make_private(&mount);
    mount.id = 3;
    mount.propagation = {7, 8, false};
    builder.make_private(&mount);
    const Plan plan = std::move(builder).finish();
    ASSERT_EQ(plan.steps.size(), 2U);
    EXPECT_EQ(plan.steps[0].op, Op(SetPropagation{"/m", PropagationType::private_}));
    EXPECT_EQ(plan.steps[1].op, Op(SetPropagation{"/m", PropagationType::slave}));
    for (const Step& step : plan.steps) {
        EXPECT_EQ(step.undo, Op(SetPropagation{"/m", PropagationType::shared}));
    }
}

TEST(PlanBuilder, ScopeFollowsFromTheVerb) {
    struct Case {
        Op op;
        Scope scope;
    };
    const Planned planned = plan_of(scene("unified-private"));
    PlanBuilder builder(planned.world, planned.decision);
    for (const Case& c : std::vector<Case>{{MountFilesystem{}, Scope::mount_namespace},
                                           {MoveMount{}, Scope::mount_namespace},
                                           {MakeDirectory{}, Scope::mount_namespace},
                                           {UnshareCgroupNamespace{}, Scope::process},
                                           {MakeCgroup{}, Scope::persistent},
                                           {MoveProcesses{}, Scope::persistent},
                                           {CopyCgroupFile{}, Scope::persistent},
                                           {CopyLimits{}, Scope::persistent},
                                           {EnableControllers{}, Scope::persistent},
                                           {LimitDescendants{}, Scope::persistent},
                                           {AssertMember{}, Scope::none},
                                           {AssertNotRealRoot{}, Scope::none},
                                           {AssertHierarchicalMemory{}, Scope::none},
                                           {ProbeCgroup{}, Scope::none},
                                           {RehearseDropCapabilities{}, Scope::none},
                                           {RehearseUnmount{}, Scope::none}}) {
        EXPECT_EQ(builder.add(Phase::prepare, c.op, "why", "no undo").scope, c.scope) << describe(c.op);
    }
}

TEST(CgroupMount, ExactControllersAndTheSuperblocksOwnFlags) {
    struct Case {
        std::vector<std::string> controllers;
        const char* super_options;
        const char* options;
    };
    for (const Case& c : std::vector<Case>{{{"memory"}, "rw,memory", "memory"},
                                           {{"cpu", "cpuacct"}, "rw,cpuacct,cpu", "cpu,cpuacct"},
                                           {{"cpuset"}, "rw,cpuset,noprefix", "cpuset,noprefix"},
                                           {{"cpuset"}, "rw,cpuset,cpuset_v2_mode", "cpuset,cpuset_v2_mode"},
                                           {{"name=systemd"},
                                            "rw,xattr,release_agent=/lib/systemd/systemd-cgroups-agent,name=systemd",
                                            "none,name=systemd,xattr"}}) {
        Hierarchy hierarchy;
        hierarchy.controllers = c.controllers;
        hierarchy.mounts.emplace_back();
        hierarchy.mounts.front().entry.super_options = c.super_options;
        const MountFilesystem mount = cgroup_mount(hierarchy, "/t", true);
        EXPECT_EQ(mount.fstype, "cgroup");
        EXPECT_EQ(mount.target, "/t");
        EXPECT_EQ(mount.options, c.options);
        EXPECT_EQ(mount.flags, cgroup_flags(true));
    }
    Hierarchy v2;
    v2.version = HierarchyVersion::v2;
    v2.mounts.emplace_back();
    v2.mounts.front().entry.super_options = "rw,nsdelegate,memory_recursiveprot";
    EXPECT_EQ(cgroup_mount(v2, "/t", false), (MountFilesystem{"cgroup2", "/t", "", cgroup_flags(false)}));
}

}  // namespace
}  // namespace cginit
