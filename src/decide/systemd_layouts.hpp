#pragma once

#include <vector>

#include "cginit/init_traits.hpp"
#include "cginit/world.hpp"

namespace cginit {

// What which systemd can live with: its NEWS and src/shared/mount-setup.c.

inline constexpr int kFirstOnV2 = 230;
inline constexpr int kFirstHybrid = 233;  ///< today's hybrid, with cgroup2 on `unified`
inline constexpr int kSlowOnV1 = 256;     ///< boots on v1 after a pause of 30 s
inline constexpr int kFirstUnifiedOnly = 258;
inline constexpr int kFirstPersistentJournal = 259;  ///< Storage=persistent is its default

/// The layouts on which the init boots; all of them where it does not care, or where it is not known.
[[nodiscard]] std::vector<View> compatible_layouts(const InitTraits& init);

}  // namespace cginit
