#include "source/source.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "core/text.hpp"

namespace cginit {

namespace {

/// More is no file that the kernel or cginit wrote.
constexpr std::size_t kMostBytes = 64U << 20U;
/// path_resolution(7)
constexpr int kMostLinks = 40;

/// The path as the *at() calls want it below a root's fd: "/proc/self" is "proc/self", "/" is ".".
const char* below_root(const std::string& path) {
    const std::size_t begin = path.find_first_not_of('/');
    return begin == std::string::npos ? "." : path.c_str() + begin;
}

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

int open_at(int directory, const char* path, int flags) { return ::openat(directory, path, flags); }

int open_beneath(int directory, const char* path, int flags) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof how));
}

std::optional<std::string> link_text(int directory, const char* path) {
    std::string text(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(directory, path, text.data(), text.size());
    if (size < 0) {
        return std::nullopt;
    }
    text.resize(static_cast<std::size_t>(size));
    return text;
}

bool is_link(int directory, const std::string& name) {
    struct stat status = {};
    return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

/// RESOLVE_BENEATH by hand: a component at a time, of links the text. -1 and errno.
class WalkBeneath {
public:
    WalkBeneath(int root, const std::string& path) : root_(root) { push(path); }

    int open(int flags) {
        for (int links = 0; !pending_.empty();) {
            const std::string name = std::move(pending_.back());
            pending_.pop_back();
            if (name.empty() || name == ".") {
                continue;
            }
            if (name == "..") {
                if (trail_.empty()) {
                    errno = EXDEV;
                    return -1;
                }
                trail_.pop_back();
                continue;
            }
            const bool last = pending_.empty();
            if (is_link(here(), name) && !(last && (flags & O_NOFOLLOW) != 0)) {
                const auto target = link_text(here(), name.c_str());
                if (++links > kMostLinks || !target || target->starts_with('/')) {
                    errno = links > kMostLinks ? ELOOP : EXDEV;
                    return -1;
                }
                push(*target);
                continue;
            }
            const int fd = open_at(here(), name.c_str(), last ? flags : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (fd < 0 || last) {
                return fd;
            }
            trail_.emplace_back(fd);
        }
        return open_at(here(), ".", flags);
    }

private:
    [[nodiscard]] int here() const { return trail_.empty() ? root_ : trail_.back().get(); }
    void push(const std::string& path) {
        const std::vector<std::string> names = split(path, '/');
        pending_.insert(pending_.end(), names.rbegin(), names.rend());
    }

    int root_;
    std::vector<std::string> pending_;  ///< the next one at the back
    std::vector<UniqueFd> trail_;
};

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

/// Files in /proc have no size to ask for, and give a page or less per read: only 0 is the end. The buffer is not resized for
/// each of these: that would fill it with zeros as often, which is quadratic.
Result<std::string> read_all(const UniqueFd& fd, const std::string& path) {
    constexpr std::size_t kPage = 4096;
    std::string text(kPage, '\0');
    std::size_t used = 0;
    for (;;) {
        if (text.size() - used < kPage) {
            text.resize(2 * text.size());
        }
        const Result<std::size_t> count = read_some(fd, path, text, used);
        if (!count) {
            return count.error();
        }
        if (*count == 0) {
            text.resize(used);
            return text;
        }
        used += *count;
        if (used > kMostBytes) {
            return make_errno_error(EFBIG, concat({"read ", path}));
        }
    }
}

/// mounts_poll(), fs/proc_namespace.c: of the mount namespace's file, whether a mount came or went since it was opened.
bool changed_since_opened(const UniqueFd& fd) {
    pollfd asked{.fd = fd.get(), .events = POLLPRI, .revents = 0};
    return ::poll(&asked, 1, 0) > 0 && (asked.revents & POLLPRI) != 0;
}

/// `mnt_id:\t121`: for kernels whose statx(2) does not tell (before Linux 5.8), and filters that do not know it.
int mount_by_fdinfo(const char* path) {
    const Result<UniqueFd> fd = opened(path, [path] { return ::open(path, O_PATH | O_CLOEXEC); });
    const Result<UniqueFd> info = !fd ? fd.error() : opened(path, [&fd] {
        return ::open(concat({"/proc/self/fdinfo/", std::to_string(fd->get())}).c_str(), O_RDONLY | O_CLOEXEC);
    });
    const Result<std::string> text = info ? read_all(*info, path) : info.error();
    for (const std::string& line : split(text ? *text : std::string(), '\n')) {
        if (line.starts_with("mnt_id:")) {
            return static_cast<int>(parse_number(trim(std::string_view(line).substr(7))).value_or(0));
        }
    }
    return 0;
}

/// Of the directory that a descriptor, or AT_FDCWD, stands for.
int mount_of(const char* path) {
#ifdef STATX_MNT_ID
    struct statx status = {};
    const bool here = std::string_view(path) == ".";
    // An empty path asks no permission of the directory itself.
    if (::statx(AT_FDCWD, here ? "" : path, AT_NO_AUTOMOUNT | (here ? AT_EMPTY_PATH : 0), STATX_MNT_ID, &status) == 0 &&
        (status.stx_mask & STATX_MNT_ID) != 0) {
        return static_cast<int>(status.stx_mnt_id);
    }
#endif
    return mount_by_fdinfo(path);
}

std::optional<DescriptorKind> kind_of(int fd) {
    struct stat status = {};
    struct statfs system = {};
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC) != 0 || ::fstat(fd, &status) != 0) {
        return std::nullopt;
    }
    const bool known = ::fstatfs(fd, &system) == 0;
    if (known && (system.f_type == CGROUP_SUPER_MAGIC || system.f_type == CGROUP2_SUPER_MAGIC)) {
        return DescriptorKind::cgroup;
    }
    if (known && system.f_type == NSFS_MAGIC) {
        return DescriptorKind::name_space;
    }
    return S_ISDIR(status.st_mode) ? std::optional(DescriptorKind::directory) : std::nullopt;
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
    return opened(path, [&] { return WalkBeneath(root_.get(), path).open(flags); });
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

int Source::mount_of_working_directory() const { return live_ ? mount_of(".") : 0; }

int Source::mount_of_root() const { return live_ ? mount_of("/") : 0; }

std::vector<InheritedDescriptor> Source::inherited_descriptors() const {
    std::vector<InheritedDescriptor> found;
    for (const std::string& name : live_ ? list("/proc/self/fd") : std::vector<std::string>()) {
        const int number = static_cast<int>(parse_number(name).value_or(0));
        if (const auto kind = kind_of(number)) {
            found.push_back({number, *kind});
        }
    }
    return found;
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
