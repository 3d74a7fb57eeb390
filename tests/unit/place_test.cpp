#include "detect/detect.hpp"

#include <gtest/gtest.h>

#include "unit/world_builder.hpp"

namespace cginit {
namespace {

std::string bind(int id, const std::string& point, const std::string& root = "/x") {
    return std::to_string(id) + " 10 8:1 " + root + " " + point + " rw - ext4 /dev/root rw\n";
}

/// The first line of mountinfo is the root file system's.
Place place_with_root(const std::string& root) {
    return classify(snapshot_of("10 9 0:50 " + root + "\n", "0::/\n")).place;
}

HostFacts host_of(const std::string& release, const std::string& mounts = "") {
    Snapshot snapshot = snapshot_of(base_mounts() + mounts, "0::/\n");
    snapshot.kernel_release = release;
    return detect_host(snapshot);
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

TEST(Place, TheVariableCountsWhereNothingElseTells) {
    struct Row {
        const char* variable;
        std::string mounts;
        Place place;
    };
    for (const Row& row : {Row{"lxc", "", Place::lxc},
                           {"systemd-nspawn", "", Place::nspawn},
                           {"lxc", kDockers, Place::docker},
                           {"systemd-nspawn", kDockers, Place::docker},
                           {"docker", "", Place::unknown},
                           {"oci", kPodmans, Place::podman}}) {
        Snapshot snapshot = snapshot_of(base_mounts() + row.mounts, "0::/\n");
        snapshot.container_variable = row.variable;
        EXPECT_EQ(classify(snapshot).place, row.place) << row.variable;
    }
}

TEST(Place, EachHasItsSigns) {
    EXPECT_EQ(place_of(""), Place::unknown);
    EXPECT_EQ(place_of(kDockers), Place::docker);
    EXPECT_EQ(place_of(kPodmans), Place::podman);
    EXPECT_EQ(place_of("", "0::/kubepods/burstable/pod1/" + std::string(kId) + "\n"), Place::kubernetes);
    EXPECT_EQ(place_of("", "4:memory:/ecs/0f1e/" + std::string(kId) + "\n"), Place::ecs);
    EXPECT_EQ(place_of(kDockers, "0::/ecstasks.slice/ecstasks-0f1e.slice/docker-" + std::string(kId) + ".scope\n"),
              Place::ecs);
    EXPECT_EQ(place_of("", "4:memory:/ecs/0f1e2d3c/0f1e2d3c-1234567890\n"), Place::fargate);
    EXPECT_EQ(place_of(kDockers + kNomads), Place::nomad);
    EXPECT_EQ(place_of(kDockers + kJobs), Place::github_actions);
    EXPECT_EQ(place_of(bind(30, "/etc/hostname", "/var/lib/nerdctl/1935/containers/default/ID/hostname")),
              Place::nerdctl);
    EXPECT_EQ(place_of(kLxcfs), Place::lxc);
    EXPECT_EQ(place_of("37 10 0:61 / /dev/incus rw - tmpfs tmpfs rw\n"), Place::lxc);
    EXPECT_EQ(place_of("37 10 0:61 /.lxc-boot-id /proc/sys/kernel/random/boot_id ro - tmpfs none rw\n"), Place::lxc);
    EXPECT_EQ(place_of(bind(37, "/run/host/incoming", "/systemd/nspawn/propagate/x")), Place::nspawn);
    EXPECT_EQ(place_of(kDockers + bind(37, "/workspaces/project")), Place::dev_container);
    EXPECT_EQ(place_of(kPodmans + bind(37, "/vscode")), Place::dev_container);
    EXPECT_EQ(place_with_root("/ / ro - overlay overlay ro,lowerdir=/var/lib/apptainer/mnt/session/overlay-lowerdir"),
              Place::apptainer);
    EXPECT_EQ(place_with_root("/home/u/.local/share/enroot/debian / rw - ext4 /dev/sda rw"), Place::enroot);
}

TEST(Place, HalfASignIsNone) {
    EXPECT_EQ(place_of(kDockers + bind(31, "/alloc") + bind(32, "/local")), Place::docker);
    EXPECT_EQ(place_of(kDockers + bind(34, "/__w")), Place::docker);
    EXPECT_EQ(place_of(kDockers, "0::/specs/x\n"), Place::docker);
    EXPECT_EQ(place_of(bind(30, "/data", "/var/lib/nerdctl/x")), Place::unknown);
    EXPECT_EQ(place_of(kDockers + bind(37, "/workspace")), Place::docker);
    EXPECT_EQ(place_with_root("/ / rw - overlay overlay rw,lowerdir=/srv/apptainer"), Place::unknown);
    EXPECT_EQ(place_with_root("/srv/enroot / rw - ext4 /dev/sda rw"), Place::unknown);
}

TEST(Place, WhatContradictsItselfIsUnknown) { EXPECT_EQ(place_of(kDockers + kNomads + kJobs), Place::unknown); }

TEST(Place, TheInnerOneWins) {
    EXPECT_EQ(place_of(kLxcfs + kDockers), Place::docker) << "Docker in a container of LXC";
    EXPECT_EQ(place_of(kPodmans, "4:memory:/ecs/0f1e/" + std::string(64, 'b') + "\n"), Place::podman)
        << "Podman in a task, whose path it left";
    EXPECT_EQ(place_of(kPodmans + kNomads), Place::nomad) << "the mounts are the container's own";
    const std::string pod = "4:memory:/kubepods/burstable/pod1/" + std::string(64, 'b') + "\n";
    const World world = classify(snapshot_of(base_mounts() + kPodmans, pod));
    EXPECT_EQ(world.place, Place::podman) << "Podman in a pod, whose path it left";
    EXPECT_EQ(world.container_id, kId);
    EXPECT_EQ(place_of(kPodmans + bind(38, "/etc/hosts", "/var/lib/kubelet/pods/1/etc-hosts"), pod), Place::kubernetes)
        << "CRI-O leaves the same files";
}

TEST(Host, EachHasItsSigns) {
    EXPECT_EQ(host_of("6.1.0-25-amd64"), HostFacts{});
    EXPECT_EQ(host_of("5.15.153.1-microsoft-standard-WSL2").host, Host::wsl2);
    EXPECT_EQ(host_of("6.6.12-linuxkit").host, Host::docker_desktop);
    EXPECT_EQ(host_of("6.7.11-orbstack-00143-ge6b82e26cd22").host, Host::orbstack);
    EXPECT_EQ(host_of("6.1.79-Unraid").host, Host::unraid);
    EXPECT_EQ(host_of("3.10.0-1160.21.1.vz7.174.13").host, Host::openvz);
    EXPECT_EQ(host_of("2.6.32-042stab145.3").host, Host::openvz);
    EXPECT_EQ(host_of("6.8.12-4-pve").host, Host::proxmox);
    EXPECT_EQ(host_of("6.12.9-talos").host, Host::talos);
    EXPECT_EQ(host_of("6.6.62+rpt-rpi-2712").host, Host::raspberry_pi);
    EXPECT_EQ(host_of("5.10.103-v7l+").host, Host::raspberry_pi);
    EXPECT_EQ(host_of("4.4.302+", bind(30, "/etc/hosts", "/@syno/@docker/containers/1/hosts")).host, Host::synology);
    EXPECT_EQ(host_of("5.10.60-qnap",
                      bind(30, "/etc/hosts", "/Container/container-station-data/lib/docker/containers/1/hosts"))
                  .host,
              Host::qnap);
}

TEST(Host, HalfASignIsNoneAndTwoContradictEachOther) {
    EXPECT_EQ(host_of("6.1.0-stable"), HostFacts{});
    EXPECT_EQ(host_of("4.4.302+", bind(30, "/data", "/@docker/volumes/x")), HostFacts{});
    EXPECT_EQ(host_of("6.6.12-linuxkit-pve"), HostFacts{});
}

}  // namespace
}  // namespace cginit
