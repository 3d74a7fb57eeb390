#include "apply/linux/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "core/path.hpp"
#include "core/text.hpp"
#include "core/unique_fd.hpp"

namespace cginit {

Result<std::string> read_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.valid()) {
        return make_errno_error(errno, concat({"open ", path}));
    }
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
        const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return make_errno_error(errno, concat({"read ", path}));
        }
        if (count == 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

Status write_file(const std::string& path, std::string_view value) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.valid()) {
        return make_errno_error(errno, concat({"open ", path}));
    }
    for (;;) {
        if (::write(fd.get(), value.data(), value.size()) >= 0) {
            return {};
        }
        if (errno != EINTR) {
            return make_errno_error(errno, concat({"write \"", value, "\" to ", path}));
        }
    }
}

Status write_new_file(const std::string& path, std::string_view content) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!fd.valid()) {
        return make_errno_error(errno, concat({"create ", path}));
    }
    ssize_t count = 0;
    while (!content.empty() && (count >= 0 || errno == EINTR)) {
        count = ::write(fd.get(), content.data(), content.size());
        content.remove_prefix(count < 0 ? 0U : static_cast<std::size_t>(count));
    }
    // Some file systems tell only then that there was no room.
    if (!content.empty() || ::fsync(fd.get()) != 0) {
        const int errnum = errno;
        ::unlink(path.c_str());
        return make_errno_error(errnum, concat({"write ", path}));
    }
    return {};
}

Status replace_file(const std::string& path, std::string_view content) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        return make_errno_error(errno, concat({"lstat ", path}));
    }
    const std::string beside = concat({path, ".new"});
    Status written = write_new_file(beside, content);
    if (!written) {
        return written.error().errnum == EEXIST
                   ? written.error().with_hint({ErrorCode::usage, {}, {concat({"remove ", beside})}})
                   : written;
    }
    constexpr mode_t kBits = 07777;
    if (::chown(beside.c_str(), status.st_uid, status.st_gid) != 0 ||
        ::chmod(beside.c_str(), status.st_mode & kBits) != 0 || ::rename(beside.c_str(), path.c_str()) != 0) {
        written = make_errno_error(errno, concat({"rename ", beside}));
        ::unlink(beside.c_str());
    }
    return written;
}

Result<std::vector<std::string>> list_numbers(const std::string& path) {
    const Result<std::string> text = read_file(path);
    if (!text) {
        return text.error();
    }
    std::vector<std::string> numbers;
    for (std::string& line : split(*text, '\n')) {
        if (!line.empty() && line != "0") {
            numbers.push_back(std::move(line));
        }
    }
    return numbers;
}

Result<std::vector<std::string>> list_processes(const std::string& cgroup) {
    return list_numbers(join_path(cgroup, "cgroup.procs"));
}

}  // namespace cginit
