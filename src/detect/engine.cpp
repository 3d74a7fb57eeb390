#include "detect/detect.hpp"

#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

constexpr std::size_t kIdLength = 64;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

/// The last run of exactly 64 hexadecimal digits: `/machine.slice/libpod-3aef....scope/container`; a container in a
/// container has both ids in its path, its own last.
std::string find_id(std::string_view text) {
    std::string_view id;
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t end = begin;
        while (end < text.size() && is_hex(text[end])) {
            ++end;
        }
        if (end - begin == kIdLength) {
            id = text.substr(begin, kIdLength);
        }
        begin = end + 1;
    }
    return std::string(id);
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Engine engine_of_path(const std::string& path) {
    if (contains(path, "kubepods")) {
        return Engine::kubernetes;
    }
    if (contains(path, "libpod")) {
        return Engine::podman;
    }
    // `/docker/ID` with the cgroupfs driver, `/system.slice/docker-ID.scope` with systemd's.
    if (contains(path, "/docker/") || contains(path, "/docker-")) {
        return Engine::docker;
    }
    return contains(path, "/lxc") ? Engine::lxc : Engine::oci;
}

/// `/run/containers/storage/overlay-containers/ID/userdata/hostname`
bool is_podmans(const std::string& root) { return contains(root, "-containers/") && contains(root, "/userdata/"); }

/// The files that engines bind into every container betray them where the cgroup paths read `/`:
/// Docker `/var/lib/docker/containers/ID/hostname`, Podman `.../overlay-containers/ID/userdata/hostname` (also
/// `vfs-containers`: the storage driver's name), Kubernetes `/var/lib/kubelet/pods/UID/...` on /etc/hosts.
EngineFacts engine_of_mount(const MountEntry& mount) {
    const std::string name = base_name(mount.point);
    if (is_at_or_below(mount.point, "/run/secrets/kubernetes.io") || contains(mount.root, "/kubelet/pods/")) {
        return {Engine::kubernetes, {}};
    }
    if (mount.point == "/run/.containerenv" || is_podmans(mount.root)) {
        return {Engine::podman, find_id(mount.root)};
    }
    if ((name == "hostname" || name == "hosts" || name == "resolv.conf") && contains(mount.root, "/containers/")) {
        const std::string id = find_id(mount.root);
        return {id.empty() ? Engine::oci : Engine::docker, id};
    }
    // lxcfs shows a container its own limits, and hangs on in what Docker runs in that container.
    if (mount.fstype == "fuse.lxcfs" || is_at_or_below(mount.point, "/dev/lxd") || mount.point == "/dev/incus") {
        return {Engine::lxc, {}};
    }
    return {};
}

void merge(EngineFacts& facts, const EngineFacts& more) {
    const bool better = facts.engine == Engine::oci || facts.engine == Engine::lxc || more.engine == Engine::kubernetes;
    if (better && more.engine != Engine::oci) {
        facts.engine = more.engine;
    }
    if (facts.container_id.empty()) {
        facts.container_id = more.container_id;
    }
}

}  // namespace

/// runc mounts it so, and crun remounts it, whose superblock then is not; each as bits of mountinfo(5):
/// `... / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro` and `... / /sys ro,nosuid,... - sysfs sysfs rw`.
Runtime detect_runtime(const Snapshot& snapshot) {
    // Its root file system comes from outside of its kernel, through a descriptor (runsc/boot/vfs.go).
    const MountEntry* root = visible_mount_at(snapshot.mounts, "/");
    if (root != nullptr && root->fstype == "9p" && contains(root->super_options, "trans=fd")) {
        return Runtime::gvisor;
    }
    const MountEntry* sys = visible_mount_at(snapshot.mounts, "/sys");
    if (sys == nullptr || sys->fstype != "sysfs" || !sys->flags.read_only) {
        return Runtime::unknown;
    }
    return split(sys->super_options, ',').front() == "ro" ? Runtime::runc : Runtime::crun;
}

EngineFacts detect_engine(const Snapshot& snapshot) {
    EngineFacts by_path;
    for (const CgroupEntry& cgroup : snapshot.cgroups) {
        merge(by_path, {engine_of_path(cgroup.path), find_id(cgroup.path)});
    }
    EngineFacts by_mounts;
    for (const MountEntry& mount : snapshot.mounts) {
        merge(by_mounts, engine_of_mount(mount));
    }
    // The files are this container's. The path may be an outer one's: a rootless engine on v1 makes no cgroups.
    if (by_mounts.engine == Engine::podman && by_path.engine != Engine::podman && by_path.engine != Engine::oci &&
        !by_mounts.container_id.empty()) {
        return by_mounts;
    }
    merge(by_path, by_mounts);
    return by_path;
}

}  // namespace cginit
