#include "report/plan_text.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "core/text.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

const TextStyle kAscii{false, false, 80};
const TextStyle kUnicode{true, false, 80};

struct Drawn {
    World world;
    Decision decision;
    Plan plan;

    [[nodiscard]] std::string in(const TextStyle& style) const { return mount_picture(world, decision, plan, style); }
};

Drawn plan_for(const Snapshot& snapshot, const Options& options = {}) {
    Drawn drawn;
    drawn.world = classify(snapshot);
    drawn.decision = decide(drawn.world, options).value();
    drawn.plan = make_plan(drawn.world, drawn.decision);
    return drawn;
}

/// The line of a name; fails the test if there is none.
std::string line_of(const std::string& picture, const std::string& name) {
    for (const std::string& line : split(picture, '\n')) {
        if (line.find(name) != std::string::npos) {
            return line;
        }
    }
    ADD_FAILURE() << "no " << name << " in\n" << picture;
    return {};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

MountEntry& mount_at(Snapshot& snapshot, const std::string& point) {
    for (MountEntry& mount : snapshot.mounts) {
        if (mount.point == point) {
            return mount;
        }
    }
    throw std::runtime_error("no mount at " + point);
}

TEST(MountPicture, V1) {
    EXPECT_EQ(plan_for(docker_v1()).in(kAscii),
              "view              before                          after\n"
              "  /run            -                             * rw tmpfs\n"
              "  `- lock         -                             * rw tmpfs\n"
              "  /sys/fs/cgroup  rw tmpfs                      * ro tmpfs\n"
              "  |- blkio        ro own     /docker/3aef6c8... * ro private /docker/3aef6c8d...\n"
              "  |- cpu,cpuacct  ro own     /docker/3aef6c8... * rw private /docker/3.../cginit\n"
              "  |- memory       ro own     /docker/3aef6c8... * rw private /docker/3.../cginit\n"
              "  |- misc         ro host    /                  * -\n"
              "  `- systemd      ro own     /docker/3aef6c8... * rw private /docker/3aef6c8d...\n"
              "  *: changed; host: more than the own cgroup; own: by its path on the host;\n"
              "  private: nothing above it in sight\n");
}

TEST(MountPicture, V2InUnicode) {
    EXPECT_EQ(plan_for(docker_v2()).in(kUnicode),
              "view              before                 after\n"
              "  /run            -                    * rw tmpfs\n"
              "  └─ lock         -                    * rw tmpfs\n"
              "  /sys/fs/cgroup  ro cgroup2 private / * rw cgroup2 private /cginit\n"
              "  *: changed; private: nothing above it in sight\n");
}

TEST(MountPicture, TheTreeAsItIs) {
    EXPECT_EQ(mount_picture(classify(docker_v2()), kAscii),
              "view              now\n"
              "  /sys/fs/cgroup  ro cgroup2 private /\n"
              "  private: nothing above it in sight\n");
}

TEST(MountPicture, NoCgroups) {
    const Snapshot bare = snapshot_of(base_mounts(), "0::/\n");
    EXPECT_EQ(mount_picture(classify(bare), kAscii), "view\n  no cgroup is mounted\n");
}

TEST(MountPicture, NothingChanges) {
    Snapshot writable = docker_v2();
    mount_at(writable, kCgroupRoot).flags.read_only = false;
    Options options;
    options.method = Method::none;
    options.inner = Inner::never;
    options.tmpfs.emplace();
    EXPECT_EQ(plan_for(writable, options).in(kAscii),
              "view              before and after\n"
              "  /sys/fs/cgroup  rw cgroup2 private /\n"
              "  private: nothing above it in sight\n");
}

TEST(MountPicture, OtherFlagsAreAChange) {
    Options options;
    options.method = Method::remount;
    options.inner = Inner::never;
    options.tmpfs.emplace();
    EXPECT_TRUE(has(plan_for(docker_v2(), options).in(kAscii),
                    "  /sys/fs/cgroup  ro cgroup2 private / * rw cgroup2 private /\n"));
}

TEST(MountPicture, AReadOnlySuperblockIsReadOnly) {
    Snapshot snapshot = docker_v1();
    mount_at(snapshot, kCgroupRoot).super_options = "ro,mode=755";
    EXPECT_TRUE(line_of(mount_picture(classify(snapshot), kAscii), kCgroupRoot).ends_with("ro tmpfs"));
}

/// The host's root of name=systemd, writable, under a read-only mount of the own cgroup.
Snapshot covered_host_root() {
    Snapshot snapshot = docker_v1();
    MountEntry& host = mount_at(snapshot, "/sys/fs/cgroup/systemd");
    MountEntry own = host;
    own.parent = host.id;
    own.id = 60;
    host.root = "/";
    host.flags.read_only = false;
    snapshot.mounts.push_back(own);
    return snapshot;
}

TEST(MountPicture, ACoveredMountOfTheHost) {
    const std::string picture = plan_for(covered_host_root()).in(kAscii);
    EXPECT_TRUE(has(line_of(picture, "`- systemd"), "ro own     /docker/")) << picture;
    const std::string covered = line_of(picture, "   `- (covered)");
    EXPECT_TRUE(has(covered, "rw host    / ") && covered.ends_with(" * -")) << picture;
    EXPECT_TRUE(has(picture, "covered: hidden, but within reach\n")) << picture;
}

TEST(MountPicture, ACoveredMountOfTheOwnCgroupIsNotDrawn) {
    Snapshot snapshot = covered_host_root();
    mount_at(snapshot, "/sys/fs/cgroup/systemd").root = std::string("/docker/") + kId;
    EXPECT_FALSE(has(mount_picture(classify(snapshot), kAscii), "covered"));
}

TEST(MountPicture, UnderATreeThatIsCovered) {
    Snapshot snapshot = docker_hybrid_volume();
    snapshot = with_mount(snapshot, "60 20 0:60 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n");
    const std::string picture = mount_picture(classify(snapshot), kAscii);
    EXPECT_TRUE(has(picture, "  |- blkio (covered)        rw host /\n")) << picture;
}

TEST(MountPicture, MountsElsewhere) {
    const Snapshot tree = with_mount(with_mount(docker_v1(), "60 10 0:60 / /host/cgroup ro - tmpfs tmpfs rw\n"),
                                     "61 60 0:22 / /host/cgroup/memory ro - cgroup cgroup rw,memory\n");
    const std::string picture =
        plan_for(with_mount(tree, "62 10 0:22 / /mnt ro - cgroup cgroup rw,memory\n")).in(kAscii);
    EXPECT_TRUE(has(line_of(picture, "  /host/cgroup "), "ro tmpfs ")) << picture;
    EXPECT_TRUE(has(line_of(picture, "  `- memory "), "ro host    / ")) << picture;
    const std::string elsewhere = line_of(picture, "  /mnt ");
    EXPECT_TRUE(has(elsewhere, "ro memory host    / ") && elsewhere.ends_with(" * -")) << picture;
}

TEST(MountPicture, WhatStaysMayShowTheEnginesCgroup) {
    Options options;
    options.keep_mounts = {"/mnt"};
    const std::string picture =
        plan_for(with_mount(docker_v2(), "60 10 0:20 / /mnt ro - cgroup2 cgroup rw\n"), options).in(kAscii);
    const std::string kept = line_of(picture, "  /mnt ");
    EXPECT_TRUE(has(kept, "ro cgroup2 private / ") && kept.ends_with("* ro cgroup2 engine  /")) << picture;
    EXPECT_TRUE(has(picture, "engine: above the init's cgroup")) << picture;
}

TEST(MountPicture, WhatIsNotKnownIsSaid) {
    Snapshot snapshot = docker_v1_private();
    snapshot.directories.clear();
    const std::string picture = mount_picture(classify(snapshot), kAscii);
    EXPECT_TRUE(has(line_of(picture, "|- memory"), "ro private? /")) << picture;
    EXPECT_TRUE(has(picture, "?: perhaps the host's root")) << picture;
}

TEST(MountPicture, TheHostsRootIsTheHosts) {
    const std::string picture = mount_picture(classify(docker_v1()), kAscii);
    EXPECT_TRUE(has(line_of(picture, "|- misc"), "ro host /")) << picture;
    EXPECT_TRUE(has(line_of(picture, "|- memory"), "ro own  /docker/")) << picture;
}

TEST(MountPicture, NamesAreEscaped) {
    const Snapshot snapshot =
        with_mount(docker_v1(), "60 10 0:22 / /a\\011b\\040\033[31m\xc3\xbc ro - cgroup cgroup rw,memory\n");
    EXPECT_TRUE(has(mount_picture(classify(snapshot), kUnicode), "  /a\\011b \\033[31m\\303\\274  ro memory host /\n"));
}

TEST(MountPicture, WhatIsBelowComesBeforeTheNeighbours) {
    Snapshot snapshot = docker_v1();
    mount_at(snapshot, "/sys/fs/cgroup/blkio").point = "/sys/fs/cgroup/cpu";
    snapshot = with_mount(snapshot, "60 23 0:60 / /sys/fs/cgroup/cpu/a rw - tmpfs tmpfs rw\n");
    const std::string picture = mount_picture(classify(snapshot), kAscii);
    EXPECT_LT(picture.find("  |- cpu  "), picture.find("  |  `- a  ")) << picture;
    EXPECT_LT(picture.find("  |  `- a  "), picture.find("  |- cpu,cpuacct  ")) << picture;
}

TEST(MountPicture, DeepTreesAreDrawnFlatter) {
    Snapshot snapshot = docker_v2();
    std::string point = kCgroupRoot;
    int parent = 20;
    for (int id = 60; id < 90; ++id) {
        point += "/d";
        snapshot = with_mount(snapshot, cgroup_line(id, parent, "/", point, "rw", "unified"));
        parent = id;
    }
    const std::string picture = mount_picture(classify(snapshot), kAscii);
    EXPECT_TRUE(has(picture, "\n        `- d ")) << picture;
    EXPECT_TRUE(has(picture, "\n           |- d/d ")) << picture;
    EXPECT_TRUE(has(picture, "\n           `- d/d/d/d/d/d/d.../d ")) << picture;
}

TEST(MountPicture, ColourOfTheHostAndOfWhatChanges) {
    const std::string picture = plan_for(docker_hybrid_volume()).in({false, true, 80});
    const std::string memory = line_of(picture, "|- memory");
    EXPECT_TRUE(has(memory, "\033[31mrw host    /\033[0m ")) << memory;
    EXPECT_TRUE(has(memory, " * \033[32mrw private /docker/") && memory.ends_with("\033[0m")) << memory;
    EXPECT_FALSE(has(line_of(picture, "before"), "\033"));
}

}  // namespace
}  // namespace cginit
