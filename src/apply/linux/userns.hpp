#pragma once

#include "cginit/op.hpp"
#include "cginit/result.hpp"
#include "core/unique_fd.hpp"

namespace cginit {

/// Namespaces that nobody is in; they last as long as the descriptors, which no init sees.
struct KeptNamespaces {
    UniqueFd user;
    UniqueFd cgroup;
};

[[nodiscard]] Status unshare_with_maps(const UnshareUserNamespace& op);
[[nodiscard]] Result<KeptNamespaces> make_namespaces(const MakeUserNamespace& op);
[[nodiscard]] Status enter_namespaces(const KeptNamespaces& kept);

}  // namespace cginit
