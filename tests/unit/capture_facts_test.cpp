#include "cginit/capture_facts.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

std::string error_of(const std::string& text) {
    const Result<CaptureFacts> facts = parse_capture_facts(text, "/cginit/facts");
    return facts ? "accepted" : facts.error().message();
}

TEST(CaptureFacts, AreReadAsTheyWereWritten) {
    CaptureFacts facts;
    EXPECT_EQ(capture_facts_text(facts), "");
    EXPECT_EQ(parse_capture_facts("", "x").value(), facts);

    facts.pid = 4194304;
    facts.init = {InitKind::systemd, 252, "/usr/lib/systemd/systemd"};
    facts.places = {{"/run", PlaceType::directory},
                    {"/run/lock", PlaceType::absent},
                    {"/tmp", PlaceType::symlink},
                    {"/with a blank", PlaceType::other}};
    facts.user_namespaces = {Tri::no, 28};
    facts.delegated = {{"/sys/fs/cgroup", Tri::no}, {"/with a blank", Tri::yes}};
    EXPECT_EQ(capture_facts_text(facts),
              "pid 4194304\n"
              "init systemd:252\n"
              "init-file /usr/lib/systemd/systemd\n"
              "place /run directory\n"
              "place /run/lock absent\n"
              "place /tmp symlink\n"
              "place /with a blank other\n"
              "delegated /sys/fs/cgroup no\n"
              "delegated /with a blank yes\n"
              "user-namespaces 28\n");
    EXPECT_EQ(parse_capture_facts(capture_facts_text(facts), "x").value(), facts);

    facts = CaptureFacts{};
    facts.init = {InitKind::other, std::nullopt, "/init"};
    facts.init->needs = {"/bin/sh", "/lib/ld.so"};
    facts.owns_cgroup_namespace = Tri::no;
    facts.owned = {{"/sys/fs/cgroup", Tri::no}};
    facts.outsiders = {{"/sys/fs/cgroup", Tri::no}};
    facts.pid1_mounts = Tri::no;
    facts.neighbours = Neighbours::some;
    facts.neighbour = "1 (a) b)";
    facts.container_variable = "lxc";
    facts.working_directory_mount = 121;
    facts.root_mount = 96;
    facts.descriptors = {{7, DescriptorKind::directory}, {9, DescriptorKind::name_space}};
    EXPECT_EQ(capture_facts_text(facts),
              "init other\n"
              "init-file /init\n"
              "init-needs /bin/sh\n"
              "init-needs /lib/ld.so\n"
              "owns-cgroup-namespace no\n"
              "owned /sys/fs/cgroup no\n"
              "outsiders /sys/fs/cgroup no\n"
              "pid1-mounts no\n"
              "neighbours some 1 (a) b)\n"
              "container-variable lxc\n"
              "working-directory-mount 121\n"
              "root-mount 96\n"
              "descriptor 7 directory\n"
              "descriptor 9 namespace\n");
    EXPECT_EQ(parse_capture_facts(capture_facts_text(facts), "x").value(), facts);

    facts.init = {InitKind::systemd, std::nullopt, "/sbin/init", "there is a libsystemd-shared of each of 252, 255"};
    EXPECT_EQ(parse_capture_facts(capture_facts_text(facts), "x").value(), facts);
    facts.init = {InitKind::unknown, std::nullopt, ""};
    facts.user_namespaces = {Tri::yes, 0};
    EXPECT_EQ(parse_capture_facts(capture_facts_text(facts), "x").value(), facts);

    for (const Tri closed : {Tri::yes, Tri::no}) {
        facts.user_namespaces = {Tri::no, 1, closed};
        EXPECT_EQ(parse_capture_facts(capture_facts_text(facts), "x").value(), facts);
    }

    facts = CaptureFacts{};
    facts.tried = {27, "", 0};
    EXPECT_EQ(capture_facts_text(facts), "tried 27\n");
    EXPECT_EQ(parse_capture_facts("tried 27\n", "x").value(), facts);
    facts.tried = {27, "assert that /x is not the real root", 0};
    EXPECT_EQ(parse_capture_facts(capture_facts_text(facts), "x").value(), facts);
    facts.tried = {27, "mount cgroup2 on /x (rw)", 13};
    EXPECT_EQ(capture_facts_text(facts), "tried 27 13 mount cgroup2 on /x (rw)\n");
    EXPECT_EQ(parse_capture_facts(capture_facts_text(facts), "x").value(), facts);
}

TEST(CaptureFacts, UnknownPlacesAndLineBreaksAreNotWritten) {
    CaptureFacts facts;
    facts.places = {{"/run", PlaceType::unknown}};
    facts.delegated = {{"/sys/fs/cgroup", Tri::unknown}};
    facts.init = {InitKind::other, std::nullopt, "/a\nplace /tmp other"};
    EXPECT_EQ(capture_facts_text(facts), "init other\ninit-file /a\\012place /tmp other\n");
}

