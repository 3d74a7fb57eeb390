#include "unit/world_builder.hpp"

#include <stdexcept>

#include "read/proc_files.hpp"

namespace cginit {
namespace {

constexpr const char* kTmpfs =
    "20 12 0:46 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755\n";

std::string own_path() { return std::string("/docker/") + kId; }

std::string v1_mounts(const std::string& root, const std::string& flags) {
    return kTmpfs + cgroup_line(21, 20, root, "/sys/fs/cgroup/cpu,cpuacct", flags, "cpu,cpuacct") +
           cgroup_line(22, 20, root, "/sys/fs/cgroup/memory", flags, "memory") +
           cgroup_line(23, 20, root, "/sys/fs/cgroup/blkio", flags, "blkio") +
           cgroup_line(24, 20, root, "/sys/fs/cgroup/systemd", flags, "xattr,name=systemd") +
           cgroup_line(25, 20, "/", "/sys/fs/cgroup/misc", flags, "misc");
}

std::string v1_cgroups(const std::string& path) {
    return "5:misc:/\n4:memory:" + path + "\n3:cpu,cpuacct:" + path + "\n2:blkio:" + path + "\n1:name=systemd:" + path +
           "\n";
}

Snapshot in_private_namespace(Snapshot snapshot) {
    snapshot.namespaces["cgroup"] = kPrivateCgroupNamespaceId;
    for (const MountEntry& mount : snapshot.mounts) {
        const bool root = mount.point == "/sys/fs/cgroup/misc";
        CgroupDirectory& directory = snapshot.directories[mount.point];
        directory.has_release_agent = root ? Tri::yes : Tri::no;
        directory.has_parent_files = Tri::yes;
        directory.outsiders = Tri::no;
    }
    return snapshot;
}

}  // namespace

std::string base_mounts() {
    return "10 1 0:39 / / rw,relatime master:2 - overlay overlay rw\n"
           "11 10 0:42 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
           "12 10 0:45 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro\n";
}

std::string cgroup_line(int id, int parent, const std::string& root, const std::string& point, const std::string& flags,
                        const std::string& options) {
    const bool v2 = options == "unified";
    return std::to_string(id) + " " + std::to_string(parent) + " 0:" + std::to_string(id) + " " + root + " " + point +
           " " + flags + ",nosuid,nodev,noexec,relatime - " +
           (v2 ? "cgroup2 cgroup rw" : "cgroup cgroup rw," + options) + "\n";
}

Snapshot snapshot_of(const std::string& mountinfo, const std::string& cgroup) {
    const Result<MountTable> mounts = parse_mountinfo(mountinfo, "mountinfo");
    const Result<std::vector<CgroupEntry>> cgroups = parse_proc_cgroup(cgroup, "cgroup");
    if (!mounts || !cgroups) {
        throw std::runtime_error(mounts ? cgroups.error().message() : mounts.error().message());
    }
    Snapshot snapshot;
    snapshot.mounts = *mounts;
    snapshot.cgroups = *cgroups;
    snapshot.status.effective_capabilities = 1U << 21U;
    snapshot.status.bounding_capabilities = 1U << 21U;
    snapshot.uid_map = "0          0 4294967295";
    snapshot.gid_map = snapshot.uid_map;
    snapshot.namespaces = {{"cgroup", kInitialCgroupNamespaceId}, {"mnt", 4026532500}, {"pid", 4026532499}};
    snapshot.kernel_release = "6.1.0-18-amd64";
    snapshot.init = {InitKind::systemd, 252, ""};
    return snapshot;
}

Snapshot docker_v1() { return snapshot_of(base_mounts() + v1_mounts(own_path(), "ro"), v1_cgroups(own_path())); }

Snapshot docker_v1_private() {
    return in_private_namespace(snapshot_of(base_mounts() + v1_mounts("/", "ro"), v1_cgroups("/")));
}

Snapshot docker_v2() {
    return in_private_namespace(
        snapshot_of(base_mounts() + cgroup_line(20, 12, "/", "/sys/fs/cgroup", "ro", "unified"), "0::/\n"));
}

Snapshot docker_hybrid_volume() {
    return snapshot_of(
        base_mounts() + v1_mounts("/", "rw") + cgroup_line(26, 20, "/", "/sys/fs/cgroup/unified", "rw", "unified"),
        v1_cgroups(own_path()) + "0::" + own_path() + "\n");
}

Snapshot with_mount(Snapshot snapshot, const std::string& line) {
    const Result<MountTable> mounts = parse_mountinfo(line, "line");
    if (!mounts) {
        throw std::runtime_error(mounts.error().message());
    }
    snapshot.mounts.push_back(mounts->front());
    return snapshot;
}

const Hierarchy& hierarchy_of(const World& world, const std::string& name) {
    for (const Hierarchy& hierarchy : world.hierarchies) {
        if (hierarchy_name(hierarchy) == name) {
            return hierarchy;
        }
    }
    throw std::runtime_error("no hierarchy " + name);
}

}  // namespace cginit
