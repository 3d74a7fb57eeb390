#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <ostream>

#include "cginit/decision.hpp"
#include "cginit/plan.hpp"
#include "unit/decide_scenes.hpp"

namespace cginit {
namespace {

Decision decided(const World& world, const Options& options = {}) {
    const Result<Decision> decision = decide(world, options);
    EXPECT_TRUE(decision) << decision.error().message();
    return decision ? *decision : Decision{};
}

TEST(Decide, SystemdHasToBePid1) {
    Snapshot snapshot = docker_v1();
    snapshot.pid = 7;
    EXPECT_EQ(refusal(classify(snapshot), {}),
              "cginit is not PID 1, and systemd as the system manager has to be; leave out --init and --pid");
    EXPECT_EQ(refusal(classify(with_init(snapshot, InitKind::busybox)), {}), "accepted");
    EXPECT_EQ(refusal(classify(with_init(snapshot, InitKind::unknown)), {}), "accepted");
    snapshot.pid = 1;
    EXPECT_EQ(refusal(classify(snapshot), {}), "accepted");
}

struct MethodCase {
    const char* what;
    Snapshot snapshot;
    Change change;
    Method method;
    const char* reason;
};

Snapshot with_sys_admin_alone(Snapshot snapshot) {
    snapshot.status.effective_capabilities = 0xa82425fb;
    return snapshot;
}

/// With what systemd needs, and could not mount itself.
Snapshot with_tmpfs(Snapshot snapshot, const std::vector<std::string>& points = {"/run", "/run/lock", "/tmp"}) {
    int id = 40;
    for (const std::string& point : points) {
        const std::string number = std::to_string(id++);
        const char* parent = point == "/run/lock" ? " 40 0:" : " 10 0:";
        snapshot = with_mount(std::move(snapshot), number + parent + number + " / " + point + " rw - tmpfs tmpfs rw\n");
    }
    return snapshot;
}

/// To root of a user namespace that does not map whose the limits are.
Snapshot delegated(Snapshot snapshot) {
    snapshot.directories["/sys/fs/cgroup"].delegated = Tri::yes;
    snapshot.uid_map = snapshot.gid_map = "0 100000 65536";
    snapshot.namespaces["user"] = 4026532500;
    return snapshot;
}

/// Where a setuid program is the host's root, to whom the limits belong.
Snapshot initial(Snapshot snapshot) {
    snapshot.uid_map = snapshot.gid_map = "0 0 4294967295";
    snapshot.namespaces.erase("user");
    return snapshot;
}

TEST(Decide, ADelegatedViewIsProved) {
    const World world = classify(delegated(with_tmpfs(without_sys_admin(writable(docker_v2())))));
    const Decision decision = decided(world);
    std::string steps;
    for (const Step& step : make_plan(world, decision).steps) {
        steps += describe(step.op) + "\n";
    }
    EXPECT_EQ(steps,
              "assert that this process is in /sys/fs/cgroup\nmake and remove a child cgroup of /sys/fs/cgroup\n");
}

/// Docker's writable-cgroups=true, where the filter refuses a user namespace.
Snapshot writable_without_privilege() {
    Snapshot snapshot = with_tmpfs(without_sys_admin(writable(docker_v2())));
    for (MountEntry& mount : snapshot.mounts) {
        mount.super_options += is_cgroup(mount) ? ",nsdelegate,memory_recursiveprot" : "";
    }
    snapshot.user_namespaces = {Tri::no, EPERM, Tri::yes};
    snapshot.status.bounding_capabilities = 0xa80425fb;
    snapshot.directories[kCgroupRoot].has_parent_files = Tri::yes;
    snapshot.directories[kCgroupRoot].outsiders = Tri::no;
    return snapshot;
}

TEST(Decide, AWritableViewIsKeptAndProvedWhereNsdelegateGuardsIt) {
    const World world = classify(writable_without_privilege());
    const Decision decision = decided(world);
    EXPECT_EQ(decision.authority, Authority::delegation);
    EXPECT_EQ(decision.method_reason, "the engine made the container's cgroup writable, and the host has nsdelegate");
    ASSERT_FALSE(decision.warnings.empty());
    EXPECT_NE(decision.warnings.front().find("only while the host mounts cgroup2 with nsdelegate"), std::string::npos);
    EXPECT_NE(decision.warnings.back().find("nothing limits how many cgroups"), std::string::npos);
    std::string steps;
    for (const Step& step : make_plan(world, decision).steps) {
        steps += describe(step.op) + "\n";
    }
    EXPECT_EQ(steps,
              "assert that this process is in /sys/fs/cgroup\nmake and remove a child cgroup of /sys/fs/cgroup\n");
    Snapshot possible = writable_without_privilege();
    possible.user_namespaces = {Tri::yes, 0};
    EXPECT_EQ(decided(classify(possible)).authority, Authority::user_namespace) << "which has an inner level";
}

TEST(Decide, AWritableViewThatNothingGuardsIsRefused) {
    const auto code_of = [](void (*change)(Snapshot&)) {
        Snapshot snapshot = writable_without_privilege();
        change(snapshot);
        const Result<Decision> decision = decide(classify(snapshot), {});
        return decision ? std::string("accepted") : to_string(decision.error().code);
    };
    const auto mount_of = [](Snapshot& snapshot) -> MountEntry& {
        return *std::find_if(snapshot.mounts.begin(), snapshot.mounts.end(), is_cgroup);
    };
    static const auto kMountOf = mount_of;
    EXPECT_EQ(code_of([](Snapshot&) {}), "accepted");
    EXPECT_EQ(code_of([](Snapshot& s) { kMountOf(s).super_options = "rw,memory_recursiveprot"; }), "CG-NOSYSADMIN");
    EXPECT_EQ(code_of([](Snapshot& s) { kMountOf(s).super_options = "rw,nonsdelegate"; }), "CG-NOSYSADMIN");
    EXPECT_EQ(code_of([](Snapshot& s) { kMountOf(s).flags.read_only = true; }), "CG-NOSYSADMIN");
    EXPECT_EQ(code_of([](Snapshot& s) { s.namespaces["cgroup"] = kInitialCgroupNamespaceId; }), "CG-NOHIERARCHY");
    EXPECT_EQ(code_of([](Snapshot& s) { s.namespaces.erase("cgroup"); }), "CG-NOHIERARCHY");
    EXPECT_EQ(code_of([](Snapshot& s) { s.directories[kCgroupRoot].has_parent_files = Tri::unknown; }),
              "CG-NOSYSADMIN");
    EXPECT_EQ(code_of([](Snapshot& s) { s.directories[kCgroupRoot].outsiders = Tri::yes; }), "CG-NOHIERARCHY");
    EXPECT_EQ(code_of([](Snapshot& s) { s.directories[kCgroupRoot].owned = Tri::no; }), "CG-NOTDELEGATED");
    EXPECT_EQ(code_of([](Snapshot& s) { s.status.uid = 1000; }), "CG-NOTROOT");
    // Whoever can make a cgroup namespace below it writes the limits from there.
    EXPECT_EQ(code_of([](Snapshot& s) { s.user_namespaces.closed = Tri::no; }), "CG-NOSYSADMIN");
    EXPECT_EQ(code_of([](Snapshot& s) { s.user_namespaces.closed = Tri::unknown; }), "CG-NOSYSADMIN");
    EXPECT_EQ(code_of([](Snapshot& s) { s.user_namespaces = {Tri::no, ENOSPC, Tri::no}; }), "CG-NOSYSADMIN");
    EXPECT_EQ(code_of([](Snapshot& s) { s.status.bounding_capabilities = 1ULL << kCapSysAdmin; }), "CG-NOSYSADMIN");
    const auto none_at_all = [](Snapshot& s) {
        s.user_namespaces = {Tri::no, ENOSPC, Tri::no};
        s.max_user_namespaces = 0;
    };
    EXPECT_EQ(code_of(none_at_all), "accepted") << "which only the host can change";
    // Only the engine can mount it.
    Snapshot bare = writable_without_privilege();
    std::erase_if(bare.mounts, [](const MountEntry& mount) { return mount.point == "/run/lock"; });
    EXPECT_EQ(
        refusal(classify(bare), {}),
        "systemd needs a tmpfs on /run/lock, which this container without CAP_SYS_ADMIN cannot mount; let the engine "
        "mount it (--tmpfs /run/lock), or add --cap-add SYS_ADMIN, or leave /run/lock as it is with --tmpfs=never");
    std::erase_if(bare.mounts, [](const MountEntry& mount) { return mount.point == "/tmp"; });
    const Result<Decision> refused = decide(classify(bare), {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().cures.front(), (Cure{CureId::engine_tmpfs_each, "/run/lock, /tmp"}));
    Options never;
    never.tmpfs.emplace();
    EXPECT_EQ(refusal(classify(bare), never), "accepted");
    EXPECT_EQ(refusal(classify(with_init(bare, InitKind::s6)), {}), "accepted");
}

TEST(Decide, Method) {
    const std::vector<MethodCase> cases = {
        {"namespaces", docker_v1(), kNothing, Method::name_space, "the kernel has cgroup namespaces"},
        {"v2", docker_v2(), kNothing, Method::name_space, "the kernel has cgroup namespaces"},
        {"no namespaces", without_cgroup_namespaces(docker_v1()), kNothing, Method::bind,
         "this kernel has no cgroup namespaces"},
        {"asked", docker_v1(), [](Options& o) { o.method = Method::bind; }, Method::bind,
         "asked for with --method=bind"},
        {"own view", own_view(docker_v1_private()), kNothing, Method::none,
         "an earlier cginit made the view private and writable"},
        {"own view, v2", own_view(docker_v2()), kNothing, Method::none,
         "an earlier cginit made the view private and writable"},
        {"own view, asked", own_view(docker_v2()), kNone, Method::none, "asked for with --method=none"},
        {"own view, another method asked", own_view(docker_v2()), [](Options& o) { o.method = Method::name_space; },
         Method::name_space, "asked for with --method=namespace"},
        {"no capability", without_sys_admin(docker_v2()), kNothing, Method::userns,
         "this container has no CAP_SYS_ADMIN, and in a user namespace it has"},
        {"a user namespace, asked", with_sys_admin_alone(docker_v1()), kUserns, Method::userns,
         "asked for with --method=userns"},
        {"delegated", delegated(with_tmpfs(without_sys_admin(writable(docker_v2())))), kNothing, Method::none,
         "the engine delegated the container's cgroup, whose limits belong to another user"},
        {"delegated by the host's root to somebody who is not",
         with_tmpfs(initial(delegated(without_sys_admin(writable(docker_v2()))))), kNothing, Method::userns,
         "this container has no CAP_SYS_ADMIN, and in a user namespace it has"},
        {"delegated and capable", delegated(writable(docker_v2())), kNothing, Method::name_space,
         "the kernel has cgroup namespaces"},
        {"delegated and read-only", delegated(without_sys_admin(docker_v2())), kNothing, Method::userns,
         "this container has no CAP_SYS_ADMIN, and in a user namespace it has"},
        {"delegated, and systemd would have no /run/lock",
         delegated(with_tmpfs(without_sys_admin(writable(docker_v2())), {"/run", "/tmp"})), kNothing, Method::userns,
         "this container has no CAP_SYS_ADMIN, and in a user namespace it has"},
        {"remount, unguarded", docker_v2(),
         [](Options& o) {
             o.method = Method::remount;
             o.inner = Inner::never;
         },
         Method::remount, "asked for with --method=remount"},
    };
    for (const MethodCase& c : cases) {
        const Decision decision = decided(classify(c.snapshot), options_of(c.change));
        EXPECT_EQ(method_of(decision), c.method) << c.what;
        EXPECT_EQ(decision.method_reason, c.reason) << c.what;
    }
}

TEST(Decide, AnOwnViewThatWasDamagedIsMadeAnew) {
    Snapshot snapshot = own_view(docker_v2());
    snapshot.mounts[3].flags.read_only = true;
    EXPECT_EQ(method_of(decided(classify(snapshot))), Method::name_space);
    snapshot = own_view(docker_v1_private());
    snapshot.mounts[4].root = "/..";
    EXPECT_EQ(method_of(decided(classify(snapshot))), Method::name_space);
}

/// Who is exec'd beside the init sits above its namespace, and takes the view as it stands.
TEST(Decide, AViewThatStaysIsJudgedAsItStands) {
    Snapshot snapshot = with_init(own_view(docker_v1_private()), InitKind::busybox);
    snapshot.pid = 7;
    snapshot.pid1_mounts = Tri::yes;
    for (CgroupEntry& cgroup : snapshot.cgroups) {
        cgroup.path = "/..";
    }
    const World world = classify(snapshot);
    const Decision decision = decided(world);
    EXPECT_EQ(method_of(decision), Method::none);
    for (const HierarchyDecision& choice : decision.hierarchies) {
        const bool shown = choice.name != "misc";
        const bool read_only = choice.name == "blkio";
        EXPECT_EQ(choice.access, !shown ? Access::left_out : (read_only ? Access::read_only : Access::writable))
            << choice.name;
    }
    EXPECT_EQ(check_view(world, decision, {}), std::vector<std::string>{});
}

TEST(Decide, NothingToDoNeedsNoCapability) {
    EXPECT_EQ(refusal(classify(without_sys_admin(own_view(docker_v2()))), {}), "accepted");
    EXPECT_EQ(refusal(classify(without_sys_admin(writable(docker_v2()))), options_of([](Options& o) {
                          o.method = Method::none;
                          o.inner = Inner::never;
                          o.tmpfs.emplace();
                      })),
              "accepted");
}

TEST(Decide, Layout) {
    EXPECT_EQ(decided(classify(docker_v1())).layout, View::legacy);
    EXPECT_EQ(decided(classify(docker_v2())).layout, View::unified);
    EXPECT_EQ(decided(classify(docker_hybrid_volume())).layout, View::hybrid);
    for (const auto& [layout, view] : {std::pair{Layout::host, View::hybrid},
                                       {Layout::automatic, View::hybrid},
                                       {Layout::hybrid, View::hybrid},
                                       {Layout::legacy, View::legacy},
                                       {Layout::unified, View::unified}}) {
        Options options;
        options.layout = layout;
        EXPECT_EQ(decided(classify(docker_hybrid_volume()), options).layout, view) << to_string(layout);
    }
}

TEST(Decide, ReadOnlyElsewhereIsDetachedWithAWarning) {
    const Decision decision = decided(classify(elsewhere(docker_v1(), "ro")));
    EXPECT_EQ(decision.detach_elsewhere, std::vector<std::string>{"/host/memory"});
    EXPECT_TRUE(decision.kept_elsewhere.empty());
    EXPECT_EQ(decision.warnings,
              std::vector<std::string>{"the read-only cgroup mount at /host/memory is detached (--keep-mount "
                                       "/host/memory if the init may have it)"});
}

TEST(Decide, ReadOnlyElsewhereIsCoveredInAUserNamespace) {
    Snapshot snapshot = elsewhere(without_sys_admin(docker_v1()), "ro");
    EXPECT_EQ(decided(classify(snapshot)).warnings,
              std::vector<std::string>{"the read-only cgroup mount at /host/memory is covered (--keep-mount "
                                       "/host/memory if the init may have it)"});
    // What covers it was there before, and cannot be taken away either.
    snapshot = with_mount(snapshot, "31 10 0:50 / /host rw - tmpfs tmpfs rw\n");
    EXPECT_TRUE(decided(classify(snapshot)).detach_elsewhere.empty());
    EXPECT_EQ(refusal(classify(elsewhere(without_sys_admin(docker_v1()), "rw")), {}),
              "a writable cgroup mount at /host/memory reaches above the own cgroup; leave that volume out, or say "
              "--keep-mount /host/memory if the init may have it");
}

TEST(Decide, KeepMountKeepsAndSaysSo) {
    for (const char* flags : {"ro", "rw"}) {
        const Decision decision =
            decided(classify(elsewhere(docker_v1(), flags)), options_of([](Options& o) { o.keep_mounts = {"/host"}; }));
        EXPECT_EQ(decision.kept_elsewhere, std::vector<std::string>{"/host/memory"}) << flags;
        EXPECT_TRUE(decision.detach_elsewhere.empty());
        EXPECT_TRUE(decision.warnings.empty());
    }
}

TEST(Decide, DroppingCapabilitiesNeedsSetpcap) {
    const auto drop = [](Options& o) { o.drop_capabilities = {"cap_sys_admin"}; };
    Snapshot snapshot = docker_v2();
    EXPECT_EQ(refusal(classify(snapshot), options_of(drop)),
              "--drop-cap needs CAP_SETPCAP, which this container has not; add --cap-add SETPCAP, or leave the "
              "capabilities out with the engine's --cap-drop");
    EXPECT_EQ(refusal(classify(without(without_sys_admin(snapshot), 8)), options_of(drop)), "accepted")
        << "a user namespace has it";
    snapshot.status.effective_capabilities |= 1U << 8U;
    EXPECT_EQ(decided(classify(snapshot), options_of(drop)).drop_capabilities,
              std::vector<std::string>{"cap_sys_admin"});
}

TEST(Decide, Delegation) {
    using Choice = WordOrControllers<Delegate>;
    struct Case {
        InitKind init;
        Choice delegate;
        Method method;
        bool wanted;
        const char* reason;
    };
    for (const Case& c : {
             Case{InitKind::systemd, Delegate::automatic, Method::automatic, false, "systemd does it itself"},
             {InitKind::dockerd, Delegate::automatic, Method::automatic, true, "only systemd does it itself"},
             {InitKind::unknown, Delegate::automatic, Method::automatic, true, "only systemd does it itself"},
             {InitKind::systemd, Delegate::all, Method::automatic, true, "asked for with --delegate"},
             {InitKind::runit, Delegate::none, Method::automatic, false, "asked for with --delegate"},
             {InitKind::runit, Choice(std::vector<std::string>{"memory"}), Method::automatic, true,
              "asked for with --delegate"},
             {InitKind::runit, Delegate::all, Method::remount, false, "the view stays as it is"},
         }) {
        Options options;
        options.delegate = c.delegate;
        options.method = c.method;
        options.inner = c.method == Method::remount ? Inner::never : Inner::automatic;
        Snapshot snapshot = with_init(docker_v2(), c.init);
        const Decision decision = decided(classify(snapshot), options);
        EXPECT_EQ(decision.delegation.wanted, c.wanted) << to_string(c.init) << " " << c.delegate.text();
        EXPECT_EQ(decision.delegation.reason, c.reason);
        EXPECT_EQ(decision.delegation.controllers, c.wanted ? c.delegate.controllers() : std::vector<std::string>());
    }
}

}  // namespace
}  // namespace cginit
