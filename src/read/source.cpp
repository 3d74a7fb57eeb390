#include "read/source.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/text.hpp"
#include "read/files.hpp"

namespace cginit {

namespace {

/// The path as the *at() calls want it below a root's fd: "/proc/self" is "proc/self", "/" is ".".
const char* below_root(const std::string& path) {
    const std::size_t begin = path.find_first_not_of('/');
    return begin == std::string::npos ? "." : path.c_str() + begin;
}

/// mounts_poll(), fs/proc_namespace.c: of the mount namespace's file, whether a mount came or went since it was opened.
bool changed_since_opened(const UniqueFd& fd) {
    pollfd asked{.fd = fd.get(), .events = POLLPRI, .revents = 0};
    return ::poll(&asked, 1, 0) > 0 && (asked.revents & POLLPRI) != 0;
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

Result<Source> Source::open(const std::string& root, Beneath beneath) {
    const bool live = !root.empty() && root.find_first_not_of('/') == std::string::npos;
    if (live) {
        return Source(UniqueFd(), live, beneath);
    }
    // O_PATH: a root that may be walked but not listed is enough.
    UniqueFd fd(::open(root.c_str(), O_PATH | O_CLOEXEC));
    struct stat status = {};
    if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
        return make_errno_error(errno, concat({"open ", root}));
    }
    if (S_ISDIR(status.st_mode)) {
        return Source(std::move(fd), live, beneath);
    }
    if (!S_ISREG(status.st_mode)) {
        return make_error(ErrorCode::usage, concat({root, " is neither a capture's file nor a folder"}));
    }
    const Result<UniqueFd> file = opened(root, [&root] { return ::open(root.c_str(), O_RDONLY | O_CLOEXEC); });
    const Result<std::string> content = file ? read_all(*file, root) : file.error();
    Result<Files> files = content ? read_capture(*content, root) : content.error();
    return files ? Result<Source>(Source(std::move(*files))) : files.error();
}

/// Of a capture that is one file.
Result<std::string> Source::text_of(const std::string& path) const {
    const auto file = files_->find(path);
    if (file != files_->end()) {
        return file->second;
    }
    return has_directory(*files_, path) ? make_errno_error(EISDIR, concat({"read ", path}))
                                        : make_errno_error(ENOENT, concat({"open ", path}));
}

/// O_NOCTTY: whatever the path turns out to be, it must not become our controlling terminal.
Result<UniqueFd> Source::open_below(const std::string& path, int flags) const {
    flags |= O_CLOEXEC | ((flags & O_PATH) != 0 ? 0 : O_NOCTTY);
    if (live_) {
        return opened(path, [&] { return open_at(AT_FDCWD, path.c_str(), flags); });
    }
    if (beneath_ == Beneath::by_kernel) {
        Result<UniqueFd> fd = opened(path, [&] { return open_beneath(root_.get(), below_root(path), flags); });
        // Filters that do not know openat2(2) say EPERM.
        if (fd || (fd.error().errnum != ENOSYS && fd.error().errnum != EPERM)) {
            return fd;
        }
    }
    return opened(path, [&] { return walk_beneath(root_.get(), path, flags); });
}

/// Whoever made a capture must not hold up whoever replays it with a FIFO, nor lead to files without end.
Result<UniqueFd> Source::open_to_read(const std::string& path) const {
    return open_below(path, live_ ? O_RDONLY : O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
}

Result<std::string> Source::read(const std::string& path) const {
    const Result<UniqueFd> fd = files_ ? UniqueFd() : open_to_read(path);
    Result<std::string> text = files_ ? text_of(path) : (fd ? read_all(*fd, path) : fd.error());
    if (text) {
        note(path, *text);
    }
    return text;
}

Result<std::string> Source::read_settled(const std::string& path) const {
    if (files_) {
        return read(path);
    }
    constexpr int kTries = 20;
    std::string before;
    for (int i = 0; i < kTries; ++i) {
        const Result<UniqueFd> fd = open_to_read(path);
        Result<std::string> text = fd ? read_all(*fd, path) : fd.error();
        // Where poll(2) knows nothing of mounts it says that they changed each time.
        if (!text || !changed_since_opened(*fd) || (i > 0 && *text == before)) {
            if (text) {
                note(path, *text);
            }
            return text;
        }
        before = std::move(*text);
    }
    return make_errno_error(EBUSY, concat({path, " keeps changing"}));
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
    if (files_) {
        Result<std::string> whole = text_of(path);
        return whole ? whole->substr(0, limit) : whole;
    }
    // O_NONBLOCK: a FIFO that took the file's place must not hold up PID 1.
    const Result<UniqueFd> fd = open_below(path, O_RDONLY | O_NONBLOCK);
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

std::optional<std::string> Source::peek_link(const std::string& path) const {
    return live_ ? link_text(AT_FDCWD, path.c_str()) : std::nullopt;
}

std::optional<std::string> Source::read_link_if_exists(const std::string& path) const {
    std::optional<std::string> text;
    if (files_) {
        errno = EINVAL;  // nothing is a link there
    } else if (live_) {
        text = link_text(AT_FDCWD, path.c_str());
    } else if (const Result<UniqueFd> fd = open_below(path, O_PATH | O_NOFOLLOW)) {
        text = link_text(fd->get(), "");
        errno = text ? 0 : EINVAL;
    }
    if (text) {
        note(path, *text + '\n');
        return text;
    }
    if (errno != EINVAL) {
        return std::nullopt;
    }
    const Result<std::string> plain = read(path);
    return plain ? std::optional<std::string>(trim(*plain)) : std::nullopt;
}

void Source::note(const std::string& path, const std::string& text) const {
    if (noted_ != nullptr) {
        (*noted_)[path] = text;
    }
}

FileType Source::type(const std::string& path) const {
    if (files_) {
        return files_->contains(path) ? FileType::regular
                                      : (has_directory(*files_, path) ? FileType::directory : FileType::absent);
    }
    struct stat status = {};
    int errnum = 0;
    if (live_) {
        errnum = ::fstatat(AT_FDCWD, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
    } else {
        const Result<UniqueFd> fd = open_below(path, O_PATH | O_NOFOLLOW);
        errnum = !fd ? fd.error().errnum : (::fstat(fd->get(), &status) == 0 ? 0 : errno);
    }
    switch (errnum) {
        case 0: return file_type(status.st_mode);
        case ENOENT:
        case ENOTDIR:
        case ELOOP:
        case ENAMETOOLONG: return FileType::absent;
        default: return FileType::unknown;
    }
}

bool Source::exists(const std::string& path) const {
    const FileType found = type(path);
    return found != FileType::absent && found != FileType::unknown;
}

bool Source::is_executable(const std::string& path) const {
    if (files_) {
        return false;
    }
    const int directory = live_ ? AT_FDCWD : root_.get();
    const char* name = live_ ? path.c_str() : below_root(path);
    if (::faccessat(directory, name, X_OK, AT_EACCESS) == 0) {
        return true;
    }
    // Not the file's own: old seccomp profiles refuse faccessat2(2) so, and glibc takes their word.
    struct stat status = {};
    constexpr mode_t kAnyone = S_IXUSR | S_IXGRP | S_IXOTH;
    return errno == EPERM && ::fstatat(directory, name, &status, 0) == 0 && (status.st_mode & kAnyone) != 0;
}

bool Source::refuses_writing(const std::string& path) const {
    // EROFS is told only where the rest permits it; access(2), do_faccessat(), fs/open.c.
    return live_ && ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0 && errno == EACCES;
}

bool Source::is_of_another_user(const std::string& path) const {
    struct stat status {};
    return live_ && ::fstatat(AT_FDCWD, path.c_str(), &status, 0) == 0 && status.st_uid != ::geteuid();
}

bool Source::is_of_unmapped_user(const std::string& path) const {
    constexpr uid_t kOverflowUid = 65534;  // /proc/sys/kernel/overflowuid, which nobody changes
    struct stat status {};
    return live_ && ::fstatat(AT_FDCWD, path.c_str(), &status, 0) == 0 && status.st_uid == kOverflowUid;
}

bool Source::is_empty(const std::string& path) const {
    return type(path) == FileType::directory && list(path).empty() &&
           (files_ || open_below(path, O_RDONLY | O_DIRECTORY).has_value());
}

std::vector<std::string> Source::list(const std::string& path) const {
    if (files_) {
        return names_in(*files_, path);
    }
    std::vector<std::string> names;
    Result<UniqueFd> fd = open_below(path, O_RDONLY | O_DIRECTORY);
    DIR* directory = fd ? ::fdopendir(fd->get()) : nullptr;
    if (directory == nullptr) {
        return names;
    }
    static_cast<void>(fd->release());
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
