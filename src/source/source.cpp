#include "source/source.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "core/text.hpp"

namespace cginit {

namespace {

/// The path as the *at() calls want it below a root's fd: "/proc/self" is "proc/self", "/" is ".".
const char* below_root(const std::string& path) {
    const std::size_t begin = path.find_first_not_of('/');
    return begin == std::string::npos ? "." : path.c_str() + begin;
}

/// O_NOCTTY: whatever the path turns out to be, it must not become our controlling terminal.
Result<UniqueFd> open_below(const UniqueFd& root, const std::string& path, int flags) {
    for (;;) {
        const int fd = ::openat(root.get(), below_root(path), flags | O_CLOEXEC | O_NOCTTY);
        if (fd >= 0) {
            return UniqueFd(fd);
        }
        if (errno != EINTR) {
            return make_errno_error(errno, concat({"open ", path}));
        }
    }
}

/// Fills `buffer` from `begin` on; the count says how far, 0 at the end of the file.
Result<std::size_t> read_some(const UniqueFd& fd, const std::string& path, std::string& buffer, std::size_t begin) {
    for (;;) {
        const ssize_t count = ::read(fd.get(), buffer.data() + begin, buffer.size() - begin);
        if (count >= 0) {
            return static_cast<std::size_t>(count);
        }
        if (errno != EINTR) {
            return make_errno_error(errno, concat({"read ", path}));
        }
    }
}

FileType file_type(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFREG: return FileType::regular;
        case S_IFDIR: return FileType::directory;
        case S_IFLNK: return FileType::symlink;
        default: return FileType::other;
    }
}

}  // namespace

Result<Source> Source::open(const std::string& root) {
    const bool live = !root.empty() && root.find_first_not_of('/') == std::string::npos;
    // O_PATH: a root that may be walked but not listed is enough.
    const int fd = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return make_errno_error(errno, concat({"open ", root}));
    }
    return Source(UniqueFd(fd), live);
}

Result<std::string> Source::read(const std::string& path) const {
    // Whoever made a capture must not hold up whoever replays it with a FIFO, nor lead to files without end.
    const Result<UniqueFd> fd = open_below(root_, path, live_ ? O_RDONLY : O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (!fd) {
        return fd.error();
    }
    // Files in /proc have no size to ask for, and give a page or less per read: only 0 is the end. The buffer is not
    // resized for each of these: that would fill it with zeros as often, which is quadratic.
    constexpr std::size_t kPage = 4096;
    std::string text(kPage, '\0');
    std::size_t used = 0;
    for (;;) {
        if (text.size() - used < kPage) {
            text.resize(2 * text.size());
        }
        const Result<std::size_t> count = read_some(*fd, path, text, used);
        if (!count) {
            return count.error();
        }
        if (*count == 0) {
            text.resize(used);
            note(path, text);
            return text;
        }
        used += *count;
    }
}

Result<std::optional<std::string>> Source::read_if_exists(const std::string& path) const {
    Result<std::string> text = read(path);
    if (text) {
        return std::optional<std::string>(std::move(*text));
    }
    // ENOTDIR: something above it is a file, so it does not exist either.
    if (text.error().errnum == ENOENT || text.error().errnum == ENOTDIR) {
        return std::optional<std::string>();
    }
    return text.error();
}

Result<std::string> Source::read_head(const std::string& path, std::size_t limit) const {
    // O_NONBLOCK: a FIFO that took the file's place must not hold up PID 1.
    const Result<UniqueFd> fd = open_below(root_, path, O_RDONLY | O_NONBLOCK);
    if (!fd) {
        return fd.error();
    }
    std::string text(limit, '\0');
    std::size_t used = 0;
    while (used < limit) {
        const Result<std::size_t> count = read_some(*fd, path, text, used);
        if (!count) {
            return count.error();
        }
        if (*count == 0) {
            break;
        }
        used += *count;
    }
    text.resize(used);
    return text;
}

std::optional<std::string> Source::read_link_if_exists(const std::string& path) const {
    std::string text(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(root_.get(), below_root(path), text.data(), text.size());
    if (size >= 0) {
        text.resize(static_cast<std::size_t>(size));
        note(path, text + '\n');
        return text;
    }
    if (errno != EINVAL) {
        return std::nullopt;
    }
    const Result<std::string> plain = read(path);
    if (!plain) {
        return std::nullopt;
    }
    return std::string(trim(*plain));
}

void Source::note(const std::string& path, const std::string& text) const {
    if (noted_ != nullptr) {
        (*noted_)[path] = text;
    }
}

FileType Source::type(const std::string& path) const {
    struct stat status = {};
    if (::fstatat(root_.get(), below_root(path), &status, AT_SYMLINK_NOFOLLOW) == 0) {
        return file_type(status.st_mode);
    }
    const bool absent = errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG;
    return absent ? FileType::absent : FileType::unknown;
}

bool Source::exists(const std::string& path) const {
    const FileType found = type(path);
    return found != FileType::absent && found != FileType::unknown;
}

bool Source::is_executable(const std::string& path) const {
    if (::faccessat(root_.get(), below_root(path), X_OK, AT_EACCESS) == 0) {
        return true;
    }
    // Not the file's own: old seccomp profiles refuse faccessat2(2) so, and glibc takes their word.
    struct stat status = {};
    constexpr mode_t kAnyone = S_IXUSR | S_IXGRP | S_IXOTH;
    return errno == EPERM && ::fstatat(root_.get(), below_root(path), &status, 0) == 0 &&
           (status.st_mode & kAnyone) != 0;
}

bool Source::refuses_writing(const std::string& path) const {
    // EROFS is told only where the rest permits it; access(2), do_faccessat(), fs/open.c.
    return ::faccessat(root_.get(), below_root(path), W_OK, AT_EACCESS) != 0 && errno == EACCES;
}

std::vector<std::string> Source::list(const std::string& path) const {
    std::vector<std::string> names;
    const int fd = ::openat(root_.get(), below_root(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return names;
    }
    DIR* directory = ::fdopendir(fd);
    if (directory == nullptr) {
        ::close(fd);
        return names;
    }
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(directory);
        if (entry == nullptr) {
            break;
        }
        std::string name = entry->d_name;
        if (name != "." && name != "..") {
            names.push_back(std::move(name));
        }
    }
    if (errno != 0) {
        // Half a list would pass for a whole one.
        names.clear();
    }
    ::closedir(directory);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace cginit
