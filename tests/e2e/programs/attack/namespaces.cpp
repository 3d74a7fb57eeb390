// The namespaces and the memory of other processes, and handles of what no path leads to.
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <sstream>

#include "attack.hpp"

namespace attack {
namespace {

// nsfs.h of newer kernels.
struct MountNamespaceInfo {
    std::uint32_t size;
    std::uint32_t mounts;
    std::uint64_t id;
};
constexpr unsigned long kNextMountNamespace = _IOR(0xb7, 11, MountNamespaceInfo);
constexpr unsigned long kPreviousMountNamespace = _IOR(0xb7, 12, MountNamespaceInfo);

/// struct file_handle with room for what kernfs and nsfs put there.
struct Handle {
    file_handle head;
    std::uint64_t words[16];
};

unsigned long inode_of_fd(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

/// The line of /proc/self/cgroup that names what the options of the mount name: rw,cpu,cpuacct; "" for v2.
std::string hierarchy_of(const Mount& mount) {
    for (const std::string& hierarchy : hierarchies()) {
        if (mount.type == "cgroup" && !hierarchy.empty() && mount.options.find("," + hierarchy) != std::string::npos) {
            return hierarchy;
        }
    }
    return "";
}

void enter_cgroup_namespaces(Report& report) {
    const int own = ::open("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC);
    const bool was_initial = in_initial_cgroup_namespace();
    own_mounts();
    for (const std::string& process : other_processes()) {
        const std::string path = "/proc/" + process + "/ns/cgroup";
        const int other = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (other < 0 || ::setns(other, CLONE_NEWCGROUP) != 0) {
            report.refused(path, errno);
            ::close(other);
            continue;
        }
        if (in_initial_cgroup_namespace() && !was_initial) {
            report.reached(kind::kNamespace, path);
        }
        // In the host's own namespace v1 alone, which a mount does not change. What is flat or hidden is mount-again's.
        for (const Mount& mount : cgroup_mounts()) {
            const std::string hierarchy = hierarchy_of(mount);
            if (!is_flat(hierarchy) && !hierarchy.empty() && !(was_initial && in_initial_cgroup_namespace())) {
                mount_and_judge(report, hierarchy, path);
            }
        }
        ::setns(own, CLONE_NEWCGROUP);
        ::close(other);
    }
}

void enter_other_namespaces(Report& report) {
    for (const std::string& process : other_processes()) {
        for (const char* name : {"user", "pid", "mnt"}) {
            const std::string path = "/proc/" + process + "/ns/" + name;
            if (inode_of(path) == inode_of(std::string("/proc/self/ns/") + name)) {
                continue;
            }
            const int other = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
            const bool done = other >= 0 && ::setns(other, 0) == 0;
            report.judge(done, path);
            ::close(other);
            if (done) {
                for (const Mount& mount : cgroup_mounts()) {
                    judge_path(report, mount.point, path + " " + mount.point);
                }
            }
        }
    }
}

/// The ways into the kernel that a filter of system calls has to know, each with its own numbers.
long setns_natively(int fd, int type) { return ::syscall(SYS_setns, fd, type); }

#if defined(__x86_64__)
/// As a program for x86 of 32 bits does it; the numbers of arch/x86/entry/syscalls/syscall_32.tbl.
long setns_of_32_bits(int fd, int type) {
    constexpr long kSetns = 346;
    long result = kSetns;
    asm volatile("int $0x80" : "+a"(result) : "b"(fd), "c"(type) : "memory", "r8", "r9", "r10", "r11");
    errno = result < 0 ? static_cast<int>(-result) : 0;
    return result < 0 ? -1 : 0;
}

long setns_of_x32(int fd, int type) {
    constexpr long kX32 = 0x40000000;
    return ::syscall(kX32 + SYS_setns, fd, type);
}
#endif

struct Way {
    const char* name;
    long (*enter)(int fd, int type);
};

constexpr Way kWays[] = {{"setns", setns_natively},
#if defined(__x86_64__)
                         {"setns of 32 bits", setns_of_32_bits},
                         {"setns of x32", setns_of_x32}
#endif
};

/// A user namespace that somebody else made, an exec'd process say, has all the capabilities that the init was started without.
void enter_user_namespaces(Report& report) {
    for (const Way& way : kWays) {
        // Where the kernel has no such way, it kills who takes it.
        report.apart([&](Report& part) {
            if (way.enter(-1, 0) != 0) {
                part.refused(std::string(way.name) + " of nothing", errno);
            }
        });
        for (const std::string& process : other_processes()) {
            const std::string path = "/proc/" + process + "/ns/user";
            if (inode_of(path) == inode_of("/proc/self/ns/user")) {
                continue;
            }
            report.apart([&](Report& part) {
                const int user = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
                const int all = static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(process), 0));
                if (way.enter(user, 0) != 0 && way.enter(user, CLONE_NEWUSER) != 0 &&
                    way.enter(all, CLONE_NEWUSER) != 0) {
                    part.refused(path + " by " + way.name, errno);
                } else if (::unshare(CLONE_NEWCGROUP) != 0 || !own_mounts()) {
                    part.refused("unshare in " + path, errno);
                } else {
                    mount_all(part, "in " + path);
                }
            });
        }
    }
}

/// ioctl_nsfs(2): who owns a namespace, and which is above it.
void namespace_relatives(Report& report) {
    for (const char* name : {"user", "pid", "mnt", "cgroup"}) {
        const int fd = ::open((std::string("/proc/self/ns/") + name).c_str(), O_RDONLY | O_CLOEXEC);
        const int parent = ::ioctl(fd, NS_GET_PARENT);
        if (parent >= 0) {
            report.reached(kind::kNamespace, std::string("the parent of ") + name);
        } else {
            report.refused(std::string("the parent of ") + name, errno);
        }
        ::close(parent);
        ::close(fd);
    }
}

/// Kernels from 6.12 on let a namespace's neighbours be asked for, one after the other.
void mount_namespaces(Report& report) {
    for (const unsigned long direction : {kNextMountNamespace, kPreviousMountNamespace}) {
        int fd = ::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        for (int count = 0; count < 200; count++) {
            MountNamespaceInfo info{};
            info.size = sizeof info;
            const int next = ::ioctl(fd, direction, &info);
            ::close(fd);
            fd = next;
            if (next < 0) {
                report.refused(direction == kNextMountNamespace ? "next" : "previous", errno);
                break;
            }
            bool known = inode_of_fd(next) == inode_of("/proc/self/ns/mnt");
            for (const std::string& process : other_processes()) {
                known = known || inode_of_fd(next) == inode_of("/proc/" + process + "/ns/mnt");
            }
            if (known) {
                report.harmless("the container's own");
            } else {
                report.reached(kind::kMounts, std::to_string(inode_of_fd(next)));
            }
        }
        ::close(fd);
    }
}

/// A cgroup is found by its number, whatever the mounts show: its parent's is a little smaller, the host's root is 1.
void cgroup_handles(Report& report) {
    for (const Mount& mount : cgroup_mounts()) {
        const int root = ::open(mount.point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Handle handle{};
        handle.head.handle_bytes = sizeof handle.words;
        int id = 0;
        if (::name_to_handle_at(root, "", &handle.head, &id, AT_EMPTY_PATH) != 0) {
            report.refused(mount.point, errno);
            ::close(root);
            continue;
        }
        std::uint64_t own = 0;
        std::memcpy(&own, handle.head.f_handle, sizeof own);
        for (std::uint64_t number = own, tries = 0; tries < 3000 && number > 0;
             number = tries == 0 ? 1 : own - tries, tries++) {
            std::memcpy(handle.head.f_handle, &number, sizeof number);
            const int found = ::open_by_handle_at(root, &handle.head, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (found < 0 && errno == EPERM) {
                report.refused("open_by_handle_at " + mount.point, errno);
                break;
            }
            if (found < 0) {
                continue;
            }
            const Place place = place_of(found);
            struct stat inner {
            }, visible{};
            const bool mine = place == Place::engine && ::fstatat(found, "cginit", &inner, 0) == 0 &&
                              ::fstat(root, &visible) == 0 && inner.st_ino == visible.st_ino;
            const std::string what = mount.point + " " + std::to_string(number);
            if (mine) {
                judge_directory(report, found, what);
            } else if (place != Place::own && place != Place::flat) {
                report.reached(place == Place::host_root ? kind::kHost : kind::kOutside, what);
            }
            ::close(found);
        }
        ::close(root);
    }
}

/// From 6.18 on namespaces have handles too; the first ones have the first numbers.
void namespace_handles(Report& report) {
    constexpr int kNsfsRoot = -10003, kNsfsType = 0xf1;
    for (std::uint64_t number = 1; number < 64; number++) {
        Handle handle{};
        handle.head.handle_bytes = 2 * sizeof number;
        handle.head.handle_type = kNsfsType;
        std::memcpy(handle.head.f_handle, &number, sizeof number);
        const int found = ::open_by_handle_at(kNsfsRoot, &handle.head, O_RDONLY | O_CLOEXEC);
        if (found < 0) {
            report.refused("open_by_handle_at", errno);
        } else if (inode_of_fd(found) == kInitialCgroupNamespace) {
            report.reached(kind::kNamespace, "number " + std::to_string(number));
        } else {
            report.harmless("number " + std::to_string(number));
        }
        ::close(found);
    }
}

/// Whether a process is where its mounts show less than there is: above the own cgroup, or in another namespace.
bool sits_above(const std::string& process) {
    std::istringstream lines(read_file("/proc/" + process + "/cgroup"));
    for (std::string line; std::getline(lines, line);) {
        if (line.find(":/..") != std::string::npos) {
            return true;
        }
    }
    return inode_of("/proc/" + process + "/ns/cgroup") == kInitialCgroupNamespace && !in_initial_cgroup_namespace();
}

/// Whoever traces a process does what it may do.
void trace(Report& report) {
    for (const std::string& process : other_processes()) {
        const pid_t pid = static_cast<pid_t>(std::stoi(process));
        if (pid == 1 || read_file("/proc/" + process + "/cmdline").empty()) {
            continue;  // A tracer's stop would stop the container's init.
        }
        if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) {
            report.refused("process " + process, errno);
            continue;
        }
        if (sits_above(process) && !sits_above("self")) {
            report.reached(kind::kProcess, read_file("/proc/" + process + "/comm"));
        } else {
            report.harmless("process " + process);
        }
        ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
        ::waitpid(pid, nullptr, __WALL);
        ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
    }
}

/// Processes that enter the container meanwhile: what of them can be had before they are what they will be?
void watch_newcomers(Report& report) {
    constexpr auto kLong = std::chrono::seconds(3);
    const std::vector<std::string> first = other_processes();
    const std::set<std::string> known(first.begin(), first.end());
    std::set<std::string> above;
    const auto end = std::chrono::steady_clock::now() + kLong;
    while (std::chrono::steady_clock::now() < end) {
        for (const std::string& process : other_processes()) {
            if (known.contains(process) || !sits_above(process)) {
                continue;
            }
            above.insert(process);
            for (const char* part : {"/ns/cgroup", "/ns/mnt", "/root", "/cwd", "/exe", "/mem", "/fd/0", "/fd/3",
                                     "/fd/4", "/fd/5", "/fd/6", "/fd/7", "/fd/8", "/fd/9"}) {
                const int fd = ::open(("/proc/" + process + part).c_str(), O_RDONLY | O_CLOEXEC);
                if (fd >= 0) {
                    report.reached(kind::kProcess, process + part);
                } else if (errno != ENOENT && errno != ESRCH) {
                    report.refused(process + part, errno);
                }
                ::close(fd);
            }
            if (::ptrace(PTRACE_SEIZE, std::stoi(process), nullptr, nullptr) == 0) {
                report.reached(kind::kProcess, "traced " + process);
            }
        }
    }
    if (!above.empty()) {
        report.note(std::to_string(above.size()) + " newcomers above");
    }
}

}  // namespace

std::vector<Attack> namespace_attacks() {
    return {{"enter-cgroup-namespaces", enter_cgroup_namespaces},
            {"enter-other-namespaces", enter_other_namespaces},
            {"enter-user-namespaces", enter_user_namespaces},
            {"namespace-relatives", namespace_relatives},
            {"mount-namespaces", mount_namespaces},
            {"cgroup-handles", cgroup_handles},
            {"namespace-handles", namespace_handles},
            {"trace", trace},
            {"watch-newcomers", watch_newcomers}};
}

}  // namespace attack
