#include <gtest/gtest.h>

#include "cginit/world.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

struct KernelCase {
    const char* what;
    std::optional<std::string> release;
    bool any_link;
    bool cgroup_link;
    Tri cgroup_namespaces;
    Tri namespaced;
};

TEST(Classify, CgroupNamespaces) {
    for (const KernelCase& c : {
             KernelCase{"now", "6.1.0", true, true, Tri::yes, Tri::yes},
             {"CentOS 7", "3.10.0-1160.el7.x86_64", true, false, Tri::no, Tri::no},
             {"no release", std::nullopt, true, false, Tri::no, Tri::no},
             {"4.5", "4.5.7", true, false, Tri::no, Tri::no},
             {"4.6 without the link", "4.6.0", true, false, Tri::no, Tri::no},
             {"a capture without links", std::nullopt, false, false, Tri::unknown, Tri::unknown},
             {"without links, but the release", "5.10", false, false, Tri::yes, Tri::unknown},
             {"without links, odd release", "six", false, false, Tri::unknown, Tri::unknown},
             {"without links, old", "3.10.0", false, false, Tri::unknown, Tri::unknown},
         }) {
        Snapshot snapshot = docker_v1();
        snapshot.kernel_release = c.release;
        snapshot.namespaces.clear();
        if (c.any_link) {
            snapshot.namespaces["mnt"] = 4026532500;
        }
        if (c.cgroup_link) {
            snapshot.namespaces["cgroup"] = kPrivateCgroupNamespaceId;
        }
        const World world = classify(snapshot);
        EXPECT_EQ(world.cgroup_namespaces, c.cgroup_namespaces) << c.what;
        EXPECT_EQ(world.namespaced, c.namespaced) << c.what;
    }
}

TEST(Classify, WhoseTheCgroupNamespaceIs) {
    struct Row {
        const char* what;
        std::uint64_t user_namespace;
        std::uint64_t cgroup_namespace;
        Tri seen;
        Tri owns;
    };
    constexpr std::uint64_t kInitialUser = 4026531837;
    constexpr std::uint64_t kOther = 4026532700;
    for (const Row& row :
         {Row{"what was seen", kOther, kPrivateCgroupNamespaceId, Tri::no, Tri::no},
          {"the host's, in a user namespace", kOther, kInitialCgroupNamespaceId, Tri::unknown, Tri::no},
          {"an engine's", kOther, kPrivateCgroupNamespaceId, Tri::unknown, Tri::unknown},
          {"no user namespace", kInitialUser, kInitialCgroupNamespaceId, Tri::unknown, Tri::unknown}}) {
        Snapshot snapshot = docker_v1();
        snapshot.namespaces["user"] = row.user_namespace;
        snapshot.namespaces["cgroup"] = row.cgroup_namespace;
        snapshot.owns_cgroup_namespace = row.seen;
        EXPECT_EQ(classify(snapshot).owns_cgroup_namespace, row.owns) << row.what;
    }
}

TEST(Classify, HierarchicalMemory) {
    struct Case {
        std::optional<std::string> release;
        Tri seen;
        Tri expected;
    };
    for (const Case& c : {Case{"5.11.0", Tri::no, Tri::yes},
                          {"6.1.0-18-amd64", Tri::unknown, Tri::yes},
                          {"5.10.200", Tri::yes, Tri::yes},
                          {"5.10.200", Tri::no, Tri::no},
                          {"5.4", Tri::unknown, Tri::unknown},
                          {"10.0", Tri::unknown, Tri::yes},
                          {std::nullopt, Tri::no, Tri::no},
                          {std::nullopt, Tri::unknown, Tri::unknown}}) {
        Snapshot snapshot = docker_v1();
        snapshot.kernel_release = c.release;
        snapshot.directories["/sys/fs/cgroup/memory"].memory_hierarchical = c.seen;
        EXPECT_EQ(hierarchy_of(classify(snapshot), "memory").memory_hierarchical, c.expected)
            << c.release.value_or("none") << " " << to_string(c.seen);
    }
}

TEST(Classify, ALimitOfTcpMemory) {
    for (const char* release : {"4.19.0", "6.1.0"}) {
        for (const Tri seen : {Tri::yes, Tri::no, Tri::unknown}) {
            Snapshot snapshot = docker_v1();
            snapshot.kernel_release = release;
            snapshot.directories["/sys/fs/cgroup/memory"].tcp_memory_limited = seen;
            EXPECT_EQ(hierarchy_of(classify(snapshot), "memory").tcp_memory_limited, seen) << release;
        }
    }
}

TEST(Classify, OthersInTheCgroupOfAPlainUserAreTheUsers) {
    Snapshot snapshot = docker_v2();
    snapshot.directories["/sys/fs/cgroup"].outsiders = Tri::yes;
    EXPECT_EQ(hierarchy_of(classify(snapshot), "unified").outsiders, Tri::yes);
    snapshot.uid_map = "         0       1001          1\n         1     100000      65536";
    EXPECT_EQ(hierarchy_of(classify(snapshot), "unified").outsiders, Tri::no);
}

TEST(Classify, WhoRunsTheEngine) {
    struct Row {
        const char* map;
        bool rootless;
        bool initial;
    };
    for (const Row& row : {Row{"         0          0 4294967295", false, true},
                           {"", false, true},
                           {"         0       1001          1\n         1     100000      65536", true, false},
                           {"         0     100000      65536", false, false},
                           {"         0          0          1", false, false}}) {
        Snapshot snapshot = docker_v1();
        snapshot.uid_map = row.map;
        EXPECT_EQ(classify(snapshot).rootless, row.rootless) << row.map;
        EXPECT_EQ(classify(snapshot).initial_user_namespace, row.initial) << row.map;
    }
}

TEST(Classify, Process) {
    Snapshot snapshot = docker_v1();
    snapshot.status = {~(std::uint64_t{1} << 21U), std::uint64_t{1} << 21U, 0, Tri::yes, Tri::yes};
    snapshot.pid = 7;
    snapshot.security_label = "docker-default (enforce)";
    World world = classify(snapshot);
    EXPECT_FALSE(world.has_sys_admin);
    EXPECT_TRUE(world.bounds_sys_admin);
    EXPECT_FALSE(world.is_pid1);
    EXPECT_EQ(world.seccomp_filter, Tri::yes);
    EXPECT_EQ(world.security_label, "docker-default (enforce)");
    snapshot.pid = 1;
    EXPECT_TRUE(classify(snapshot).is_pid1);
}

TEST(Classify, UserNamespace) {
    struct Case {
        const char* map;
        bool initial;
    };
    for (const Case& c : {Case{"0          0 4294967295", true},
                          {"", true},
                          {"0 100000 65536", false},
                          {"0 0 4294967294", false},
                          {"0 0 1\n1 1 4294967294", false},
                          {"0 1000 1\n         1     100000      65536", false}}) {
        Snapshot snapshot = docker_v1();
        snapshot.uid_map = c.map;
        EXPECT_EQ(classify(snapshot).initial_user_namespace, c.initial) << c.map;
        snapshot.namespaces["user"] = 4026531837;
        EXPECT_EQ(classify(snapshot).initial_user_namespace, c.initial) << "with the first one's number: " << c.map;
        snapshot.namespaces["user"] = 4026532231;
        EXPECT_FALSE(classify(snapshot).initial_user_namespace) << "another, whatever it maps: " << c.map;
    }
}

}  // namespace
}  // namespace cginit
