#include "apply/kernel_linux_process.hpp"

#include <dirent.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "core/text.hpp"

namespace cginit {
namespace {

struct CloseDir {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
using DirPtr = std::unique_ptr<DIR, CloseDir>;

/// execve(2) takes char* for historical reasons and changes nothing.
std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (const std::string& text : texts) {
        pointers.push_back(const_cast<char*>(text.c_str()));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    }
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

Status close_descriptors(const CloseDescriptors& op) {
    const DirPtr directory(::opendir("/proc/self/fd"));
    if (!directory) {
        return make_errno_error(errno, "opendir /proc/self/fd");
    }
    std::vector<int> open;
    const int own = ::dirfd(directory.get());
    while (const dirent* entry = ::readdir(directory.get())) {  // NOLINT(concurrency-mt-unsafe)
        const auto number = parse_number(static_cast<const char*>(entry->d_name));
        const int fd = number ? static_cast<int>(*number) : -1;
        if (fd >= op.first && fd != own) {
            open.push_back(fd);
        }
    }
    for (const int fd : open) {
        ::close(fd);
    }
    return {};
}

Status execute_program(const ExecuteProgram& op) {
    const std::vector<char*> argv = pointers_to(op.argv);
    const std::vector<char*> environment = pointers_to(op.environment);
    ::execve(op.file.c_str(), argv.data(), environment.data());
    Error error = make_errno_error(errno, concat({"execve ", op.file}));
    error.kind = error.errnum == ENOENT ? ErrorKind::not_found : ErrorKind::cannot_execute;
    return error;
}

}  // namespace cginit
