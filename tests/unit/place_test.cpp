#include "detect/detect.hpp"

#include <gtest/gtest.h>

#include "unit/world_builder.hpp"

namespace cginit {
namespace {

std::string bind(int id, const std::string& point, const std::string& root = "/x") {
    return std::to_string(id) + " 10 8:1 " + root + " " + point + " rw - ext4 /dev/root rw\n";
}

Place place_of(const std::string& mounts, const std::string& cgroups = "0::/\n") {
    const World world = classify(snapshot_of(base_mounts() + mounts, cgroups));
    EXPECT_EQ(world.place == Place::unknown, world.place_evidence.empty());
    return world.place;
}

const std::string kDockers = bind(30, "/etc/hostname", "/var/lib/docker/containers/" + std::string(kId) + "/hostname");
const std::string kPodmans =
    bind(30, "/run/.containerenv",
         "/run/containers/storage/overlay-containers/" + std::string(kId) + "/userdata/.containerenv");
const std::string kNomads = bind(31, "/alloc") + bind(32, "/local") + bind(33, "/secrets");
const std::string kJobs = bind(34, "/__w") + bind(35, "/__e");
const std::string kLxcfs = "36 10 0:60 /proc/stat /proc/stat rw - fuse.lxcfs lxcfs rw\n";

TEST(Place, EachHasItsSigns) {
    EXPECT_EQ(place_of(""), Place::unknown);
    EXPECT_EQ(place_of(kDockers), Place::docker);
    EXPECT_EQ(place_of(kPodmans), Place::podman);
    EXPECT_EQ(place_of("", "0::/kubepods/burstable/pod1/" + std::string(kId) + "\n"), Place::kubernetes);
    EXPECT_EQ(place_of("", "4:memory:/ecs/0f1e/" + std::string(kId) + "\n"), Place::ecs);
    EXPECT_EQ(place_of(kDockers, "0::/ecstasks.slice/ecstasks-0f1e.slice/docker-" + std::string(kId) + ".scope\n"),
              Place::ecs);
    EXPECT_EQ(place_of(kDockers + kNomads), Place::nomad);
    EXPECT_EQ(place_of(kDockers + kJobs), Place::github_actions);
    EXPECT_EQ(place_of(bind(30, "/etc/hostname", "/var/lib/nerdctl/1935/containers/default/ID/hostname")),
              Place::nerdctl);
    EXPECT_EQ(place_of(kLxcfs), Place::lxc);
    EXPECT_EQ(place_of("37 10 0:61 / /dev/incus rw - tmpfs tmpfs rw\n"), Place::lxc);
}

TEST(Place, HalfASignIsNone) {
    EXPECT_EQ(place_of(kDockers + bind(31, "/alloc") + bind(32, "/local")), Place::docker);
    EXPECT_EQ(place_of(kDockers + bind(34, "/__w")), Place::docker);
    EXPECT_EQ(place_of(kDockers, "0::/specs/x\n"), Place::docker);
    EXPECT_EQ(place_of(bind(30, "/data", "/var/lib/nerdctl/x")), Place::unknown);
}

TEST(Place, WhatContradictsItselfIsUnknown) { EXPECT_EQ(place_of(kDockers + kNomads + kJobs), Place::unknown); }

TEST(Place, TheInnerOneWins) {
    EXPECT_EQ(place_of(kLxcfs + kDockers), Place::docker) << "Docker in a container of LXC";
    EXPECT_EQ(place_of(kPodmans + kJobs), Place::podman) << "Podman in a job";
    const std::string pod = "4:memory:/kubepods/burstable/pod1/" + std::string(64, 'b') + "\n";
    const World world = classify(snapshot_of(base_mounts() + kPodmans, pod));
    EXPECT_EQ(world.place, Place::podman) << "Podman in a pod, whose path it left";
    EXPECT_EQ(world.container_id, kId);
    EXPECT_EQ(place_of(kPodmans + bind(38, "/etc/hosts", "/var/lib/kubelet/pods/1/etc-hosts"), pod), Place::kubernetes)
        << "CRI-O leaves the same files";
}

}  // namespace
}  // namespace cginit
