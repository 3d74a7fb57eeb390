#pragma once

#include <map>
#include <string>
#include <vector>

#include "apply/kernel_linux_cgroup.hpp"
#include "apply/kernel_linux_guard.hpp"
#include "apply/kernel_linux_userns.hpp"
#include "cginit/kernel.hpp"
#include "core/unique_fd.hpp"

namespace cginit {

/// The running kernel. The only class that changes the system: mounts through libmount, one mount(2) per op; the rest
/// through one call per verb.
class KernelLinux final : public Kernel {
public:
    Result<Outcome> perform(const Op& op) override;

private:
    Status unshare_cgroup_namespace();
    Status restore_cgroup_namespace();
    Status unshare_user_namespace(const UnshareUserNamespace& op);
    Status make_user_namespace(const MakeUserNamespace& op);
    Status enter_user_namespace();
    Result<Outcome> enter_directory(const EnterDirectory& op);
    Status return_to_directory();
    Result<Outcome> enable(const EnableControllers& op);
    Status disable(const DisableControllers& op);
    Result<Outcome> limit_descendants(const LimitDescendants& op);
    Status restore_descendant_limits(const RestoreDescendantLimits& op);

    /// The namespaces that were left, the last one at the back. Close-on-exec: the init never sees them.
    std::vector<UniqueFd> left_namespaces_;
    std::vector<UniqueFd> left_directories_;
    /// What was enabled here, by cgroup: all that DisableControllers may take back.
    std::map<std::string, std::vector<std::string>> enabled_;
    /// What LimitDescendants lowered, by cgroup: the files, and what was in them.
    std::map<std::string, std::vector<CgroupValue>> lowered_;
    KeptNamespaces kept_;
    ProcessGuard guard_;
};

}  // namespace cginit
