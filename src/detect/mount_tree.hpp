#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "cginit/mount_table.hpp"

namespace cginit {

/// An entry that no kernel shows there.
struct TreeFault {
    std::size_t index = 0;
    std::string text;  ///< what is wrong with it
};

/// Looks for what cannot be, because part of the table is missing or is another's: what is not seen is not guarded, and
/// a plan for mounts that hang nowhere promises nothing. Every mount lies at or below the point of its parent; only the
/// one at "/" may have its parent out of sight, or, where the root directory is no mount point, all that lie on the
/// mount that holds it (show_mountinfo(), fs/proc_namespace.c).
[[nodiscard]] std::optional<TreeFault> fault_in_tree(const MountTable& table);

}  // namespace cginit
