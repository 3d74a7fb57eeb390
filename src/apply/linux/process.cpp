#include "apply/linux/calls.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/capability.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <type_traits>

#include "core/text.hpp"

namespace cginit {
namespace {

struct CloseDir {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
struct FreeCapabilities {
    void operator()(cap_t capabilities) const { ::cap_free(capabilities); }
};
using CapabilitiesPtr = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCapabilities>;
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

bool is_closed_by_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

bool is_effective(cap_value_t capability) {
    const CapabilitiesPtr own(::cap_get_proc());
    cap_flag_value_t value = CAP_CLEAR;
    return own && ::cap_get_flag(own.get(), capability, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
}

/// Of names as libcap has them; those that the kernel does not know are dropped already.
Result<std::vector<cap_value_t>> numbers_of(const std::vector<std::string>& names) {
    std::vector<cap_value_t> numbers;
    for (const std::string& name : names) {
        cap_value_t capability = 0;
        if (::cap_from_name(name.c_str(), &capability) != 0) {
            return make_errno_error(EINVAL, concat({"capability ", name}));
        }
        if (CAP_IS_SUPPORTED(capability)) {
            numbers.push_back(capability);
        }
    }
    return numbers;
}

/// Who does not hold CAP_SYS_ADMIN has nothing to lose, and may set no filter.
Status forbid_if_dropped(const std::vector<cap_value_t>& dropped) {
    const bool sys_admin = std::find(dropped.begin(), dropped.end(), CAP_SYS_ADMIN) != dropped.end();
    return sys_admin && is_effective(CAP_SYS_ADMIN) ? forbid_user_namespaces() : Status();
}

Status drop_from_all_sets(const std::vector<cap_value_t>& dropped) {
    // CAP_SETPCAP may be one of them: the sets that need it come first.
    for (const cap_value_t capability : dropped) {
        if (::cap_drop_bound(capability) != 0) {
            return make_errno_error(errno, "prctl(PR_CAPBSET_DROP)");
        }
        if (CAP_AMBIENT_SUPPORTED() && ::cap_set_ambient(capability, CAP_CLEAR) != 0) {
            return make_errno_error(errno, "prctl(PR_CAP_AMBIENT_LOWER)");
        }
    }
    // cap_set_flag(3) takes no empty list.
    if (dropped.empty()) {
        return {};
    }
    const CapabilitiesPtr own(::cap_get_proc());
    const auto count = static_cast<int>(dropped.size());
    bool good = own != nullptr;
    for (const cap_flag_t set : {CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE}) {
        good = good && ::cap_set_flag(own.get(), set, count, dropped.data(), CAP_CLEAR) == 0;
    }
    return good && ::cap_set_proc(own.get()) == 0 ? Status() : Status(make_errno_error(errno, "capset"));
}

}  // namespace

Status close_descriptors(const CloseDescriptors& op) {
    const DirPtr directory(::opendir("/proc/self/fd"));
    if (!directory) {
        return make_errno_error(errno, "opendir /proc/self/fd");
    }
    std::vector<int> open;
    const int own = ::dirfd(directory.get());
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(directory.get());  // NOLINT(concurrency-mt-unsafe)
        if (entry == nullptr) {
            break;
        }
        const auto number = parse_number(static_cast<const char*>(entry->d_name));
        const int fd = number ? static_cast<int>(*number) : -1;
        if (fd >= op.first && fd != own && !is_closed_by_exec(fd)) {
            open.push_back(fd);
        }
    }
    if (errno != 0) {
        return make_errno_error(errno, "readdir /proc/self/fd");
    }
    open.insert(open.end(), op.others.begin(), op.others.end());
    for (const int fd : open) {
        ::close(fd);
        // Who writes to a descriptor that is closed writes to the next file that is opened.
        if (fd <= STDERR_FILENO && ::open("/dev/null", O_RDWR) != fd) {
            return make_errno_error(errno, "open /dev/null");
        }
    }
    return {};
}

Status drop_capabilities(const DropCapabilities& op) {
    const Result<std::vector<cap_value_t>> dropped = numbers_of(op.names);
    if (!dropped) {
        return dropped.error();
    }
    const Status forbidden = forbid_if_dropped(*dropped);
    return forbidden ? drop_from_all_sets(*dropped) : forbidden;
}

Status keep_capabilities(const KeepCapabilities& op) {
    const Result<std::vector<cap_value_t>> unwanted = numbers_of(op.but_for);
    if (!unwanted) {
        return unwanted.error();
    }
    Status forbidden = forbid_if_dropped(*unwanted);
    if (!forbidden) {
        return forbidden;
    }
    std::vector<cap_value_t> dropped;
    for (cap_value_t capability = 0; CAP_IS_SUPPORTED(capability); ++capability) {
        const bool wanted = ((op.mask >> static_cast<unsigned>(capability)) & 1U) != 0 &&
                            std::find(unwanted->begin(), unwanted->end(), capability) == unwanted->end();
        if (!wanted) {
            dropped.push_back(capability);
        }
    }
    return drop_from_all_sets(dropped);
}

Status execute_program(const ExecuteProgram& op) {
    const std::vector<char*> argv = pointers_to(op.argv);
    const std::vector<char*> environment = pointers_to(op.environment);
    ::execve(op.file.c_str(), argv.data(), environment.data());
    const int errnum = errno;
    return make_errno_error(errnum, concat({"execve ", op.file}))
        .about_init(errnum == ENOENT ? ErrorKind::not_found : ErrorKind::cannot_execute);
}

}  // namespace cginit
