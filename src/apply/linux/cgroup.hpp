#pragma once

#include <string>
#include <vector>

#include "cginit/kernel.hpp"

namespace cginit {

// Changes below a cgroup mount, one verb each; cgroups(7).

[[nodiscard]] Result<Outcome> make_cgroup(const std::string& path);
[[nodiscard]] Status remove_cgroup(const std::string& path);
[[nodiscard]] Status move_processes(const MoveProcesses& op);
[[nodiscard]] Status join_cgroup(const JoinCgroup& op);
[[nodiscard]] Status write_cgroup_file(const WriteCgroupFile& op);
[[nodiscard]] Status copy_cgroup_file(const CopyCgroupFile& op);
[[nodiscard]] Outcome copy_limits(const CopyLimits& op);
/// `enabled` gets those that were not enabled before.
[[nodiscard]] Result<Outcome> enable_controllers(const EnableControllers& op, std::vector<std::string>& enabled);
[[nodiscard]] Status disable_controllers(const DisableControllers& op, const std::vector<std::string>& enabled);
/// A file of a cgroup, and what was in it.
struct CgroupValue {
    std::string path;
    std::string value;
};

/// `lowered` gets the files that were written, and their values of before.
[[nodiscard]] Result<Outcome> limit_descendants(const LimitDescendants& op, std::vector<CgroupValue>& lowered);
[[nodiscard]] Status restore_values(const std::vector<CgroupValue>& values);
[[nodiscard]] Status assert_not_real_root(const AssertNotRealRoot& op);
[[nodiscard]] Status assert_real_root(const AssertRealRoot& op);
[[nodiscard]] Status assert_hierarchical_memory(const AssertHierarchicalMemory& op);
[[nodiscard]] Status assert_unpopulated(const AssertUnpopulated& op);
[[nodiscard]] Status assert_no_outsiders(const AssertNoOutsiders& op);
[[nodiscard]] Status assert_member(const AssertMember& op);
[[nodiscard]] Status probe_cgroup(const ProbeCgroup& op);

}  // namespace cginit
