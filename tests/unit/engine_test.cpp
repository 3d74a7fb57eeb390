#include "detect/detect.hpp"

#include <gtest/gtest.h>

#include "unit/world_builder.hpp"

namespace cginit {
namespace {

const std::string kOther(64, 'b');

struct PathCase {
    std::string path;
    Engine engine;
    std::string id;
};

TEST(Engine, CgroupPaths) {
    const std::string id = kId;
    for (const PathCase& c : std::vector<PathCase>{
             {"/docker/" + id, Engine::docker, id},
             {"/system.slice/docker-" + id + ".scope", Engine::docker, id},
             {"/docker/" + id + "/cginit", Engine::docker, id},
             {"/docker/" + kOther + "/docker/" + id, Engine::docker, id},
             {"/machine.slice/libpod-" + id + ".scope", Engine::podman, id},
             {"/machine.slice/libpod-" + id + ".scope/container", Engine::podman, id},
             {"/libpod_parent/libpod-" + id, Engine::podman, id},
             {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id + ".scope/container",
              Engine::podman, id},
             {"/kubepods/burstable/pod1f2e3d4c-0000-1111-2222-333344445555/" + id, Engine::kubernetes, id},
             {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1f2e.slice/cri-containerd-" + id +
                  ".scope",
              Engine::kubernetes, id},
             {"/kubepods/besteffort/pod1f2e/docker-" + id + ".scope", Engine::kubernetes, id},
             {"/kubepods/burstable/pod1f2e/" + kOther + "/docker/" + id, Engine::docker, id},
             {"/kubepods/burstable/pod1f2e/" + kOther + "/libpod_parent/libpod-" + id, Engine::podman, id},
             {"/docker/" + kOther + "/kubelet/kubepods/besteffort/pod1f2e/" + id, Engine::kubernetes, id},
             {"/lxc/web", Engine::lxc, ""},
             {"/lxc.payload.web", Engine::lxc, ""},
             {"/lxc.payload.web/init.scope", Engine::lxc, ""},
             {"/", Engine::oci, ""},
             {"/system.slice/foo.service", Engine::oci, ""},
             {"/labpar/" + id, Engine::oci, id},
             {"/labpar/" + id.substr(1), Engine::oci, ""},
             {"/labpar/" + id + "0", Engine::oci, ""},
             {"/labpar/A" + id.substr(1), Engine::oci, ""},
         }) {
        const EngineFacts facts = detect_engine(snapshot_of(base_mounts(), "1:memory:" + c.path + "\n"));
        EXPECT_EQ(facts.engine, c.engine) << c.path << " is " << to_string(facts.engine);
        EXPECT_EQ(facts.container_id, c.id) << c.path;
    }
}

TEST(Engine, TheInnermostIdIsTheContainers) {
    const std::string outer = "13:misc:/docker/" + kOther + "\n";
    const EngineFacts facts = detect_engine(
        snapshot_of(base_mounts(), outer + "12:memory:/docker/" + kOther + "/libpod_parent/libpod-" + kId + "\n"));
    EXPECT_EQ(facts.container_id, kId) << "the inner engine does not know misc";
    EXPECT_EQ(facts.engine, Engine::podman);
}

TEST(Engine, TheFirstTellingPathDecides) {
    const EngineFacts facts = detect_engine(
        snapshot_of(base_mounts(), std::string("13:misc:/\n2:cpu:/machine.slice/libpod-") + kId + ".scope\n0::/\n"));
    EXPECT_EQ(facts.engine, Engine::podman);
    EXPECT_EQ(facts.container_id, kId);
}

struct MountCase {
    std::string root;
    std::string point;
    Engine engine;
    std::string id;
};

TEST(Engine, MountsTellWherePathsAreRoots) {
    const std::string id = kId;
    for (const MountCase& c : std::vector<MountCase>{
             {"/var/lib/docker/containers/" + id + "/hostname", "/etc/hostname", Engine::docker, id},
             {"/docker-data/100000.100000/containers/" + id + "/resolv.conf", "/etc/resolv.conf", Engine::docker, id},
             {"/var/lib/docker/containers/" + id + "/hosts", "/etc/hosts", Engine::docker, id},
             {"/run/containers/storage/overlay-containers/" + id + "/userdata/hosts", "/etc/hosts", Engine::podman, id},
             {"/containers/vfs-containers/" + id + "/userdata/hostname", "/etc/hostname", Engine::podman, id},
             {"/x/" + id + "/.containerenv", "/run/.containerenv", Engine::podman, id},
             {"/var/lib/kubelet/pods/1f2e3d4c/etc-hosts", "/etc/hosts", Engine::kubernetes, ""},
             {"/", "/run/secrets/kubernetes.io/serviceaccount", Engine::kubernetes, ""},
             {"/srv/containers/list/hosts", "/etc/hosts", Engine::oci, ""},
             {"/srv/my-containers/x", "/data", Engine::oci, ""},
             {"/var/lib/docker/containers/" + id + "/hostname", "/data", Engine::oci, ""},
             {"/run/secrets/kubernetes.iox", "/run/secrets/kubernetes.iox", Engine::oci, ""},
         }) {
        const Snapshot snapshot =
            snapshot_of(base_mounts() + "30 10 254:0 " + c.root + " " + c.point + " rw - ext4 /dev/vda rw\n", "0::/\n");
        const EngineFacts facts = detect_engine(snapshot);
        EXPECT_EQ(facts.engine, c.engine) << c.root << " is " << to_string(facts.engine);
        EXPECT_EQ(facts.container_id, c.id) << c.root;
    }
}

TEST(Engine, KubernetesWinsOverTheRuntimeThatItUses) {
    const Snapshot snapshot =
        snapshot_of(base_mounts() + "30 10 254:0 /var/lib/docker/containers/" + kId +
                        "/hostname /etc/hostname rw - ext4 /dev/vda rw\n" +
                        "31 10 254:0 /var/lib/kubelet/pods/1f2e/etc-hosts /etc/hosts rw - ext4 /dev/vda rw\n",
                    "0::/\n");
    EXPECT_EQ(detect_engine(snapshot).engine, Engine::kubernetes);
    EXPECT_EQ(detect_engine(snapshot).container_id, "") << "the files are the pod's sandbox's";
    Snapshot by_path = snapshot;
    by_path.cgroups.front().path = "/kubepods/besteffort/pod1f2e/" + kOther;
    EXPECT_EQ(detect_engine(by_path).container_id, kOther);
}

TEST(Engine, TheIdIsTheContainersOwnAndNotThatOfWhoseNetworkItShares) {
    const std::string folder = "30 10 254:0 /containers/overlay-containers/";
    const Snapshot snapshot =
        snapshot_of(base_mounts() + folder + kOther + "/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw\n" + folder +
                        kId + "/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw\n",
                    "0::/\n");
    EXPECT_EQ(detect_engine(snapshot).container_id, kId);
}

TEST(Engine, TheRuntimeIsToldByHowSysWasMadeReadOnly) {
    const auto runtime_of = [](const std::string& sys) {
        return detect_runtime(snapshot_of(base_mounts() + "30 10 0:30 / /sys " + sys + "\n", "0::/\n"));
    };
    EXPECT_EQ(runtime_of("ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro"), Runtime::runc);
    EXPECT_EQ(runtime_of("ro,nosuid,nodev,noexec,relatime - sysfs sysfs rw"), Runtime::crun);
    EXPECT_EQ(runtime_of("rw,nosuid,nodev,noexec,relatime - sysfs sysfs rw"), Runtime::unknown) << "--privileged";
    EXPECT_EQ(runtime_of("ro,nosuid,nodev,noexec,relatime - tmpfs tmpfs ro"), Runtime::unknown);
}

TEST(Engine, SysboxIsToldByItsMounts) {
    EXPECT_EQ(
        detect_runtime(snapshot_of(base_mounts() + "30 10 0:90 /proc/sys /proc/sys rw - fuse sysboxfs rw\n", "0::/\n")),
        Runtime::sysbox);
}

TEST(Engine, GVisorIsToldByItsRootFileSystem) {
    const auto runtime_of = [](const std::string& root) {
        return detect_runtime(snapshot_of("10 1 0:51 / / rw - " + root + "\n", "0::/\n"));
    };
    EXPECT_EQ(runtime_of("9p none rw,trans=fd,rfdno=4,wfdno=4"), Runtime::gvisor);
    EXPECT_EQ(runtime_of("9p host rw,trans=virtio"), Runtime::unknown) << "a virtual machine's shared folder";
    EXPECT_EQ(runtime_of("overlay overlay rw,trans=fd"), Runtime::unknown);
}

TEST(Engine, NamesAreThoseOfSystemd) {
    EXPECT_STREQ(to_string(Engine::docker), "docker");
    EXPECT_STREQ(to_string(Engine::podman), "podman");
    EXPECT_STREQ(to_string(Engine::lxc), "lxc");
    EXPECT_STREQ(to_string(Engine::kubernetes), "kubernetes");
    EXPECT_STREQ(to_string(Engine::oci), "oci");
}

}  // namespace
}  // namespace cginit
