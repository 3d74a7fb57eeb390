#pragma once

#include "cginit/op.hpp"
#include "cginit/result.hpp"

namespace cginit {

// What would come too late if it failed where it is done, tried in a child process that ends right after it.

[[nodiscard]] Status rehearse_drop_capabilities(const RehearseDropCapabilities& op);
[[nodiscard]] Status rehearse_unmount(const RehearseUnmount& op);

}  // namespace cginit
