#include "apply/kernel_linux_cgroup.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "apply/kernel_linux_files.hpp"
#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

/// How often the list of processes is read again: each pass catches what was forked during the one before.
constexpr int kMovePasses = 64;
constexpr const char* kProbeName = "cginit-probe";

bool exists(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}

/// Only a real root has release_agent (v1) or lacks cgroup.type (v2).
bool is_real_root(const std::string& path, bool v2) {
    return v2 ? !exists(join_path(path, "cgroup.type")) : exists(join_path(path, "release_agent"));
}

/// One thread or more of each process. v2's cgroup.procs keeps a process whose leader has ended for as long as another
/// thread lives, in the cgroup where it ended, wherever the threads are moved to; css_task_iter_advance(), kernel/cgroup/cgroup.c.
Result<std::vector<std::string>> list_movable(const std::string& cgroup) {
    auto threads = list_numbers(join_path(cgroup, "cgroup.threads"));
    // v1, and v2 before Linux 4.14.
    return !threads && threads.error().errnum == ENOENT ? list_processes(cgroup) : threads;
}

/// True if there was something to copy.
Result<bool> copy_limit(const std::string& from, const std::string& to) {
    const Result<std::string> limit = read_file(from);
    const Result<std::string> own = read_file(to);
    for (const Result<std::string>* file : {&limit, &own}) {
        // A controller that is not there, or not enabled for children, has no files.
        if (!*file && file->error().errnum == ENOENT) {
            return false;
        }
        if (!*file) {
            return file->error();
        }
    }
    if (*limit == *own) {
        return false;
    }
    const Status written = write_file(to, trim(*limit));
    return written ? Result<bool>(true) : written.error();
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
        const auto pids = list_movable(op.from);
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

Status join_cgroup(const JoinCgroup& op) { return write_file(join_path(op.path, "cgroup.procs"), "0"); }

Status write_cgroup_file(const WriteCgroupFile& op) { return write_file(op.path, op.value); }

Status copy_cgroup_file(const CopyCgroupFile& op) {
    const Result<std::string> text = read_file(op.from);
    if (!text) {
        return text.error();
    }
    const std::string value(trim(*text));
    return value.empty() ? Status() : write_file(op.to, value);
}

Outcome copy_limits(const CopyLimits& op) {
    Outcome outcome;
    for (const std::string& file : op.files) {
        const Result<bool> copied = copy_limit(join_path(op.from, file), join_path(op.to, file));
        if (!copied) {
            outcome.notes.push_back(
                concat({"programs in the container do not see the engine's ", file, ": ", copied.error().message()}));
        } else if (*copied) {
            outcome.details.push_back(concat({file, " of ", op.to, " is the engine's"}));
        }
    }
    return outcome;
}

Status assert_not_real_root(const AssertNotRealRoot& op) {
    return is_real_root(op.path, op.v2)
               ? Status(make_error(concat({"the container sits at the host's root of ", op.path})))
               : Status();
}

Status assert_real_root(const AssertRealRoot& op) {
    return is_real_root(op.path, op.v2) ? Status() : Status(make_error(concat({op.path, " is not the host's root"})));
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
