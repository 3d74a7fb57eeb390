#pragma once

#include <cerrno>
#include <optional>
#include <string>

#include "cginit/result.hpp"
#include "core/text.hpp"
#include "core/unique_fd.hpp"

namespace cginit {

/// One open(2) of some kind; -1 and errno.
template <class Open>
Result<UniqueFd> opened(const std::string& path, Open open) {
    for (;;) {
        const int fd = open();
        if (fd >= 0) {
            return UniqueFd(fd);
        }
        if (errno != EINTR) {
            return make_errno_error(errno, concat({"open ", path}));
        }
    }
}

/// openat(2)
[[nodiscard]] int open_at(int directory, const char* path, int flags);
/// openat2(2) with RESOLVE_BENEATH: no link leads out of the directory. ENOSYS before Linux 5.6.
[[nodiscard]] int open_beneath(int directory, const char* path, int flags);
/// The same by hand: a component at a time, of links the text. -1 and errno.
[[nodiscard]] int walk_beneath(int directory, const std::string& path, int flags);
/// The text of a symbolic link; empty and errno.
[[nodiscard]] std::optional<std::string> link_text(int directory, const char* path);
/// Fills `buffer` from `begin` on; the count says how far, 0 at the end of the file.
[[nodiscard]] Result<std::size_t> read_some(const UniqueFd& fd, const std::string& path, std::string& buffer,
                                            std::size_t begin);
/// The whole file, 64 MiB at most (EFBIG).
[[nodiscard]] Result<std::string> read_all(const UniqueFd& fd, const std::string& path);

}  // namespace cginit
