// What root in a container can do with the cgroups that are its own: make many, make them deep, change what kind they are,
// freeze or kill what is in them.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "attack.hpp"

namespace attack {
namespace {

// On v1 nothing bounds how many there are. On v2 more than the bound that a test sets.
constexpr int kMany = 2000, kMost = 6000, kDeepest = 40;
// As long as names may be: with paths that are longer than PATH_MAX, whoever removes the cgroups has to go down step by step.
constexpr std::size_t kName = 250;

int open_directory(const std::string& path) { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }

/// They stay: it is the engine that removes them, with the container.
void many(Report& report) {
    const std::vector<Mount> mounts = cgroup_mounts();
    int made = 0;
    for (std::size_t at = 0; at < mounts.size(); at++) {
        const std::string top = mounts[at].point + "/many";
        bool more = ::mkdir(top.c_str(), 0755) == 0;
        report.judge(more, top);
        made += more ? 1 : 0;
        const int wanted =
            mounts[at].type == "cgroup2" ? kMost : kMany * static_cast<int>(at + 1) / static_cast<int>(mounts.size());
        while (more && made < wanted) {
            more = ::mkdir((top + "/" + std::to_string(made)).c_str(), 0755) == 0;
            made += more ? 1 : 0;
            if (!more) {
                report.refused("one more", errno);
            }
        }
    }
    report.note(std::to_string(made) + " made");
}

/// One below the other, in the first hierarchy. They stay, too.
void deep(Report& report) {
    const std::string name(kName, 'd');
    const std::vector<Mount> mounts = cgroup_mounts();
    int directory = mounts.empty() ? -1 : open_directory(mounts.front().point);
    int made = 0;
    for (; made < kDeepest && directory >= 0; made++) {
        if (::mkdirat(directory, name.c_str(), 0755) != 0) {
            report.refused("one level more", errno);
            break;
        }
        const int below = ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ::close(directory);
        directory = below;
    }
    ::close(directory);
    report.note(std::to_string(made) + " levels");
}

/// A threaded cgroup takes its parent into its domain, and a partition takes processors from its parent.
void own_root(Report& report) {
    for (const Mount& mount : cgroup_mounts()) {
        const int directory = open_directory(mount.point);
        for (const auto& [name, value] : {std::pair{"cgroup.type", "threaded"},
                                          {"cpuset.cpus.exclusive", "0"},
                                          {"cpuset.cpus.partition", "isolated"},
                                          {"cpuset.cpus.partition", "root"},
                                          {"cpuset.cpus.partition", "member"}}) {
            if (mount.type != "cgroup2" || ::faccessat(directory, name, F_OK, 0) != 0) {
                continue;
            }
            errno = write_at(directory, name, value);
            report.judge(errno == 0, mount.point + "/" + name + " " + value);
        }
        ::close(directory);
    }
}

/// The init and a child of this process, which stay frozen.
void freeze(Report& report) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            ::pause();
        }
    }
    for (const Mount& mount : cgroup_mounts()) {
        const std::string frozen = mount.point + "/frozen";
        const bool v2 = mount.type == "cgroup2";
        if (!v2 && mount.options.find("freezer") == std::string::npos) {
            continue;
        }
        if (::mkdir(frozen.c_str(), 0755) != 0) {
            report.refused(frozen, errno);
            continue;
        }
        const int directory = open_directory(frozen);
        for (const std::string& process : {std::string("1"), std::to_string(child)}) {
            errno = write_at(directory, "cgroup.procs", process);
            report.judge(errno == 0, frozen + " takes " + process);
        }
        errno = write_at(directory, v2 ? "cgroup.freeze" : "freezer.state", v2 ? "1" : "FROZEN");
        report.judge(errno == 0, frozen + " is frozen");
        ::close(directory);
    }
}

/// All in the container, this process included.
void kill_all(Report& report) {
    for (const Mount& mount : cgroup_mounts()) {
        const int directory = open_directory(mount.point);
        if (::faccessat(directory, "cgroup.kill", F_OK, 0) == 0) {
            errno = write_at(directory, "cgroup.kill", "1");
            report.judge(errno == 0, mount.point);
        }
        ::close(directory);
    }
}

}  // namespace

std::vector<Attack> tree_attacks() {
    return {{"many", many}, {"deep", deep}, {"own-root", own_root}, {"freeze", freeze}, {"kill-all", kill_all}};
}

}  // namespace attack
