#include "apply/linux/cgroup.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "apply/linux/files.hpp"
#include "cginit/options.hpp"
#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

/// How often the list of processes is read again: each pass catches what was forked during the one before.
constexpr int kMovePasses = 64;
constexpr int kRemoveTries = 32;
constexpr unsigned kPauseMicroseconds = 1000;
constexpr const char* kProbeName = "cginit-probe";
// How long processes that end may be seen: a second.
constexpr int kMoments = 200;
constexpr unsigned kMoment = 5000;

Result<bool> exists(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) {
        return true;
    }
    return errno == ENOENT ? Result<bool>(false) : make_errno_error(errno, concat({"lstat ", path}));
}

/// Only a real root has release_agent (v1) or lacks cgroup.events (v2; cgroup.type came with Linux 4.14).
Status assert_root(const std::string& path, bool v2, bool wanted, const std::string& otherwise) {
    const Result<bool> found = exists(join_path(path, v2 ? "cgroup.events" : "release_agent"));
    if (!found) {
        return found.error();
    }
    return (*found != v2) == wanted ? Status() : Status(make_error(ErrorCode::host_root, otherwise));
}

/// One thread or more of each process. v2's cgroup.procs keeps a process whose leader has ended for as long as another
/// thread lives, in the cgroup where it ended, wherever the threads are moved to; css_task_iter_advance(), kernel/cgroup/cgroup.c.
Result<std::vector<std::string>> list_movable(const std::string& cgroup) {
    auto threads = list_numbers(join_path(cgroup, "cgroup.threads"));
    // v1, and v2 before Linux 4.14.
    return !threads && threads.error().errnum == ENOENT ? list_processes(cgroup) : threads;
}

/// cpuset_can_attach() lets nobody without CAP_SYS_NICE move a process that has more capabilities, cap_safe_nice(). What an
/// engine brings in by exec has all of them until it is set up.
Error more_capable(const std::string& pid, Error error) {
    const Result<std::string> name = read_file(concat({"/proc/", pid, "/comm"}));
    error.code = ErrorCode::busy;
    error.because = concat({"process ", pid, " (", name ? trim(*name) : "?", ") has more capabilities than cginit"});
    error.cures = {"stop it", CureId::add_sys_nice};
    return error;
}

/// Writes each process of `from` into `target`; the refusal that may pass, if there was one.
Result<std::optional<Error>> move_listed(const std::vector<std::string>& pids, const std::string& target) {
    std::optional<Error> refused;
    for (const std::string& pid : pids) {
        const Status moved = write_file(target, pid);
        if (!moved && moved.error().errnum == EPERM) {
            refused = more_capable(pid, moved.error());
        } else if (!moved && moved.error().errnum != ESRCH) {
            // ESRCH: it ended since the list was read, or is a zombie, which can be in no other cgroup than its last.
            return moved.error();
        }
    }
    return refused;
}

/// Longer from pass to pass, a second in all: runc needs some 50 ms to set up a process that it brings in, and one that
/// ends is listed, and can be moved nowhere, until it is off its processor.
void pause_after(int pass) {
    constexpr int kAtOnce = 16;
    constexpr unsigned kMicroseconds = 1000;
    if (pass >= kAtOnce) {
        ::usleep(kMicroseconds * static_cast<unsigned>(pass - kAtOnce + 1));
    }
}

Status move_all(const std::string& from, const std::string& to) {
    const std::string target = join_path(to, "cgroup.procs");
    std::optional<Error> refused;
    for (int pass = 0; pass <= kMovePasses; ++pass) {
        const auto pids = list_movable(from);
        if (!pids || pids->empty()) {
            return pids ? Status() : Status(pids.error());
        }
        Result<std::optional<Error>> moved = move_listed(*pids, target);
        if (!moved) {
            return moved.error();
        }
        refused = std::move(*moved);
        pause_after(pass);
    }
    return refused ? std::move(*refused)
                   : make_error(ErrorCode::busy, concat({from, ": new processes kept appearing"}),
                                {"stop what forks in the container at its start"});
}

/// `max`, or a number: an engine's lower limit stays.
Status lower_value(const std::string& path, std::uint64_t limit, std::vector<CgroupValue>& lowered, Outcome& outcome) {
    const Result<std::string> text = read_file(path);
    if (!text) {
        if (text.error().errnum == ENOENT) {
            outcome.notes.push_back(
                concat({kUnlimitedCgroups, ": the kernel has no ", base_name(path), " (Linux 4.14)"}));
            return {};
        }
        return text.error();
    }
    const std::string before(trim(*text));
    const auto number = parse_number(before);
    if (number && *number <= limit) {
        outcome.details.push_back(concat({path, " is ", before, " already"}));
        return {};
    }
    // Remembered first: memory may run out.
    lowered.push_back({path, before});
    Status written = write_file(path, std::to_string(limit));
    if (!written) {
        lowered.pop_back();
    }
    return written;
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

Result<Outcome> make_cgroup(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == 0) {
        return Outcome{};
    }
    // What an earlier run left may have children: it is not this run's to remove.
    return errno == EEXIST ? Result<Outcome>(Outcome{.notes = {}, .found = true})
                           : make_errno_error(errno, concat({"mkdir ", path}));
}

