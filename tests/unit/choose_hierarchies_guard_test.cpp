#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "decide/obstacles.hpp"
#include "unit/choices.hpp"

namespace cginit {
namespace {

TEST(ChooseHierarchies, BindNeedsAMountThatShowsTheOwnCgroup) {
    Snapshot snapshot = docker_v1();
    for (MountEntry& mount : snapshot.mounts) {
        if (mount.point == "/sys/fs/cgroup/memory") {
            mount.root = "/docker/other";
        }
    }
    EXPECT_EQ(chosen(snapshot, planned(View::legacy, Method::bind)).at("memory").reason,
              "the engine's mount does not show the own cgroup");
    EXPECT_EQ(chosen(snapshot, planned(View::legacy, Method::name_space)).at("memory").access, Access::writable);
}

TEST(ChooseHierarchies, UnknownRealRootIsAssertedBeforeItIsWritable) {
    Snapshot snapshot = docker_v1_private();
    const auto known = chosen(snapshot, planned(View::legacy, Method::name_space));
    snapshot.directories.clear();
    const auto unknown = chosen(snapshot, planned(View::legacy, Method::name_space));
    for (const auto& [name, choice] : unknown) {
        EXPECT_TRUE(choice.assert_not_real_root) << name;
        EXPECT_FALSE(known.at(name).assert_not_real_root) << name;
    }
    EXPECT_EQ(known.at("misc").access, Access::left_out);
}

TEST(ChooseHierarchies, Memory) {
    struct Case {
        Tri hierarchical;
        Access access;
        bool inner;
        const char* reason;
    };
    for (const Case& c :
         {Case{Tri::yes, Access::writable, true, "guarded by an inner cgroup"},
          {Tri::no, Access::read_only, false, "limits of it do not hold for children"},
          {Tri::unknown, Access::writable, true, "guarded if memory is hierarchical, else read-only"}}) {
        Snapshot snapshot = docker_v1();
        snapshot.kernel_release = "4.19.0";
        snapshot.directories["/sys/fs/cgroup/memory"].memory_hierarchical = c.hierarchical;
        const HierarchyDecision choice = chosen(snapshot, planned(View::legacy, Method::name_space)).at("memory");
        EXPECT_EQ(choice.access, c.access) << c.reason;
        EXPECT_EQ(choice.inner, c.inner) << c.reason;
        EXPECT_EQ(choice.reason, c.reason);
    }
}

TEST(ChooseHierarchies, FlatMemoryIsToldWhereItIsMissed) {
    struct Case {
        Tri hierarchical;
        Writable writable;
        std::size_t warnings;
    };
    for (const Case& c :
         {Case{Tri::no, Writable::all, 1}, {Tri::yes, Writable::all, 0}, {Tri::no, Writable::tracking, 0}}) {
        Snapshot snapshot = docker_v1();
        snapshot.kernel_release = "4.19.0";
        snapshot.directories["/sys/fs/cgroup/memory"].memory_hierarchical = c.hierarchical;
        Decision decision = planned(View::legacy, Method::name_space);
        Options options;
        options.writable = c.writable;
        ASSERT_TRUE(choose_hierarchies(classify(snapshot), options, decision));
        EXPECT_EQ(decision.warnings.size(), c.warnings);
    }
}

TEST(ChooseHierarchies, ALimitOfTcpMemoryKeepsTheInitInTheEnginesCgroup) {
    Snapshot snapshot = docker_v1();
    snapshot.directories["/sys/fs/cgroup/memory"].tcp_memory_limited = Tri::yes;
    Decision decision = planned(View::legacy, Method::name_space);
    ASSERT_TRUE(choose_hierarchies(classify(snapshot), {}, decision));
    ASSERT_EQ(decision.warnings.size(), 1U);
    EXPECT_NE(decision.warnings.front().find("memory.kmem.tcp.limit_in_bytes"), std::string::npos);
    const HierarchyDecision choice = chosen(snapshot, planned(View::legacy, Method::name_space)).at("memory");
    EXPECT_EQ(choice.access, Access::read_only);
    EXPECT_FALSE(choice.inner);
}

TEST(ChooseHierarchies, BindCannotGiveUpAnInnerCgroupHalfway) {
    Snapshot snapshot = docker_v1();
    snapshot.kernel_release = "3.10.0";
    const HierarchyDecision choice = chosen(snapshot, planned(View::legacy, Method::bind)).at("memory");
    EXPECT_EQ(choice.access, Access::read_only);
    EXPECT_FALSE(choice.inner);
    EXPECT_EQ(choice.reason, "it is unknown whether memory is hierarchical");
}

TEST(ChooseHierarchies, KeptViews) {
    Snapshot snapshot = docker_v2();
    EXPECT_EQ(chosen(snapshot, planned(View::unified, Method::none)).at("unified").access, Access::read_only);
    EXPECT_EQ(chosen(snapshot, planned(View::unified, Method::remount)).at("unified").access, Access::writable);
    snapshot.mounts.back().flags.read_only = false;
    EXPECT_EQ(chosen(snapshot, planned(View::unified, Method::none)).at("unified").access, Access::writable);
}

struct RequiredCase {
    const char* what;
    InitKind init;
    std::string cgroup;
    const char* error;  ///< nullptr = accepted
};

TEST(ChooseHierarchies, SystemdNeedsItsOwnHierarchy) {
    const std::string mounts = base_mounts() + "20 12 0:46 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
                               cgroup_line(21, 20, "/a", "/sys/fs/cgroup/memory", "rw", "memory") +
                               cgroup_line(22, 20, "/a", "/sys/fs/cgroup/systemd", "rw", "name=systemd");
    for (const RequiredCase& c : {
             RequiredCase{"both", InitKind::systemd, "2:memory:/a\n1:name=systemd:/a\n", nullptr},
             {"at the root", InitKind::systemd, "2:memory:/a\n1:name=systemd:/\n",
              "the init needs the name=systemd hierarchy, but the own cgroup is the host's root of it"},
             {"the host has none", InitKind::systemd, "2:memory:/a\n",
              "the init needs the name=systemd hierarchy, but the host has none"},
             {"busybox does not need it", InitKind::busybox, "2:memory:/a\n", nullptr},
             {"an unknown init may be anything", InitKind::unknown, "2:memory:/a\n1:name=systemd:/\n", nullptr},
         }) {
        Snapshot snapshot = snapshot_of(mounts, c.cgroup);
        snapshot.init = {c.init, std::nullopt, ""};
        Decision decision = planned(View::legacy, Method::name_space);
        const Status status = choose_hierarchies(classify(snapshot), {}, decision);
        EXPECT_EQ(status.has_value(), c.error == nullptr) << c.what;
        if (!status) {
            EXPECT_EQ(status.error().frames.front(), c.error == nullptr ? "" : c.error) << c.what;
            EXPECT_FALSE(status.error().cures.empty()) << c.what;
        }
    }
}

/// What a mapped root may not write is another user's, and that is told before anything is tried.
TEST(ChooseHierarchies, ACgroupThatIsAnotherUsersIsNotTheContainers) {
    Snapshot snapshot = docker_v2();
    snapshot.uid_map = "         0     100000      65536\n";
    const auto status_of = [](const Snapshot& facts) {
        Decision decision = planned(View::unified, Method::name_space);
        return choose_hierarchies(classify(facts), {}, decision);
    };
    EXPECT_TRUE(status_of(snapshot)) << "unknown";
    CgroupDirectory& directory = snapshot.directories["/sys/fs/cgroup"];
    directory.owned = Tri::yes;
    directory.delegated = Tri::no;
    EXPECT_TRUE(status_of(snapshot)) << "its limits are the container's, too: a plain user's engine";
    for (const Tri owned : {Tri::no, Tri::unknown}) {
        directory.owned = owned;
        const Status status = status_of(snapshot);
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, ErrorCode::not_delegated);
        EXPECT_EQ(status.error().frames.front(),
                  "the init needs the unified hierarchy, but the own cgroup belongs to a user that this user namespace "
                  "does not map");
        EXPECT_EQ(status.error().cures, delegation_cures(classify(snapshot)));
    }
    snapshot.status.uid = 1000;
    EXPECT_TRUE(status_of(snapshot)) << "who is not root is told that first";
    snapshot.status.uid = 0;
    snapshot.uid_map = "         0          0 4294967295\n";
    directory.owned = Tri::unknown;
    EXPECT_TRUE(status_of(snapshot)) << "the host's root, kept from it by something else";
}

TEST(ChooseHierarchies, WhatTheEngineHidesHasTheCureOfItsCause) {
    Snapshot snapshot = snapshot_of(base_mounts() + "20 12 0:46 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
                                        cgroup_line(21, 20, "/a", "/sys/fs/cgroup/memory", "rw", "memory"),
                                    "2:memory:/a\n1:name=systemd:/a\n");
    const auto cures_of = [&](View layout, Method method) {
        Decision decision = planned(layout, method);
        const Status status = choose_hierarchies(classify(snapshot), {}, decision);
        return status ? Cures{} : status.error().cures;
    };
    EXPECT_EQ(cures_of(View::legacy, Method::name_space), Cures{CureId::mount_tracking});
    EXPECT_EQ(cures_of(View::legacy, Method::bind), Cures{CureId::method_namespace});
    snapshot.namespaces.erase("cgroup");
    snapshot.kernel_release = "3.10.0-862.11.6.vz7.64.7";
    EXPECT_EQ(cures_of(View::legacy, Method::bind), Cures{CureId::mount_tracking}) << "no namespace to be had";
}

}  // namespace
}  // namespace cginit
