#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "unit/choices.hpp"

namespace cginit {
namespace {

TEST(ChooseHierarchies, Namespace) {
    expect(chosen(docker_v1(), planned(View::legacy, Method::name_space)),
           {{"misc", Access::left_out, false, "the own cgroup is the host's root of it"},
            {"memory", Access::writable, true, "guarded by an inner cgroup"},
            {"cpu,cpuacct", Access::writable, true, "guarded by an inner cgroup"},
            {"blkio", Access::read_only, false, "limits of it do not hold for children"},
            {"name=systemd", Access::writable, false, "it limits nothing"}});
}

TEST(ChooseHierarchies, BindMakesThePathTheSameInAll) {
    expect(chosen(docker_v1(), planned(View::legacy, Method::bind)),
           {{"misc", Access::left_out, false, "the own cgroup is the host's root of it"},
            {"memory", Access::writable, true, "guarded by an inner cgroup"},
            {"cpu,cpuacct", Access::writable, true, "guarded by an inner cgroup"},
            {"blkio", Access::read_only, false, "limits of it do not hold for children"},
            {"name=systemd", Access::writable, true, "an inner cgroup, so that the init's path is the same in all"}});
}

TEST(ChooseHierarchies, NeverInner) {
    for (const Method method : {Method::name_space, Method::bind}) {
        expect(chosen(docker_v1(), planned(View::legacy, method), never_inner()),
               {{"misc", Access::left_out, false, "the own cgroup is the host's root of it"},
                {"memory", Access::writable, false, "unguarded: --inner=never"},
                {"cpu,cpuacct", Access::writable, false, "unguarded: --inner=never"},
                {"blkio", Access::writable, false, "unguarded: --inner=never"},
                {"name=systemd", Access::writable, false, "it limits nothing"}});
    }
}

TEST(ChooseHierarchies, TheLayoutLeavesOut) {
    const Snapshot hybrid = docker_hybrid_volume();
    EXPECT_EQ(chosen(hybrid, planned(View::hybrid, Method::name_space)).at("unified").access, Access::writable);
    const auto legacy = chosen(hybrid, planned(View::legacy, Method::name_space));
    EXPECT_EQ(legacy.at("unified").access, Access::left_out);
    EXPECT_EQ(legacy.at("unified").reason, "not part of the legacy layout, guarded all the same");
    const auto unified = chosen(hybrid, planned(View::unified, Method::name_space));
    for (const auto& [name, choice] : unified) {
        EXPECT_EQ(choice.access, name == "unified" ? Access::writable : Access::left_out) << name;
    }
}

TEST(ChooseHierarchies, WhoDelegatesSeesOnlyWhatHeCanUse) {
    Decision delegating = planned(View::legacy, Method::name_space);
    delegating.delegation.wanted = true;
    Snapshot snapshot = docker_v1();
    snapshot.kernel_release = "4.19.0";
    snapshot.directories["/sys/fs/cgroup/memory"].memory_hierarchical = Tri::no;
    const auto choices = chosen(snapshot, delegating);
    EXPECT_EQ(choices.at("blkio").access, Access::left_out);
    EXPECT_EQ(choices.at("memory").access, Access::read_only) << "programs look for their limit there";
    EXPECT_EQ(choices.at("cpu,cpuacct").access, Access::writable);
    for (const auto& [name, choice] : choices) {
        EXPECT_EQ(choice.leaf, "") << name;
    }
    delegating.layout = View::unified;
    EXPECT_EQ(chosen(docker_v2(), delegating).at("unified").leaf, "init.scope");
    delegating.delegation.wanted = false;
    EXPECT_EQ(chosen(docker_v2(), delegating).at("unified").leaf, "");
}

TEST(ChooseHierarchies, TheWritablePolicy) {
    Options tracking;
    tracking.writable = Writable::tracking;
    expect(chosen(docker_v1(), planned(View::legacy, Method::name_space), tracking),
           {{"misc", Access::left_out, false, "the own cgroup is the host's root of it"},
            {"memory", Access::read_only, true, "not among --writable, guarded all the same"},
            {"cpu,cpuacct", Access::read_only, true, "not among --writable, guarded all the same"},
            {"blkio", Access::read_only, false, "limits of it do not hold for children"},
            {"name=systemd", Access::writable, false, "it limits nothing"}});
    Options list;
    list.writable = WordOrControllers<Writable>(std::vector<std::string>{"cpuacct", "blkio", "memroy"});
    Decision decision = planned(View::legacy, Method::name_space);
    ASSERT_TRUE(choose_hierarchies(classify(docker_v1()), list, decision));
    std::map<std::string, Access> access;
    for (const HierarchyDecision& choice : decision.hierarchies) {
        access[choice.name] = choice.access;
    }
    EXPECT_EQ(access, (std::map<std::string, Access>{{"misc", Access::left_out},
                                                     {"memory", Access::read_only},
                                                     {"cpu,cpuacct", Access::writable},
                                                     {"blkio", Access::writable},
                                                     {"name=systemd", Access::writable}}));
    EXPECT_EQ(decision.warnings,
              (std::vector<std::string>{
                  "blkio is writable because --writable names it: the init can raise its own limits of it",
                  "--writable names memroy, which no hierarchy has, ignoring"}));
}

/// docker_v1() with a hierarchy of the freezer, in which the container is where it is in the one of memory.
Snapshot docker_v1_freezer() {
    Snapshot snapshot = docker_v1();
    const std::string own = snapshot.cgroups[1].path;
    snapshot.cgroups.push_back({12, {"freezer"}, own});
    return with_mount(std::move(snapshot), cgroup_line(29, 20, own, "/sys/fs/cgroup/freezer", "ro", "freezer"));
}

TEST(ChooseHierarchies, AFrozenContainerCouldNotBeKilled) {
    const char* reason = "frozen by itself, the container could not be killed; guarded all the same";
    Decision decision = planned(View::legacy, Method::name_space);
    const auto expect_freezer = [&](const Options& options, Access access, const std::string& why) {
        const HierarchyDecision freezer = chosen(docker_v1_freezer(), decision, options).at("freezer");
        EXPECT_EQ(freezer.access, access);
        EXPECT_TRUE(freezer.inner);
        EXPECT_EQ(freezer.reason, why);
    };
    expect_freezer({}, Access::read_only, reason);
    Options named;
    named.writable = WordOrControllers<Writable>(std::vector<std::string>{"freezer"});
    expect_freezer(named, Access::writable, "named in --writable");
    ASSERT_TRUE(choose_hierarchies(classify(docker_v1_freezer()), named, decision));
    EXPECT_EQ(decision.warnings, std::vector<std::string>{
                                     "freezer is writable because --writable names it: the init can freeze itself, and "
                                     "nobody can kill it then"});
    // runc makes a cgroup in each hierarchy that it sees.
    decision = planned(View::legacy, Method::name_space);
    decision.delegation.wanted = true;
    expect_freezer({}, Access::left_out, reason);
}

TEST(ChooseHierarchies, WhatLimitsTheNumberOfCgroups) {
    struct Case {
        Snapshot snapshot;
        Method method = Method::name_space;
        Options options = {};
        std::vector<std::string> warnings = {};
    };
    const std::string unlimited = "nothing limits how many cgroups the init can make: ";
    Options unwanted = never_inner();
    unwanted.max_cgroups.reset();
    unwanted.max_depth.reset();
    for (const Case& c : std::vector<Case>{
             {docker_v2(), Method::name_space, {}, {}},
             {docker_v2(), Method::name_space, never_inner(), {unlimited + "--inner=never"}},
             {docker_v2(), Method::name_space, unwanted, {}},
             {docker_v2(), Method::remount, {}, {unlimited + "the view stays as it is"}},
             {docker_v1(), Method::name_space, never_inner(), {}},
         }) {
        Decision decision = planned(classify(c.snapshot).view, c.method);
        ASSERT_TRUE(choose_hierarchies(classify(c.snapshot), c.options, decision));
        EXPECT_EQ(decision.warnings, c.warnings);
    }
}

TEST(ChooseHierarchies, OnV2WhatIsNotToBeWritableIsNotEnabled) {
    const World world = classify(docker_v2());
    using Names = std::vector<std::string>;
    using Choice = WordOrControllers<Writable>;
    for (const auto& [writable, enabled] : {std::pair{Choice(Writable::all), std::optional(Names())},
                                            {Writable::tracking, std::nullopt},
                                            {Choice(Names{"memory"}), std::optional(Names{"memory"})}}) {
        Options options;
        options.writable = writable;
        Decision decision = planned(View::unified, Method::name_space);
        ASSERT_TRUE(choose_hierarchies(world, options, decision));
        EXPECT_EQ(decision.hierarchies.front().access, Access::writable) << "services are tracked in it";
        EXPECT_EQ(decision.enabled_controllers, enabled);
        std::string ops;
        for (const Step& step : make_plan(world, decision).steps) {
            ops += describe(step.op) + "\n";
        }
        EXPECT_EQ(ops.find("enable ") != std::string::npos, enabled.has_value()) << ops;
        EXPECT_EQ(ops.find("enable memory for") != std::string::npos, writable.is_list()) << ops;
    }
}

/// The engine writes what it brings in by exec to its v2 cgroup, which is EBUSY once controllers are enabled there.
TEST(ChooseHierarchies, WhereTheEnginesLimitsAreOnV1ControllersOfV2StayOff) {
    using Choice = WordOrControllers<Delegate>;
    struct Row {
        Choice delegate;
        View layout;
        bool enabled;
        std::size_t warnings;
    };
    Snapshot snapshot = docker_v1();
    snapshot.cgroups.push_back({0, {}, std::string("/docker/") + kId});
    for (const Row& row : {Row{Delegate::automatic, View::unified, false, 0},
                           Row{Delegate::none, View::unified, false, 0}, Row{Delegate::all, View::unified, true, 1},
                           Row{Choice(std::vector<std::string>{"cpu"}), View::unified, true, 1},
                           Row{Delegate::all, View::hybrid, true, 0}}) {
        Options options;
        options.delegate = row.delegate;
        Decision decision = planned(row.layout, Method::name_space);
        ASSERT_TRUE(choose_hierarchies(classify(snapshot), options, decision));
        EXPECT_EQ(decision.enabled_controllers.has_value(), row.enabled) << row.delegate.text();
        EXPECT_EQ(decision.warnings.size(), row.warnings);
        const auto v2 = std::find_if(decision.hierarchies.begin(), decision.hierarchies.end(),
                                     [](const HierarchyDecision& choice) { return choice.name == "unified"; });
        EXPECT_TRUE(v2->inner) << "a child without controller files raises nothing";
    }
}

TEST(ChooseHierarchies, ACgroupAtTheHostsRootOnlyWithPermission) {
    Snapshot snapshot = docker_v1();
    snapshot.cgroups.push_back({0, {}, "/"});
    Options allowed;
    allowed.allow_host_cgroup = true;
    const Decision unified = planned(View::unified, Method::name_space);
    const HierarchyDecision yes = chosen(snapshot, unified, allowed).at("unified");
    EXPECT_EQ(yes.host_cgroup, HostCgroup::yes);
    EXPECT_EQ(yes.access, Access::writable);
    EXPECT_FALSE(yes.inner) << "no limit of the engine's is there to be guarded";
    EXPECT_EQ(yes.init_cgroup, std::string("/cginit-") + kId);
    Decision refused = unified;
    EXPECT_FALSE(choose_hierarchies(classify(snapshot), {}, refused));
    EXPECT_EQ(chosen(snapshot, planned(View::hybrid, Method::name_space), allowed).at("unified").access,
              Access::left_out)
        << "a hybrid layout does without";
    // In a private namespace `/` may be both.
    snapshot.namespaces["cgroup"] = kPrivateCgroupNamespaceId;
    const HierarchyDecision perhaps = chosen(snapshot, unified, allowed).at("unified");
    EXPECT_EQ(perhaps.host_cgroup, HostCgroup::if_real_root);
    EXPECT_TRUE(perhaps.inner);
    EXPECT_EQ(chosen(snapshot, unified).at("unified").host_cgroup, HostCgroup::no);
}

TEST(ChooseHierarchies, TheTrackingHierarchyIsMadeWhereTheHostHasNone) {
    Snapshot snapshot = docker_v2();
    snapshot.namespaces["cgroup"] = kInitialCgroupNamespaceId;
    snapshot.cgroups.front().path = std::string("/docker/") + kId;
    snapshot.init.version = 219;
    Options allowed;
    allowed.allow_host_cgroup = true;
    for (const bool there : {false, true}) {
        if (there) {
            snapshot.cgroups.push_back({1, {"name=systemd"}, "/somewhere"});
        }
        const auto choices = chosen(snapshot, planned(View::legacy, Method::name_space), allowed);
        EXPECT_EQ(choices.at("name=systemd").host_cgroup, HostCgroup::yes);
        EXPECT_EQ(choices.at("name=systemd").engine_cgroup, there ? "/somewhere" : "/");
        EXPECT_EQ(choices.at("unified").access, Access::left_out);
        EXPECT_TRUE(choices.at("unified").inner) << "what the engine shows is guarded all the same";
    }
}

TEST(ChooseHierarchies, WhatTheEngineDoesNotShow) {
    Snapshot snapshot = docker_v1();
    snapshot.cgroups.push_back({61, {"perf_event"}, "/docker/3aef"});
    snapshot.cgroups.push_back({60, {"pids"}, "/../x"});
    snapshot = with_mount(snapshot, cgroup_line(30, 20, "/", "/sys/fs/cgroup/pids", "ro", "pids"));
    snapshot = with_mount(snapshot, cgroup_line(31, 20, "/", "/sys/fs/cgroup/odd", "ro", "odd"));
    const auto choices = chosen(snapshot, planned(View::legacy, Method::name_space));
    for (const auto& [name, reason] : {std::pair{"perf_event", "the engine does not show it"},
                                       {"pids", "the own cgroup lies outside of the cgroup namespace"},
                                       {"rw,odd", "no line of /proc/self/cgroup belongs to it"}}) {
        EXPECT_EQ(choices.at(name).access, Access::left_out) << name;
        EXPECT_EQ(choices.at(name).reason, reason) << name;
    }
}

TEST(ChooseHierarchies, ACgroupOfSomeoneElseIsNotOurs) {
    const std::string id(64, 'a');
    Snapshot snapshot = docker_v1();
    snapshot.mounts.push_back(snapshot.mounts.front());
    snapshot.mounts.back().id = 90;
    snapshot.mounts.back().parent = 1;
    snapshot.mounts.back().point = "/etc/hostname";
    snapshot.mounts.back().root = "/var/lib/docker/containers/" + id + "/hostname";
    for (CgroupEntry& cgroup : snapshot.cgroups) {
        cgroup.path = "/system.slice/job.scope";
    }
    const auto foreign = classify(snapshot);
    ASSERT_EQ(foreign.container_id, id);
    Decision decision = planned(View::legacy, Method::name_space);
    const Status status = choose_hierarchies(foreign, Options{}, decision);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message().find("no cgroup of its own in it (/system.slice/job.scope)"), std::string::npos)
        << status.error().message();
}

}  // namespace
}  // namespace cginit
