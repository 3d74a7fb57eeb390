#pragma once

#include <string>
#include <vector>

#include "cginit/world.hpp"

namespace cginit {

// Made-up containers that a test changes where it matters. All have CAP_SYS_ADMIN, are PID 1 and run systemd 252 on a
// kernel with cgroup namespaces.

/// The 64 digits of the container's id.
inline constexpr const char* kId = "3aef6c8d8a84a8848a7970fe404bf83b3df287fa09e547424385a81ad2b6bb3c";
inline constexpr std::uint64_t kInitialCgroupNamespaceId = 4026531835;
inline constexpr std::uint64_t kPrivateCgroupNamespaceId = 4026532577;

/// The mounts of the root file system, /proc and /sys (ids 10, 11, 12).
[[nodiscard]] std::string base_mounts();
/// One line of mountinfo for a v1 hierarchy or a cgroup2 mount (`options` = "unified").
[[nodiscard]] std::string cgroup_line(int id, int parent, const std::string& root, const std::string& point,
                                      const std::string& flags, const std::string& options);

/// A Snapshot of these two files; everything else as said above, in the host's cgroup namespace.
[[nodiscard]] Snapshot snapshot_of(const std::string& mountinfo, const std::string& cgroup);

/// Docker on v1, cgroupns=host: cpu,cpuacct and memory and blkio and name=systemd in `/docker/ID`, misc at the root.
[[nodiscard]] Snapshot docker_v1();
/// The same with a private cgroup namespace: all roots and paths are `/`.
[[nodiscard]] Snapshot docker_v1_private();
/// What a cginit of such a container gives for a mount source (World::mount_mark).
inline constexpr const char* kOwnMark = "cginit:[4026532499]";
/// Docker on v2, private cgroup namespace, read-only.
[[nodiscard]] Snapshot docker_v2();
/// Docker on a hybrid host with `-v /sys/fs/cgroup:/sys/fs/cgroup:ro`: the host's roots, writable.
[[nodiscard]] Snapshot docker_hybrid_volume();

/// The Snapshot with one more line of mountinfo.
[[nodiscard]] Snapshot with_mount(Snapshot snapshot, const std::string& line);
/// The hierarchy of that name; fails the test if there is none.
[[nodiscard]] const Hierarchy& hierarchy_of(const World& world, const std::string& name);

}  // namespace cginit
