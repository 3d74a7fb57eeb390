#pragma once

#include <string>

#include "cginit/result.hpp"
#include "read/source.hpp"

namespace cginit {

/// Where an absolute path leads when all symlinks are followed below the source's root, as chroot(2) would have it:
/// absolute links start at that root and `..` does not leave it. The kernel's own walk would take a capture's links
/// for the running system's. Errors: ENOENT, ENOTDIR, ELOOP (more than 40 links, as in path_resolution(7)).
[[nodiscard]] Result<std::string> resolve_path(const Source& source, const std::string& path);

}  // namespace cginit
