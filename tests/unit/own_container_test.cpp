#include "decide/obstacles.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "cginit/decision.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

using Change = std::function<void(Snapshot&)>;

constexpr std::uint64_t kHostsProcesses = 4026531836;

std::string obstacle_of(const Snapshot& snapshot) { return container_obstacle(classify(snapshot)).text; }

/// A shell, a service or a program of a container that runs already.
void second_process(Snapshot& snapshot) {
    snapshot.pid = 17;
    snapshot.pid1_mounts = Tri::yes;
    snapshot.neighbours = Neighbours::none;
}

void in_cgroup(Snapshot& snapshot, const std::string& path) {
    snapshot.cgroups = {{0, {}, path}};
    snapshot.namespaces["cgroup"] = kInitialCgroupNamespaceId;
}

struct Case {
    const char* name;
    Change change;
    const char* obstacle;  ///< a part of it; empty if there is none
};

const std::vector<Case>& cases() {
    static const std::vector<Case> all{
        {"PID 1", [](Snapshot&) {}, ""},
        {"PID 1, and a kernel that does not tell", [](Snapshot& s) { s.namespaces.clear(); }, ""},
        {"behind docker run --init", [](Snapshot& s) { second_process(s); }, ""},
        {"beside an init that runs",
         [](Snapshot& s) {
             second_process(s);
             s.neighbours = Neighbours::some;
             s.neighbour = "1 (sleep)";
         },
         "process 1 (sleep) was in this container first"},
        {"/proc hides processes",
         [](Snapshot& s) {
             second_process(s);
             s.neighbours = Neighbours::hidden;
         },
         "processes are hidden here"},
        {"a pod that shares its PID namespace",
         [](Snapshot& s) {
             second_process(s);
             s.pid1_mounts = Tri::no;
         },
         ""},
        {"the host",
         [](Snapshot& s) {
             second_process(s);
             s.namespaces["pid"] = kHostsProcesses;
             in_cgroup(s, "/user.slice/user-0.slice/session-3.scope");
         },
         "this is no container: processes and mounts are the host's"},
        {"the host, in no unit",
         [](Snapshot& s) {
             second_process(s);
             s.namespaces["pid"] = kHostsProcesses;
         },
         "this is no container"},
        {"the host's own init", [](Snapshot& s) { s.namespaces["pid"] = kHostsProcesses; }, "this is no container"},
        {"docker run --pid=host",
         [](Snapshot& s) {
             second_process(s);
             s.pid1_mounts = Tri::no;
             s.namespaces["pid"] = kHostsProcesses;
         },
         ""},
        {"a mount namespace in a login session",
         [](Snapshot& s) {
             second_process(s);
             s.pid1_mounts = Tri::no;
             s.namespaces["pid"] = kHostsProcesses;
             in_cgroup(s, "/user.slice/user-0.slice/session-c3.scope");
         },
         "the cgroup /user.slice/user-0.slice/session-c3.scope is a login session's or a service's"},
        {"a mount namespace in a service",
         [](Snapshot& s) {
             second_process(s);
             s.pid1_mounts = Tri::unknown;
             s.namespaces["pid"] = kHostsProcesses;
             in_cgroup(s, "/system.slice/cron.service");
         },
         "a login session's or a service's"},
        {"a session of elogind's",
         [](Snapshot& s) {
             second_process(s);
             s.namespaces["pid"] = kHostsProcesses;
             s.pid1_mounts = Tri::no;
             s.cgroups = {{2, {"name=elogind"}, "/3"}, {0, {}, "/"}};
         },
         "the cgroup /3 is a login session's"},
        {"a service of OpenRC's",
         [](Snapshot& s) {
             second_process(s);
             s.namespaces["pid"] = kHostsProcesses;
             s.pid1_mounts = Tri::no;
             in_cgroup(s, "/openrc.sshd");
         },
         "the cgroup /openrc.sshd is"},
        {"a mount namespace in a scope of its own",
         [](Snapshot& s) {
             second_process(s);
             s.pid1_mounts = Tri::no;
             s.namespaces["pid"] = kHostsProcesses;
             in_cgroup(s, "/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1f.scope");
         },
         ""},
        {"somebody who logged in to a system container",
         [](Snapshot& s) {
             second_process(s);
             in_cgroup(s, "/user.slice/user-0.slice/session-3.scope");
         },
         "a login session's or a service's"},
        {"podman run --cgroups=split",
         [](Snapshot& s) { in_cgroup(s, std::string("/system.slice/box.service/libpod-payload-") + kId); }, ""},
        {"podman run --cgroups=split --init",
         [](Snapshot& s) {
             second_process(s);
             in_cgroup(s, std::string("/system.slice/box.service/libpod-payload-") + kId);
         },
         ""},
        {"an old runc that leaves v2 alone",
         [](Snapshot& s) {
             s = docker_v1();
             s.cgroups.push_back({0, {}, "/system.slice/containerd.service"});
         },
         ""},
        {"the same with --init",
         [](Snapshot& s) {
             s = docker_v1();
             s.cgroups.push_back({0, {}, "/system.slice/containerd.service"});
             second_process(s);
         },
         ""},
    };
    return all;
}

