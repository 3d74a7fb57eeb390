#include <gtest/gtest.h>

#include <functional>

#include "core/text.hpp"
#include "unit/plan_scenes.hpp"

namespace cginit {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kAfterMounts =
    "140 121 0:42 / / rw - overlay overlay rw\n"
    "141 140 0:45 / /proc rw - proc proc rw\n"
    "144 140 0:48 / /sys ro - sysfs sysfs ro\n"
    "200 144 0:60 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - tmpfs cginit:[4026532499] rw,mode=755\n"
    "201 200 0:61 / /sys/fs/cgroup/blkio ro,nosuid,nodev,noexec,relatime - cgroup cginit:[4026532499] rw,blkio\n"
    "202 200 0:62 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime - cgroup cginit:[4026532499] rw,memory\n"
    "203 200 0:63 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime - cgroup cginit:[4026532499] "
    "rw,name=systemd\n"
    "210 141 0:70 / /proc/driver rw - tmpfs cginit:[4026532499] rw\n"
    "211 210 0:49 / /proc/driver/old-0 rw - tmpfs tmpfs rw\n"
    "212 211 0:62 /.. /proc/driver/old-0/memory ro - cgroup cgroup rw,memory\n";

struct After {
    std::string mounts = kAfterMounts;
    std::string cgroups = "5:blkio:/\n4:memory:/\n3:cpuset:/\n1:name=systemd:/\n";
    Parts given_up = {};
};

void replace(std::string& text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    if (at == std::string::npos) {
        throw std::runtime_error("no " + from);
    }
    text.replace(at, from.size(), to);
}

Decision decided() {
    Decision decision;
    decision.layout = View::legacy;
    decision.mounting = Mounting::fresh;
    decision.hierarchies = {{"blkio", Access::read_only, false, false, "/docker/c", "/docker/c", ""},
                            {"memory", Access::writable, true, false, "/docker/c", "/docker/c/cginit", ""},
                            {"cpuset", Access::left_out, false, false, "/docker/c", "/docker/c", ""},
                            {"name=systemd", Access::writable, false, false, "/docker/c", "/docker/c", ""}};
    return decision;
}

Lines problems_of(const After& after, const Decision& decision) {
    Scene scene;
    scene.name = "after";
    scene.mountinfo = after.mounts;
    scene.cgroups = after.cgroups;
    scene.cgroup_namespace = kOwnCgroupNamespace;
    return check_view(world_of(scene), decision, after.given_up);
}

TEST(CheckView, AcceptsWhatWasDecided) { EXPECT_EQ(problems_of({}, decided()), Lines{}); }

TEST(CheckView, RefusesEachWrongEndState) {
    struct Case {
        const char* name;
        std::function<void(After&)> spoil;
        Lines problems;
    };
    const std::string memory = "202 200 0:62 / /sys/fs/cgroup/memory rw";
    const std::vector<Case> cases{
        {"foreign root",
         [](After& a) { replace(a.mounts, "0:62 / /sys", "0:62 /.. /sys"); },
         {"/sys/fs/cgroup/memory shows more than the init's own cgroup (root /..)"}},
        {"whole tree, own cgroup below",
         [](After& a) { replace(a.cgroups, "memory:/", "memory:/docker/c"); },
         {"/sys/fs/cgroup/memory shows more than the init's own cgroup (root /)"}},
        {"still read-only",
         [&](After& a) { replace(a.mounts, memory, "202 200 0:62 / /sys/fs/cgroup/memory ro"); },
         {"/sys/fs/cgroup/memory should be writable and is not"}},
        {"writable where limits do not hold",
         [](After& a) { replace(a.mounts, "cgroup/blkio ro", "cgroup/blkio rw"); },
         {"/sys/fs/cgroup/blkio should be read-only and is not"}},
        {"not mounted",
         [](After& a) {
             replace(a.mounts, "203 200 0:63 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime - cgroup",
                     "203 200 0:63 / /sys/fs/cgroup/systemd rw - tmpfs");
         },
         {"name=systemd is not mounted"}},
        {"covered",
         [](After& a) { a.mounts += "220 202 0:80 / /sys/fs/cgroup/memory rw - tmpfs tmpfs rw\n"; },
         {"memory is not mounted"}},
        {"left out, yet there",
         [](After& a) {
             a.mounts += "220 200 0:80 / /sys/fs/cgroup/cpuset ro - cgroup cginit:[4026532499] rw,cpuset\n";
         },
         {"/sys/fs/cgroup/cpuset should have been left out"}},
        {"given up, yet there",
         [](After& a) {
             a.given_up = {{PartKind::hierarchy, "blkio"}, {PartKind::inner_level, "blkio"}};
         },
         {"/sys/fs/cgroup/blkio should have been left out"}},
        {"inner level given up, yet writable",
         [](After& a) {
             a.given_up = {{PartKind::inner_level, "memory"}};
         },
         {"/sys/fs/cgroup/memory should be read-only and is not"}},
        {"mount elsewhere",
         [](After& a) { a.mounts += "220 140 0:62 / /host/memory ro - cgroup cgroup rw,memory\n"; },
         {"the cgroup mount at /host/memory is still there"}},
        {"engine's view still below the new one",
         [](After& a) {
             replace(a.mounts, "211 210 0:49 / /proc/driver/old-0", "211 144 0:49 / /sys/fs/cgroup");
             replace(a.mounts, "200 144 0:60", "200 211 0:60");
             replace(a.mounts, "/proc/driver/old-0/memory", "/sys/fs/cgroup/memory");
         },
         {"/sys/fs/cgroup/memory shows more than the init's own cgroup (root /..)"}},
        {"a hierarchy that /proc/self/cgroup does not know",
         [](After& a) { a.mounts += "220 200 0:80 / /sys/fs/cgroup/x rw - cgroup cgroup rw,name=x\n"; },
         {"/sys/fs/cgroup/x shows more than the init's own cgroup (root /)"}},
    };
    for (const Case& c : cases) {
        After after;
        c.spoil(after);
        EXPECT_EQ(problems_of(after, decided()), c.problems) << c.name;
    }
}

/// Whatever the steps before found: a writable mount of the host's root is never handed over.
TEST(CheckView, RefusesTheHostsRoot) {
    Scene scene;
    scene.name = "after";
    scene.mountinfo = kAfterMounts;
    scene.cgroups = After{}.cgroups;
    scene.cgroup_namespace = kOwnCgroupNamespace;
    for (const auto& [name, problems] : std::vector<std::pair<std::string, Lines>>{
             {"memory", {"/sys/fs/cgroup/memory is the host's root of the hierarchy, and writable"}}, {"blkio", {}}}) {
        World world = world_of(scene);
        for (Hierarchy& hierarchy : world.hierarchies) {
            hierarchy.real_root = hierarchy_name(hierarchy) == name ? Tri::yes : Tri::no;
        }
        EXPECT_EQ(check_view(world, decided(), {}), problems) << name;
    }
}

TEST(CheckView, WhatWasToBeKeptIsNoProblem) {
    After after;
    after.mounts += "220 140 0:62 / /host/memory ro - cgroup cgroup rw,memory\n";
    Decision decision = decided();
    decision.kept_elsewhere = {"/host/memory"};
    EXPECT_EQ(problems_of(after, decision), Lines{});
}

/// What a process holds by its working directory, its root and its descriptors.
TEST(CheckView, WhatIsCarriedAlong) {
    struct Case {
        const char* what;
        std::string more;
        int working_directory;
        int root;
        std::vector<InheritedDescriptor> descriptors;
        Lines problems;
    };
    const Case cases[] = {
        {"nothing", "", 140, 140, {}, {}},
        {"in the view", "", 202, 140, {}, {}},
        {"unknown", "", 0, 0, {}, {}},
        {"gone", "", 999, 140, {}, {"the working directory lies on a mount that is gone"}},
        {"what will be detached",
         "",
         212,
         211,
         {},
         {"the working directory lies on a mount that is gone", "the root directory lies on a mount that is gone"}},
        {"below what is mounted now",
         "220 202 0:62 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
         202,
         140,
         {},
         {"the working directory lies on what is covered at /sys/fs/cgroup/memory"}},
        {"a covered mount that is none of cgroups",
         "220 140 0:90 / /m rw - tmpfs a rw\n221 220 0:91 / /m rw - tmpfs b rw\n",
         220,
         140,
         {},
         {}},
        {"descriptors",
         "",
         140,
         140,
         {{3, DescriptorKind::directory}, {7, DescriptorKind::cgroup}},
         {"descriptor 3 leads out of the view", "descriptor 7 leads out of the view"}},
    };
    for (const Case& c : cases) {
        Scene scene;
        scene.name = "after";
        scene.mountinfo = kAfterMounts + c.more;
        scene.cgroups = After{}.cgroups;
        World after = world_of(scene);
        after.working_directory.mount = c.working_directory;
        after.root_mount = c.root;
        after.descriptors = c.descriptors;
        EXPECT_EQ(check_holdings(after, decided()), c.problems) << c.what;
    }
}

TEST(CheckView, GivenUpPartsAreJudgedByWhatTheyFellBackTo) {
    After after;
    replace(after.mounts, "cgroup/memory rw", "cgroup/memory ro");
    after.given_up = {{PartKind::inner_level, "memory"}};
    EXPECT_EQ(problems_of(after, decided()), Lines{});
}

}  // namespace
}  // namespace cginit
