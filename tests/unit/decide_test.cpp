#include <gtest/gtest.h>

#include <functional>
#include <ostream>

#include "cginit/decision.hpp"
#include "cginit/plan.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

/// The message of the refusal, or "accepted".
std::string refusal(const World& world, const Options& options) {
    const Result<Decision> decision = decide(world, options);
    return decision ? "accepted" : decision.error().message();
}

Decision decided(const World& world, const Options& options = {}) {
    const Result<Decision> decision = decide(world, options);
    EXPECT_TRUE(decision) << decision.error().message();
    return decision ? *decision : Decision{};
}

Snapshot without_sys_admin(Snapshot snapshot) {
    snapshot.status.effective_capabilities = 0xa80425fb;
    return snapshot;
}

/// The last mount, which is docker_v2()'s cgroup2, made writable by the engine.
Snapshot writable(Snapshot snapshot) {
    snapshot.mounts.back().flags.read_only = false;
    return snapshot;
}

Snapshot without_cgroup_namespaces(Snapshot snapshot) {
    snapshot.namespaces.erase("cgroup");
    snapshot.kernel_release = "3.10.0-1160.el7.x86_64";
    return snapshot;
}

Snapshot with_init(Snapshot snapshot, InitKind kind) {
    snapshot.init = {kind, std::nullopt, ""};
    return snapshot;
}

/// The view as an earlier cginit leaves it.
Snapshot own_view(Snapshot snapshot) {
    std::erase_if(snapshot.mounts, [](const MountEntry& mount) { return mount.point == "/sys/fs/cgroup/misc"; });
    for (MountEntry& mount : snapshot.mounts) {
        if (mount.point.starts_with("/sys/fs/cgroup")) {
            mount.source = kOwnMark;
            mount.flags.read_only = mount.fstype == "tmpfs" || mount.point == "/sys/fs/cgroup/blkio";
        }
    }
    return with_mount(snapshot, "40 10 0:60 / /run rw - tmpfs cginit rw\n");
}

Snapshot elsewhere(const Snapshot& snapshot, const std::string& flags, const std::string& point = "/host/memory") {
    return with_mount(snapshot, cgroup_line(30, 10, "/", point, flags, "memory"));
}

using Change = std::function<void(Options&)>;

Options options_of(const Change& change) {
    Options options;
    change(options);
    return options;
}

struct RefusalCase {
    const char* what;
    Snapshot snapshot;
    Change change;
    const char* message;
};

// GoogleTest prints a parameter that it does not know byte by byte.
void PrintTo(const RefusalCase& c, std::ostream* os) { *os << c.what; }

class Refusal : public ::testing::TestWithParam<RefusalCase> {};

TEST_P(Refusal, NamesTheCure) {
    const RefusalCase& c = GetParam();
    EXPECT_EQ(refusal(classify(c.snapshot), options_of(c.change)), c.message) << c.what;
}

const Change kNothing = [](Options&) {};
const Change kNone = [](Options& o) { o.method = Method::none; };
const Change kRemount = [](Options& o) { o.method = Method::remount; };

constexpr const char* kNoSysAdmin =
    "this container has no CAP_SYS_ADMIN, which mounting cgroups needs; add --cap-add SYS_ADMIN";

INSTANTIATE_TEST_SUITE_P(
    Capabilities, Refusal,
    ::testing::Values(RefusalCase{"namespace", without_sys_admin(docker_v2()),
                                  [](Options& o) { o.method = Method::name_space; }, kNoSysAdmin},
                      RefusalCase{"bind", without_sys_admin(docker_v1()), [](Options& o) { o.method = Method::bind; },
                                  kNoSysAdmin},
                      RefusalCase{"only /run is to be made", without_sys_admin(writable(docker_v2())),
                                  [](Options& o) {
                                      o.method = Method::none;
                                      o.inner = Inner::never;
                                  },
                                  "this container has no CAP_SYS_ADMIN, which mounting a tmpfs on /run needs; let the "
                                  "engine mount it (--tmpfs /run), or leave /run as it is with --tmpfs=never"}));

const Change kUserns = [](Options& o) { o.method = Method::userns; };

Snapshot without(Snapshot snapshot, unsigned capability) {
    snapshot.status.effective_capabilities &= ~(std::uint64_t{1} << capability);
    return snapshot;
}

