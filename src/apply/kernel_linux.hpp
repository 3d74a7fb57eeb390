#pragma once

#include <vector>

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

    /// The namespaces that were left, the last one at the back. Close-on-exec: the init never sees them.
    std::vector<UniqueFd> left_namespaces_;
    KeptNamespaces kept_;
    ProcessGuard guard_;
};

}  // namespace cginit
