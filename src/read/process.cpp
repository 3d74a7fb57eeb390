#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>

#include "read/files.hpp"
#include "read/source.hpp"

// What this process carries along, which no file of the system tells.

namespace cginit {

namespace {

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

}  // namespace

int Source::mount_of_working_directory() const { return live_ ? mount_of(".") : 0; }

int Source::mount_of_root() const { return live_ ? mount_of("/") : 0; }

std::string Source::container_variable() const {
    constexpr std::size_t kLongest = 32;
    const char* value = live_ ? ::getenv("container") : nullptr;
    const std::string_view name = value == nullptr ? std::string_view() : std::string_view(value);
    const bool is_name =
        std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
    return is_name && name.size() <= kLongest ? std::string(name) : std::string();
}

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

std::optional<std::uint64_t> own_pidfd_id() {
    constexpr decltype(statfs::f_type) kPidfsMagic = 0x50494446;  // PID_FS_MAGIC of linux/magic.h since Linux 6.9
    const UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
    struct statfs system = {};
    struct stat status = {};
    if (fd.get() < 0 || ::fstatfs(fd.get(), &system) != 0 || system.f_type != kPidfsMagic ||
        ::fstat(fd.get(), &status) != 0) {
        return std::nullopt;
    }
    return status.st_ino;
}

}  // namespace cginit