INSTANTIATE_TEST_SUITE_P(
    Layouts, Refusal,
    ::testing::Values(
        RefusalCase{"legacy on v2", with_init(docker_v2(), InitKind::busybox),
                    [](Options& o) { o.layout = Layout::legacy; },
                    "--layout=legacy: this container's view is unified; use --layout=host, or boot the host with v1 "
                    "hierarchies (without cgroup_no_v1=)"},
        RefusalCase{"hybrid on v2", docker_v2(), [](Options& o) { o.layout = Layout::hybrid; },
                    "--layout=hybrid: this container's view is unified; use --layout=host, or boot the host with v1 "
                    "hierarchies (without cgroup_no_v1=)"},
        RefusalCase{
            "unified on v1", docker_v1(), [](Options& o) { o.layout = Layout::unified; },
            "--layout=unified: this kernel has no cgroup2; boot the host with Linux 4.15 or newer and a v2 hierarchy "
            "(systemd.unified_cgroup_hierarchy=1), or use --layout=host"},
        RefusalCase{
            "hybrid on v1", docker_v1(), [](Options& o) { o.layout = Layout::hybrid; },
            "--layout=hybrid: this kernel has no cgroup2; boot the host with Linux 4.15 or newer and a v2 hierarchy "
            "(systemd.unified_cgroup_hierarchy=1), or use --layout=host"},
        RefusalCase{"a contradiction", with_init(docker_v2(), InitKind::busybox),
                    [](Options& o) {
                        o.layout = Layout::legacy;
                        o.method = Method::none;
                    },
                    "--layout=legacy: this container's view is unified; use --layout=host, or boot the host with v1 "
                    "hierarchies (without cgroup_no_v1=)"},
        RefusalCase{"no view", snapshot_of(base_mounts(), "0::/\n"), kNothing,
                    "no cgroup file system is visible at /sys/fs/cgroup, so the host's layout is out of sight; leave "
                    "the engine's cgroup mount in place (no -v over /sys or /sys/fs/cgroup)"}));

INSTANTIATE_TEST_SUITE_P(
    Methods, Refusal,
    ::testing::Values(
        RefusalCase{"none gives the limits away", docker_v2(), kNone,
                    "--method=none leaves the engine's limits within reach of the init; use --method=auto, or accept "
                    "that with --inner=never"},
        RefusalCase{"remount gives the limits away", docker_v2(), kRemount,
                    "--method=remount leaves the engine's limits within reach of the init; use --method=auto, or "
                    "accept that with --inner=never"},
        RefusalCase{"none leaves it read-only", docker_v2(),
                    [](Options& o) {
                        o.method = Method::none;
                        o.inner = Inner::never;
                    },
                    "--method=none: /sys/fs/cgroup is read-only; use --method=auto"},
        RefusalCase{"remount of the host's tree", docker_hybrid_volume(),
                    [](Options& o) {
                        o.method = Method::remount;
                        o.inner = Inner::never;
                    },
                    "--method=remount: /sys/fs/cgroup/misc is the host's root of the hierarchy; use --method=auto"},
        RefusalCase{"another layout needs new mounts", docker_hybrid_volume(),
                    [](Options& o) {
                        o.layout = Layout::unified;
                        o.method = Method::none;
                    },
                    "--layout=unified needs new mounts, --method=none makes none; use --method=auto"},
        RefusalCase{"no namespaces", without_cgroup_namespaces(docker_v1()),
                    [](Options& o) { o.method = Method::name_space; },
                    "--method=namespace: this kernel has no cgroup namespaces (Linux 4.6); use --method=bind"}));

