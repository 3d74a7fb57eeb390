#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <string>

namespace cginit {

/// The errors that are injected.
inline constexpr std::array kErrnos{EPERM, EACCES, EBUSY, EINVAL, ENOENT, ENOSPC, EROFS, ENOMEM, EINTR};

/// CGINIT_FAULTS=all: every fault with every errno. CGINIT_FAULTS=rotate, and by default: every fault with one of them,
/// the next fault with the next one.
[[nodiscard]] bool all_faults();

/// What was injected, and what came of it.
struct Tally {
    std::array<std::size_t, kErrnos.size()> errors{};  ///< as kErrnos
    std::size_t kills = 0;
    std::size_t refused = 0;       ///< one error, and all as it was
    std::size_t survived = 0;      ///< a good view all the same
    std::size_t after_commit = 0;  ///< one error, on the way from a good view to the init
    std::size_t before_main = 0;   ///< the C and C++ libraries gave up, before anything was done
    std::size_t never = 0;         ///< steps or calls that are never come to, since another way was taken

    void count_error(int errnum);
    Tally& operator+=(const Tally& other);
    void print(const std::string& name) const;
};

/// Runs `body` in this many processes at once, each with its number, and adds up what they count. The kernel lets whoever
/// changes cgroups and namespaces wait for its grace periods; the processors have nothing to do meanwhile.
inline constexpr std::size_t kWorkers = 4;
[[nodiscard]] Tally in_workers(const std::function<Tally(std::size_t worker)>& body);

}  // namespace cginit
