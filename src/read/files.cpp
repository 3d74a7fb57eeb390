#include "read/files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <string_view>
#include <utility>
#include <vector>

namespace cginit {

namespace {

/// More is no file that the kernel or cginit wrote.
constexpr std::size_t kMostBytes = 64U << 20U;
/// path_resolution(7)
constexpr int kMostLinks = 40;

bool is_link(int directory, const std::string& name) {
    struct stat status = {};
    return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

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

}  // namespace

int open_at(int directory, const char* path, int flags) { return ::openat(directory, path, flags); }

int open_beneath(int directory, const char* path, int flags) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof how));
}

int walk_beneath(int directory, const std::string& path, int flags) { return WalkBeneath(directory, path).open(flags); }

std::optional<std::string> link_text(int directory, const char* path) {
    std::string text(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(directory, path, text.data(), text.size());
    if (size < 0) {
        return std::nullopt;
    }
    text.resize(static_cast<std::size_t>(size));
    return text;
}

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

}  // namespace cginit
