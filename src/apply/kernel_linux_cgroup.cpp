#include "apply/kernel_linux_cgroup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/path.hpp"
#include "core/text.hpp"
#include "core/unique_fd.hpp"

namespace cginit {
namespace {

/// How often the list of processes is read again: each pass catches what was forked during the one before.
constexpr int kMovePasses = 64;
/// How often a controller is tried while processes that enter the cgroup meanwhile keep it busy.
constexpr int kEnablePasses = 32;
constexpr const char* kProbeName = "cginit-probe";

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

/// cgroup files take one value per write(2).
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

/// The processes of this pid namespace; those of others read as 0.
Result<std::vector<std::string>> list_processes(const std::string& cgroup) {
    const Result<std::string> text = read_file(join_path(cgroup, "cgroup.procs"));
    if (!text) {
        return text.error();
    }
    std::vector<std::string> pids;
    for (std::string& line : split(*text, '\n')) {
        if (!line.empty() && line != "0") {
            pids.push_back(std::move(line));
        }
    }
    return pids;
}

bool exists(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}

}  // namespace

Status make_cgroup(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) {
        return {};
    }
    return make_errno_error(errno, concat({"mkdir ", path}));
}

Status remove_cgroup(const std::string& path) {
    if (::rmdir(path.c_str()) == 0) {
        return {};
    }
    return make_errno_error(errno, concat({"rmdir ", path}));
}

Status move_processes(const MoveProcesses& op) {
    const std::string target = join_path(op.to, "cgroup.procs");
    std::vector<std::string> moved_pids;
    const auto take_back = [&op, &moved_pids] {
        for (const std::string& pid : moved_pids) {
            static_cast<void>(write_file(join_path(op.from, "cgroup.procs"), pid));
        }
    };
    for (int pass = 0; pass < kMovePasses; ++pass) {
        const auto pids = list_processes(op.from);
        if (pids && pids->empty()) {
            return {};
        }
        if (!pids) {
            take_back();
            return pids.error();
        }
        for (const std::string& pid : *pids) {
            Status moved = write_file(target, pid);
            // It ended since the list was read, or is a zombie, which can be in no other cgroup than its last.
            if (!moved && moved.error().errnum != ESRCH) {
                take_back();
                return moved;
            }
            moved_pids.push_back(pid);
        }
    }
    take_back();
    return make_error(concat({op.from, ": new processes kept appearing"}),
                      "stop what forks in the container at its start");
}

Status copy_cgroup_file(const CopyCgroupFile& op) {
    const Result<std::string> text = read_file(op.from);
    if (!text) {
        return text.error();
    }
    const std::string value(trim(*text));
    return value.empty() ? Status() : write_file(op.to, value);
}

Result<Outcome> enable_controllers(const EnableControllers& op) {
    const Result<std::string> available = read_file(join_path(op.cgroup, "cgroup.controllers"));
    if (!available) {
        return available.error();
    }
    Outcome outcome;
    const std::string control = join_path(op.cgroup, "cgroup.subtree_control");
    for (const std::string& controller : split(trim(*available), ' ')) {
        Status enabled = write_file(control, concat({"+", controller}));
        for (int pass = 0; pass < kEnablePasses && !enabled && enabled.error().errnum == EBUSY; ++pass) {
            Status moved = move_processes({op.cgroup, op.leaf});
            enabled = moved ? write_file(control, concat({"+", controller})) : moved;
        }
        if (!enabled) {
            outcome.notes.push_back(concat(
                {"the ", controller, " controller cannot be used by the init: ", errno_text(enabled.error().errnum)}));
        }
    }
    return outcome;
}

Status disable_controllers(const DisableControllers& op) {
    const std::string control = join_path(op.cgroup, "cgroup.subtree_control");
    const Result<std::string> enabled = read_file(control);
    if (!enabled) {
        return enabled.error();
    }
    for (const std::string& controller : split(trim(*enabled), ' ')) {
        Status disabled = write_file(control, concat({"-", controller}));
        if (!disabled) {
            return disabled;
        }
    }
    return {};
}

Status assert_not_real_root(const AssertNotRealRoot& op) {
    const bool real_root =
        op.v2 ? !exists(join_path(op.path, "cgroup.type")) : exists(join_path(op.path, "release_agent"));
    return real_root
               ? Status(make_error(concat({op.path, " is the host's root"}), "give the container a cgroup of its own"))
               : Status();
}

Status assert_hierarchical_memory(const AssertHierarchicalMemory& op) {
    const Result<std::string> text = read_file(join_path(op.path, "memory.use_hierarchy"));
    if (!text) {
        // Kernels that no longer have the file are hierarchical.
        return text.error().errnum == ENOENT ? Status() : Status(text.error());
    }
    return trim(*text) == "1" ? Status() : Status(make_error(concat({op.path, "/memory.use_hierarchy is not 1"})));
}

Status assert_member(const AssertMember& op) {
    const auto pids = list_processes(op.path);
    if (!pids) {
        return pids.error();
    }
    const std::string self = std::to_string(::getpid());
    if (std::find(pids->begin(), pids->end(), self) != pids->end()) {
        return {};
    }
    return make_error(concat({join_path(op.path, "cgroup.procs"), " does not hold process ", self}));
}

Status probe_cgroup(const ProbeCgroup& op) {
    const std::string child = join_path(op.path, kProbeName);
    Status made = make_cgroup(child);
    return made ? remove_cgroup(child) : made;
}

}  // namespace cginit
