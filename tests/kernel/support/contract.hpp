#pragma once

#include <string>
#include <vector>

#include "kernel/support/test_cgroups.hpp"

namespace cginit {

/// What differs from run to run.
struct ExpectedView {
    std::vector<std::string> kept = {};  ///< mount points that are not judged
    /// v1 controllers whose hierarchies are visible and EROFS; everything else takes a child cgroup.
    std::vector<std::string> read_only = {"blkio", "freezer"};
    bool leaf = false;  ///< the init sits in `init.scope` and its root has controllers enabled
};

/// What the init would find, judged from the running system alone: every cgroup mount, covered ones too, shows the own
/// cgroup and nothing above; the init finds itself at mount point + its path in /proc/self/cgroup; what is expected to be
/// read-only is, and everything else takes a child cgroup. One text per breach.
[[nodiscard]] std::vector<std::string> breaches_of_contract(const ExpectedView& expected);

/// What systemd would find missing of what it expects of a container manager: every mount shared, /sys read-only, a
/// tmpfs at each of `tmpfs`, no terminals of the machine, and a /dev whose devices open. One text each.
[[nodiscard]] std::vector<std::string> unmet_expectations(const std::vector<std::string>& tmpfs);

/// All that a run which fails has to leave as it was: the mount table modulo mount ids and peer groups, the own cgroups
/// with everything in them, /proc/self/cgroup and the cgroup namespace. `process`: of which process, a directory of /proc.
[[nodiscard]] std::vector<std::string> container_facts(const TestCgroups& cgroups,
                                                       const std::string& process = "/proc/self");

}  // namespace cginit