/// Old captures replay when facts are added, and new ones where these are not known.
TEST(CaptureFacts, WhatOtherVersionsSayIsPassedOver) {
    EXPECT_EQ(parse_capture_facts("weather fine\npid 7\n\nweather\nweather fine\n", "x").value(),
              parse_capture_facts("pid 7\n", "x").value());
    EXPECT_EQ(parse_capture_facts("", "x").value(), CaptureFacts{});
}

TEST(CaptureFacts, WhatIsNoFactIsRefusedWithItsLine) {
    struct Case {
        const char* text;
        const char* error;
    };
    for (const Case& c :
         {Case{"pid 1", "/cginit/facts:1: the last line is cut off"},
          {"pid 0\n", "/cginit/facts:1: not a fact, or a second one: pid 0; cginit --capture writes this file"},
          {"pid -1\n", "/cginit/facts:1: not a fact"},
          {"pid 99999999999\n", "/cginit/facts:1: not a fact"},
          {"pid 1\npid 1\n", "/cginit/facts:2: not a fact, or a second one: pid 1"},
          {"pid\n", "/cginit/facts:1: not a fact"},
          {"init\n", "/cginit/facts:1: not a fact"},
          {"init systemd:x\n", "/cginit/facts:1: not a fact"},
          {"init busybox\ninit busybox\n", "/cginit/facts:2: not a fact"},
          {"init-file /sbin/init\n", "/cginit/facts:1: not a fact"},
          {"init busybox\ninit-file\n", "/cginit/facts:2: not a fact"},
          {"init busybox\ninit-file /a\ninit-file /b\n", "/cginit/facts:3: not a fact"},
          {"init busybox\ninit-version-unknown\n", "/cginit/facts:2: not a fact"},
          {"init-version-unknown x\n", "/cginit/facts:1: not a fact"},
          {"place /run\n", "/cginit/facts:1: not a fact"},
          {"place run directory\n", "/cginit/facts:1: not a fact"},
          {"place /run unknown\n", "/cginit/facts:1: not a fact"},
          {"place /run absent\nplace /run absent\n", "/cginit/facts:2: not a fact"},
          {"user-namespaces\n", "/cginit/facts:1: not a fact"},
          {"user-namespaces 1 shut\n", "/cginit/facts:1: not a fact"},
          {"tried\n", "/cginit/facts:1: not a fact"},
          {"tried 0\n", "/cginit/facts:1: not a fact"},
          {"tried 27 13\n", "/cginit/facts:1: not a fact"},
          {"tried 27 13 \n", "/cginit/facts:1: not a fact"},
          {"tried 27 4096 mount\n", "/cginit/facts:1: not a fact"},
          {"tried 27 x mount\n", "/cginit/facts:1: not a fact"},
          {"tried 27\ntried 27\n", "/cginit/facts:2: not a fact"},
          {"user-namespaces no\n", "/cginit/facts:1: not a fact"},
          {"user-namespaces 0\n", "/cginit/facts:1: not a fact"},
          {"user-namespaces 5000\n", "/cginit/facts:1: not a fact"},
          {"user-namespaces yes\nuser-namespaces 1\n", "/cginit/facts:2: not a fact"},
          {"delegated /sys/fs/cgroup\n", "/cginit/facts:1: not a fact"},
          {"delegated sys yes\n", "/cginit/facts:1: not a fact"},
          {"delegated /sys/fs/cgroup maybe\n", "/cginit/facts:1: not a fact"},
          {"delegated /x yes\ndelegated /x no\n", "/cginit/facts:2: not a fact"},
          {"outsiders /x yes\noutsiders /x no\n", "/cginit/facts:2: not a fact"},
          {"pid1-mounts maybe\n", "/cginit/facts:1: not a fact"},
          {"pid1-mounts yes\npid1-mounts yes\n", "/cginit/facts:2: not a fact"},
          {"neighbours\n", "/cginit/facts:1: not a fact"},
          {"neighbours some\n", "/cginit/facts:1: not a fact"},
          {"neighbours some \n", "/cginit/facts:1: not a fact"},
          {"neighbours none 1\n", "/cginit/facts:1: not a fact"},
          {"neighbours none\nneighbours none\n", "/cginit/facts:2: not a fact"},
          {"working-directory-mount 0\n", "/cginit/facts:1: not a fact"},
          {"root-mount 99999999999\n", "/cginit/facts:1: not a fact"},
          {"root-mount 1\nroot-mount 2\n", "/cginit/facts:2: not a fact"},
          {"descriptor 7\n", "/cginit/facts:1: not a fact"},
          {"descriptor x cgroup\n", "/cginit/facts:1: not a fact"},
          {"descriptor 7 file\n", "/cginit/facts:1: not a fact"},
          {"descriptor 7 cgroup\ndescriptor 7 directory\n", "/cginit/facts:2: not a fact"},
          {"init-needs /bin/sh\n", "/cginit/facts:1: not a fact"}}) {
        const std::string error = c.error;
        EXPECT_EQ(error_of(c.text).substr(0, error.size()), error) << c.text;
    }
}

}  // namespace
}  // namespace cginit
