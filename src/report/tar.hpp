#pragma once

#include <map>
#include <string>

namespace cginit {

/// A tar archive (ustar, pax(1)) of plain files: absolute path to content, in the order of the paths, named relative to
/// `/`. Owner, mode and time are the same for all, so that the same files give the same bytes. A name that ustar cannot
/// hold is written as GNU tar does, which all others read too.
[[nodiscard]] std::string tar_archive(const std::map<std::string, std::string>& files);

}  // namespace cginit