TEST(OwnContainer, ByWhoseProcessesMountsAndCgroupsItIs) {
    for (const Case& c : cases()) {
        Snapshot snapshot = docker_v2();
        c.change(snapshot);
        const std::string obstacle = obstacle_of(snapshot);
        EXPECT_TRUE(*c.obstacle == 0 ? obstacle.empty() : obstacle.find(c.obstacle) != std::string::npos)
            << c.name << ": " << obstacle;
    }
}

TEST(OwnContainer, NothingElseIsToldWhereThereIsNone) {
    for (const Case& c : cases()) {
        Snapshot snapshot = docker_v2();
        snapshot.status.effective_capabilities = 0;
        c.change(snapshot);
        if (*c.obstacle == 0) {
            continue;
        }
        for (const InitKind kind : {InitKind::systemd, InitKind::busybox, InitKind::dockerd}) {
            snapshot.init.kind = kind;
            const Result<Decision> decision = decide(classify(snapshot), {});
            ASSERT_FALSE(decision) << c.name;
            EXPECT_EQ(decision.error().code, ErrorCode::not_container) << c.name;
        }
        Options options;
        options.on_failure = OnFailure::proceed;
        EXPECT_FALSE(choose_on_failure(classify(snapshot), options).taken) << c.name;
    }
}

TEST(OwnContainer, WhoComesLaterMayUseTheViewButChangeNothing) {
    Snapshot snapshot = docker_v2();
    snapshot.mounts.back().source = kOwnMark;
    snapshot.mounts.back().flags.read_only = false;
    snapshot.init.kind = InitKind::other;
    second_process(snapshot);
    snapshot.neighbours = Neighbours::some;
    snapshot.neighbour = "1 (systemd)";
    const Result<Decision> decision = decide(classify(snapshot), {});
    ASSERT_TRUE(decision) << decision.error().message();
    EXPECT_TRUE(changes_nothing(*decision));
    Options options;
    options.tmpfs = {"/run"};
    EXPECT_EQ(decide(classify(snapshot), options).error().code, ErrorCode::not_container);
    options = {};
    options.layout = Layout::unified;
    options.method = Method::name_space;
    EXPECT_EQ(decide(classify(snapshot), options).error().code, ErrorCode::not_container);
}

TEST(OwnContainer, ACgroupWithOthersInItIsNobodys) {
    Snapshot snapshot = docker_v2();
    snapshot.directories["/sys/fs/cgroup"].outsiders = Tri::yes;
    const Result<Decision> decision = decide(classify(snapshot), {});
    ASSERT_FALSE(decision);
    EXPECT_EQ(decision.error().message().substr(0, 91),
              "the init needs the unified hierarchy, but the container has no cgroup of its own in it (/);");
    snapshot.mounts.back().flags.read_only = false;
    Options options;
    options.on_failure = OnFailure::proceed;
    EXPECT_EQ(choose_on_failure(classify(snapshot), options).reason,
              "/sys/fs/cgroup is a cgroup in which others are, too, and is writable");
}

}  // namespace
}  // namespace cginit