Status remove_cgroup(const std::string& path) {
    for (int tries = 0;; ++tries) {
        if (::rmdir(path.c_str()) == 0 || errno == ENOENT) {
            return {};
        }
        const int errnum = errno;
        if ((errnum != EBUSY && errnum != EINTR) || tries == kRemoveTries) {
            return make_errno_error(errnum, concat({"rmdir ", path}));
        }
        // A process that ends holds its cgroup for a moment.
        ::usleep(kPauseMicroseconds);
    }
}

Status move_processes(const MoveProcesses& op) {
    Status moved = move_all(op.from, op.to);
    if (!moved) {
        // What is there now: those that were moved may have forked.
        static_cast<void>(move_all(op.to, op.from));
    }
    return moved;
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

Result<Outcome> limit_descendants(const LimitDescendants& op, std::vector<CgroupValue>& lowered) {
    // There the files are, too.
    Status status = assert_root(op.cgroup, true, false, concat({op.cgroup, " is the host's root"}));
    Outcome outcome;
    for (const auto& [file, limit] :
         {std::pair("cgroup.max.descendants", op.descendants), {"cgroup.max.depth", op.depth}}) {
        status = status && limit ? lower_value(join_path(op.cgroup, file), *limit, lowered, outcome) : status;
    }
    if (!status) {
        static_cast<void>(restore_values(lowered));
        lowered.clear();
        return status.error();
    }
    return outcome;
}

Status restore_values(const std::vector<CgroupValue>& values) {
    Status first;
    for (const CgroupValue& before : values) {
        Status restored = write_file(before.path, before.value);
        if (!restored && first) {
            first = std::move(restored);
        }
    }
    return first;
}

Status assert_not_real_root(const AssertNotRealRoot& op) {
    return assert_root(op.path, op.v2, false, concat({"the container sits at the host's root of ", op.path}));
}

Status assert_real_root(const AssertRealRoot& op) {
    return assert_root(op.path, op.v2, true, concat({op.path, " is not the host's root"}));
}

Status assert_hierarchical_memory(const AssertHierarchicalMemory& op) {
    const Result<std::string> text = read_file(join_path(op.path, "memory.use_hierarchy"));
    if (!text) {
        // Kernels that no longer have the file are hierarchical.
        return text.error().errnum == ENOENT ? Status() : Status(text.error());
    }
    return trim(*text) == "1"
               ? Status()
               : Status(make_error(ErrorCode::not_as_planned, concat({op.path, "/memory.use_hierarchy is not 1"})));
}

/// What ended is gone from it within moments.
Status assert_unpopulated(const AssertUnpopulated& op) {
    for (int tries = 0; tries < kMoments; ++tries) {
        const Result<std::string> text = read_file(join_path(op.path, "cgroup.events"));
        if (!text) {
            return text.error().errnum == ENOENT ? Status() : Status(text.error());
        }
        const std::vector<std::string> lines = split(*text, '\n');
        if (std::find(lines.begin(), lines.end(), "populated 0") != lines.end()) {
            return {};
        }
        ::usleep(kMoment);
    }
    return make_error(ErrorCode::host_root,
                      concat({"another container has the cgroup ", op.path, ": they pass for the same one"}));
}

Status assert_no_outsiders(const AssertNoOutsiders& op) {
    for (int tries = 0; tries < kMoments; ++tries) {
        const Result<std::string> text = read_file(join_path(op.path, "cgroup.procs"));
        if (!text) {
            // A threaded cgroup does not tell; it is one that somebody divided within the container.
            return text.error().errnum == EOPNOTSUPP ? Status() : Status(text.error());
        }
        const std::vector<std::string> pids = split(*text, '\n');
        if (std::find(pids.begin(), pids.end(), "0") == pids.end()) {
            return {};
        }
        ::usleep(kMoment);
    }
    return make_error(ErrorCode::no_own_cgroup,
                      concat({"processes from outside of the container are in its cgroup (", op.path, ")"}));
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
    return make_error(ErrorCode::not_as_planned,
                      concat({join_path(op.path, "cgroup.procs"), " does not hold process ", self}));
}

Status probe_cgroup(const ProbeCgroup& op) {
    const std::string child = join_path(op.path, kProbeName);
    const Result<Outcome> made = make_cgroup(child);
    if (!made) {
        return made.error();
    }
    Status removed = remove_cgroup(child);
    if (!removed) {
        // Not proved, but not left behind either if it can be helped: no undo of the plan knows of it.
        static_cast<void>(remove_cgroup(child));
    }
    return removed;
}

}  // namespace cginit