INSTANTIATE_TEST_SUITE_P(
    Elsewhere, Refusal,
    ::testing::Values(
        RefusalCase{"writable", elsewhere(docker_v1(), "rw"), kNothing,
                    "a writable cgroup mount at /host/memory reaches above the own cgroup; leave that volume out, or "
                    "say --keep-mount /host/memory if the init may have it"},
        RefusalCase{"another one is kept", elsewhere(docker_v1(), "rw"),
                    [](Options& o) { o.keep_mounts = {"/host/cpu"}; },
                    "a writable cgroup mount at /host/memory reaches above the own cgroup; leave that volume out, or "
                    "say --keep-mount /host/memory if the init may have it"},
        RefusalCase{"hidden", with_mount(elsewhere(docker_v1(), "ro"), "31 10 0:50 / /host rw - tmpfs tmpfs rw\n"),
                    kNothing,
                    "the cgroup mount at /host/memory cannot be taken out of reach; leave that volume out, or say "
                    "--keep-mount /host/memory if the init may have it"},
        RefusalCase{"below /run, which is carried over", elsewhere(docker_v1(), "ro", "/run/memory"), kNothing,
                    "the cgroup mount at /run/memory cannot be taken out of reach; leave that volume out, or say "
                    "--keep-mount /run/memory if the init may have it"},
        RefusalCase{"nothing may be changed", elsewhere(docker_v2(), "ro"),
                    [](Options& o) {
                        o.method = Method::remount;
                        o.inner = Inner::never;
                    },
                    "a cgroup mount at /host/memory reaches above the own cgroup; use --method=auto, or say "
                    "--keep-mount /host/memory if the init may have it"}));

INSTANTIATE_TEST_SUITE_P(
    RealRoots, Refusal,
    ::testing::Values(
        RefusalCase{"v2 with --cgroups=disabled at the host's root",
                    snapshot_of(base_mounts() + cgroup_line(20, 12, "/", "/sys/fs/cgroup", "ro", "unified"), "0::/\n"),
                    kNothing,
                    "the init needs the unified hierarchy, but the own cgroup is the host's root of it; give the "
                    "container a cgroup of its own (no --cgroups=disabled, no host cgroup as its parent)"},
        RefusalCase{"v1 at the root in name=systemd",
                    snapshot_of(base_mounts() + "20 12 0:46 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
                                    cgroup_line(21, 20, "/", "/sys/fs/cgroup/systemd", "rw", "name=systemd") +
                                    cgroup_line(22, 20, "/a", "/sys/fs/cgroup/memory", "rw", "memory"),
                                "2:memory:/a\n1:name=systemd:/\n"),
                    kNothing,
                    "the init needs the name=systemd hierarchy, but the own cgroup is the host's root of it; give the "
                    "container a cgroup of its own (no --cgroups=disabled, no host cgroup as its parent)"},
        RefusalCase{"busybox at the root everywhere",
                    with_init(snapshot_of(base_mounts() + "20 12 0:46 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
                                              cgroup_line(21, 20, "/", "/sys/fs/cgroup/memory", "rw", "memory"),
                                          "2:memory:/\n"),
                              InitKind::busybox),
                    kNothing,
                    "no cgroup hierarchy can be made writable: the own cgroup is the host's root of it; give "
                    "the container a cgroup of its own (no --cgroups=disabled, no host cgroup as its parent)"}));

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

/// With a tmpfs on /run, or the directory of the image.
Snapshot delegated(Snapshot snapshot, PlaceType run = PlaceType::other) {
    snapshot.directories["/sys/fs/cgroup"].delegated = Tri::yes;
    return run == PlaceType::directory ? snapshot : with_mount(snapshot, "40 10 0:60 / /run rw - tmpfs tmpfs rw\n");
}

TEST(Decide, ADelegatedViewIsProved) {
    const World world = classify(delegated(without_sys_admin(writable(docker_v2()))));
    const Decision decision = decided(world);
    std::string steps;
    for (const Step& step : make_plan(world, decision).steps) {
        steps += describe(step.op) + "\n";
    }
    EXPECT_EQ(steps,
              "assert that this process is in /sys/fs/cgroup\nmake and remove a child cgroup of /sys/fs/cgroup\n");
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
        {"delegated", delegated(without_sys_admin(writable(docker_v2()))), kNothing, Method::none,
         "the engine delegated the container's cgroup, whose limits belong to another user"},
        {"delegated and capable", delegated(writable(docker_v2())), kNothing, Method::name_space,
         "the kernel has cgroup namespaces"},
        {"delegated and read-only", delegated(without_sys_admin(docker_v2())), kNothing, Method::userns,
         "this container has no CAP_SYS_ADMIN, and in a user namespace it has"},
        {"delegated, and systemd would have no /run",
         delegated(without_sys_admin(writable(docker_v2())), PlaceType::directory), kNothing, Method::userns,
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
