// Writing what the mounts show, and going up from there by paths, processes and descriptors.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "attack.hpp"

namespace attack {
namespace {

struct Value {
    const char* name;
    const char* text;
};

/// What raises a limit, or switches off what holds it; nothing that stops the attacker itself.
constexpr Value kValues[] = {
    {"memory.memsw.limit_in_bytes", "-1"},
    {"memory.limit_in_bytes", "-1"},
    {"memory.soft_limit_in_bytes", "-1"},
    {"memory.kmem.limit_in_bytes", "-1"},
    {"memory.kmem.tcp.limit_in_bytes", "-1"},
    {"memory.use_hierarchy", "0"},
    {"memory.swappiness", "100"},
    {"memory.move_charge_at_immigrate", "3"},
    {"memory.max", "max"},
    {"memory.high", "max"},
    {"memory.swap.max", "max"},
    {"memory.zswap.max", "max"},
    {"memory.low", "max"},
    {"memory.min", "max"},
    {"pids.max", "max"},
    {"cpu.cfs_quota_us", "-1"},
    {"cpu.cfs_burst_us", "0"},
    {"cpu.cfs_period_us", "1000000"},
    {"cpu.shares", "262144"},
    {"cpu.idle", "0"},
    {"cpu.rt_period_us", "1000000"},
    {"cpu.rt_runtime_us", "950000"},
    {"cpu.max", "max"},
    {"cpu.weight", "10000"},
    {"cpu.uclamp.max", "max"},
    {"cpuset.cpus", "0-4095"},
    {"cpuset.cpus", "0-1"},
    {"cpuset.mems", "0"},
    {"cpuset.cpu_exclusive", "1"},
    {"cpuset.mem_hardwall", "0"},
    {"cpuset.cpus.exclusive", "0-4095"},
    {"cpuset.cpus.exclusive", "0"},
    {"cpuset.cpus.partition", "isolated"},
    {"cpuset.cpus.partition", "root"},
    {"cpuset.cpus.partition", "member"},
    {"cpuset.cpus.exclusive", "\n"},
    {"blkio.throttle.read_bps_device", "7:0 0"},
    {"blkio.throttle.write_bps_device", "7:0 0"},
    {"blkio.throttle.read_iops_device", "7:0 0"},
    {"blkio.throttle.write_iops_device", "7:0 0"},
    {"blkio.weight", "1000"},
    {"blkio.bfq.weight", "1000"},
    {"io.max", "7:0 rbps=max"},
    {"io.weight", "10000"},
    {"io.latency", "7:0 target=0"},
    {"hugetlb.2MB.limit_in_bytes", "-1"},
    {"hugetlb.1GB.limit_in_bytes", "-1"},
    {"hugetlb.2MB.max", "max"},
    {"hugetlb.1GB.max", "max"},
    {"hugetlb.2MB.rsvd.max", "max"},
    {"devices.allow", "a"},
    {"devices.allow", "a *:* rwm"},
    {"devices.allow", "b 7:0 rwm"},
    {"net_cls.classid", "1"},
    {"net_prio.ifpriomap", "lo 7"},
    {"freezer.state", "THAWED"},
    {"cgroup.freeze", "0"},
    {"cgroup.clone_children", "1"},
    {"notify_on_release", "1"},
    {"cgroup.max.descendants", "max"},
    {"cgroup.max.depth", "max"},
    {"misc.max", "sev max"},
    {"rdma.max", "lo hca_handle=max"},
};

void write_all(Report& report, const std::string& path) {
    const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (const Value& value : kValues) {
        if (::faccessat(directory, value.name, F_OK, 0) != 0) {
            continue;
        }
        const int error = write_at(directory, value.name, value.text);
        if (error == 0) {
            report.harmless(path + "/" + value.name);
        } else {
            report.refused(path + "/" + value.name, error);
        }
    }
    ::close(directory);
}

void write_visible(Report& report) {
    for (const Mount& mount : cgroup_mounts()) {
        walk(mount.point, [&report](const std::string& path) { write_all(report, path); });
    }
}

/// A new cgroup may have what its parent has, but no more; and its process stays below the limits of all above.
void write_children(Report& report) {
    for (const Mount& mount : cgroup_mounts()) {
        const std::string child = mount.point + "/attack";
        report.judge(::mkdir(child.c_str(), 0755) == 0 || errno == EEXIST, child);
        const int directory = ::open(child.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0) {
            continue;
        }
        write_at(directory, "cpuset.cpus", "0");
        write_at(directory, "cpuset.mems", "0");
        write_all(report, child);
        write_at(directory, "cgroup.procs", "0");
        write_all(report, child);
        write_at(directory, "cgroup.type", "threaded");
        write_all(report, child);
        ::close(directory);
    }
}

void subtree_control(Report& report) {
    for (const Mount& mount : cgroup_mounts()) {
        const int directory = ::open((mount.point + "/attack").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (const char* value : {"+memory", "+pids", "+cpu", "+io", "+hugetlb", "-hugetlb", "+devices"}) {
            const int error = write_at(directory, "cgroup.subtree_control", value);
            if (directory >= 0 && error != ENOENT) {
                errno = error;
                report.judge(error == 0, mount.point + "/attack: " + value);
            }
        }
        ::close(directory);
    }
}

void release_agent(Report& report) {
    for (const Mount& mount : cgroup_mounts()) {
        walk(mount.point, [&report](const std::string& path) {
            const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            write_at(directory, "notify_on_release", "1");
            const int error = write_at(directory, "release_agent", "/e2e/attack");
            ::close(directory);
            if (error == 0) {
                report.reached(kind::kHost, path + "/release_agent");
            } else {
                report.refused(path, error);
            }
        });
    }
}

void dot_dot(Report& report) {
    std::vector<std::string> paths{".", ".."};
    for (const Mount& mount : cgroup_mounts()) {
        paths.push_back(mount.point + "/..");
        paths.push_back(mount.point + "/../..");
    }
    for (const std::string& process : other_processes()) {
        for (const Mount& mount : cgroup_mounts(process)) {
            paths.push_back("/proc/" + process + "/root" + mount.point + "/..");
            paths.push_back("/proc/" + process + "/root" + mount.point);
        }
        for (const char* link : {"/cwd", "/cwd/..", "/root/..", "/root/sys/fs/cgroup"}) {
            paths.push_back("/proc/" + process + link);
        }
    }
    // /proc/self/cgroup of a process above its namespace's root reads /..
    for (const char* path :
         {"/sys/fs/cgroup/../cgroup/..", "/proc/self/root/sys/fs/cgroup/..", "/proc/driver", "/proc/driver/engine"}) {
        paths.emplace_back(path);
    }
    for (const std::string& path : paths) {
        judge_path(report, path, path);
        if (::chdir(path.c_str()) == 0) {
            judge_path(report, "..", path + " ..");
            judge_path(report, "../cgroup.procs/..", path + " ..");
        }
    }
}

void descriptors(Report& report) {
    for (const std::string& process : other_processes()) {
        const std::string directory = "/proc/" + process + "/fd";
        DIR* entries = ::opendir(directory.c_str());
        if (entries == nullptr) {
            report.refused(directory, errno);
            continue;
        }
        while (const dirent* entry = ::readdir(entries)) {
            const std::string path = directory + "/" + entry->d_name;
            struct stat status {};
            if (entry->d_name[0] == '.' || ::stat(path.c_str(), &status) != 0) {
                continue;
            }
            if (S_ISDIR(status.st_mode)) {
                judge_path(report, path, path);
                judge_path(report, path + "/..", path + "/..");
            } else {
                report.harmless(path);
            }
        }
        ::closedir(entries);
    }
}

/// Moving systemd's own processes about would only disturb it.
bool movable(const std::string& process) { return !read_file("/proc/" + process + "/comm").starts_with("systemd"); }

void move_up(Report& report) {
    const pid_t sibling = ::fork();
    if (sibling == 0) {
        ::pause();
        ::_exit(0);
    }
    std::vector<std::string> processes{"0", std::to_string(sibling)};
    for (const std::string& process : other_processes()) {
        if (movable(process) && !read_file("/proc/" + process + "/cmdline").empty()) {
            processes.push_back(process);
        }
    }
    for (const Mount& mount : cgroup_mounts()) {
        for (const std::string& directory :
             {mount.point + "/attack", mount.point, mount.point + "/..", mount.point + "/attack/../.."}) {
            const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (place_of(fd) == Place::no_cgroup) {
                report.harmless(directory);
                ::close(fd);
                continue;
            }
            for (const char* file : {"cgroup.procs", "tasks", "cgroup.threads"}) {
                for (const std::string& process : processes) {
                    const int error = write_at(fd, file, process);
                    if (error == 0) {
                        report.harmless(directory + "/" + file);
                    } else {
                        report.refused(directory + "/" + file, error);
                    }
                }
            }
            ::close(fd);
        }
    }
    ::kill(sibling, SIGKILL);
    ::waitpid(sibling, nullptr, 0);
}

/// What the host's systemd-oomd goes by. The caller reads it from the host.
void oomd_attributes(Report& report) {
    for (const Mount& mount : cgroup_mounts()) {
        if (mount.type != "cgroup2") {
            continue;
        }
        for (const char* name : {"user.oomd_omit", "user.oomd_avoid"}) {
            report.judge(::setxattr(mount.point.c_str(), name, "1", 1, 0) == 0, mount.point + " " + name);
        }
    }
}

}  // namespace

std::vector<Attack> write_attacks() {
    return {{"write-visible", write_visible},
            {"write-children", write_children},
            {"subtree-control", subtree_control},
            {"release-agent", release_agent},
            {"dot-dot", dot_dot},
            {"descriptors", descriptors},
            {"move-up", move_up},
            {"oomd-attributes", oomd_attributes}};
}

}  // namespace attack
