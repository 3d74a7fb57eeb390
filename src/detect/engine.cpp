#include "detect/detect.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

constexpr std::size_t kIdLength = 64;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

/// The runs of exactly 64 hexadecimal digits: `/machine.slice/libpod-3aef....scope/container`.
std::vector<std::string_view> find_ids(std::string_view text) {
    std::vector<std::string_view> ids;
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t end = begin;
        while (end < text.size() && is_hex(text[end])) {
            ++end;
        }
        if (end - begin == kIdLength) {
            ids.push_back(text.substr(begin, kIdLength));
        }
        begin = end + 1;
    }
    return ids;
}

/// A container in a container has both ids in its path, its own last.
std::string find_id(std::string_view text) {
    const std::vector<std::string_view> ids = find_ids(text);
    return ids.empty() ? std::string() : std::string(ids.back());
}

/// What of the path is the innermost container's: `/docker/ID` of `/kubepods/burstable/podUID/ID/docker/ID`.
std::string innermost_part(const std::string& path) {
    const std::vector<std::string_view> ids = find_ids(path);
    return ids.size() < 2 ? path
                          : path.substr(static_cast<std::size_t>(ids[ids.size() - 2].data() + kIdLength - path.data()));
}

Engine engine_of_path(const std::string& whole) {
    const std::string path = innermost_part(whole);
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
    if (is_at_or_below(mount.point, "/run/secrets/kubernetes.io") || contains(mount.root, "/kubelet/pods/")) {
        return {Engine::kubernetes, {}};
    }
    if (mount.point == "/run/.containerenv" || is_podmans(mount.root)) {
        return {Engine::podman, find_id(mount.root)};
    }
    if (is_engines_file(mount) && contains(mount.root, "/containers/")) {
        const std::string id = find_id(mount.root);
        return {id.empty() ? Engine::oci : Engine::docker, id};
    }
    // lxcfs shows a container its own limits, and hangs on in what Docker runs in that container.
    if (mount.fstype == "fuse.lxcfs" || mount.root == "/.lxc-boot-id" || is_at_or_below(mount.point, "/dev/lxd") ||
        mount.point == "/dev/incus") {
        return {Engine::lxc, {}};
    }
    return {};
}

/// The files that are the container's own where it shares another's network, and Podman binds that one's hosts and resolv.conf.
/// Docker binds its hostname, too: there the id is that container's.
bool is_own_file(const MountEntry& mount) {
    return mount.point == "/run/.containerenv" || mount.point == "/etc/hostname";
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

bool is_engines_file(const MountEntry& mount) {
    const std::string name = base_name(mount.point);
    return name == "hosts" || name == "hostname" || name == "resolv.conf";
}

/// runc mounts it so, and crun remounts it, whose superblock then is not; each as bits of mountinfo(5):
/// `... / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro` and `... / /sys ro,nosuid,... - sysfs sysfs rw`.
Runtime detect_runtime(const Snapshot& snapshot) {
    // Its root file system comes from outside of its kernel, through a descriptor (runsc/boot/vfs.go).
    const MountEntry* root = visible_mount_at(snapshot.mounts, "/");
    if (root != nullptr && root->fstype == "9p" && contains(root->super_options, "trans=fd")) {
        return Runtime::gvisor;
    }
    // It shows the container its own values of what is not in any namespace (nestybox/sysbox-fs).
    if (std::any_of(snapshot.mounts.begin(), snapshot.mounts.end(),
                    [](const MountEntry& mount) { return mount.fstype == "fuse" && mount.source == "sysboxfs"; })) {
        return Runtime::sysbox;
    }
    const MountEntry* sys = visible_mount_at(snapshot.mounts, "/sys");
    if (sys == nullptr || sys->fstype != "sysfs" || !sys->flags.read_only) {
        return Runtime::unknown;
    }
    return split(sys->super_options, ',').front() == "ro" ? Runtime::runc : Runtime::crun;
}

EngineFacts detect_engine(const Snapshot& snapshot) {
    EngineFacts by_path;
    std::size_t deepest = 0;
    for (const CgroupEntry& cgroup : snapshot.cgroups) {
        // An inner engine may know fewer hierarchies than the outer one.
        const std::size_t depth = find_ids(cgroup.path).size();
        if (depth > deepest) {
            by_path = {};
        }
        if (depth >= deepest) {
            merge(by_path, {engine_of_path(cgroup.path), find_id(cgroup.path)});
        }
        deepest = std::max(deepest, depth);
    }
    EngineFacts by_mounts;
    for (const MountEntry& mount : snapshot.mounts) {
        const EngineFacts facts = engine_of_mount(mount);
        if (is_own_file(mount) && !facts.container_id.empty()) {
            by_mounts.container_id = facts.container_id;
        }
        merge(by_mounts, facts);
    }
    // The files are this container's. The path may be an outer one's: a rootless engine on v1 makes no cgroups.
    if (by_mounts.engine == Engine::podman && by_path.engine != Engine::podman && by_path.engine != Engine::oci &&
        !by_mounts.container_id.empty()) {
        return by_mounts;
    }
    // In a pod the files are its sandbox's: all containers of the pod have the same.
    if (by_path.engine == Engine::kubernetes || by_mounts.engine == Engine::kubernetes) {
        return {Engine::kubernetes, by_path.container_id};
    }
    merge(by_path, by_mounts);
    // Images say it of themselves, too (`oci`, `docker`), so that it counts where nothing else tells.
    if (by_path.engine == Engine::oci && by_path.container_id.empty() && snapshot.container_variable == "lxc") {
        by_path.engine = Engine::lxc;
    }
    return by_path;
}

}  // namespace cginit
