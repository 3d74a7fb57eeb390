// Mount, remount, uncover, and enter namespaces of its own to do so.
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "attack.hpp"

namespace attack {
namespace {

/// name=systemd is mounted as none,name=systemd.
std::string mount_data(const std::string& hierarchy) {
    return hierarchy.starts_with("name=") ? "none," + hierarchy : hierarchy;
}

std::string title(const std::string& hierarchy) { return hierarchy.empty() ? "cgroup2" : hierarchy; }

/// What mount(2) takes in one string, fsconfig(2) takes one by one: cpu,cpuacct or none,name=systemd.
void configure(int context, const std::string& data) {
    std::istringstream words(data);
    for (std::string word; std::getline(words, word, ',');) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos) {
            ::syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, word.c_str(), nullptr, 0);
        } else {
            const std::string key = word.substr(0, equals);
            ::syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key.c_str(), word.c_str() + equals + 1, 0);
        }
    }
}

/// Keeps what it mounts read-only until it is known not to be the host's.
void judge_mount(Report& report, const std::string& point, const std::string& what) {
    int directory = ::open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place_of(directory) != Place::host_root || reckless()) {
        ::mount(nullptr, point.c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr);
    }
    judge_directory(report, directory, what);
    ::close(directory);
    ::umount2(point.c_str(), MNT_DETACH);
}

void mount_again(Report& report) {
    if (!own_mounts()) {
        report.refused("unshare", errno);
        return;
    }
    mount_all(report, "fresh mount");
}

void new_cgroup_namespace(Report& report) {
    if (::unshare(CLONE_NEWCGROUP) != 0 || !own_mounts()) {
        report.refused("unshare", errno);
        return;
    }
    mount_all(report, "in a new cgroup namespace");
}

bool write_file(const char* path, const char* text) {
    std::ofstream file(path);
    file << text << std::flush;
    return file.good();
}

/// The capabilities that an init was started without are there again, in a user namespace of its own.
void new_user_namespace(Report& report) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) != 0) {
        report.refused("unshare", errno);
        return;
    }
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/gid_map", "0 0 1");
    if (!write_file("/proc/self/uid_map", "0 0 1")) {
        report.refused("uid_map", errno);
        return;
    }
    mount_all(report, "in a new user namespace");
}

/// The engine's read-only is a flag of its mount.
void remount(Report& report, const std::function<int(const std::string&)>& make_writable) {
    const bool apart = own_mounts();
    for (const Mount& mount : cgroup_mounts()) {
        if (!mount.read_only) {
            continue;
        }
        const bool done = make_writable(mount.point) == 0;
        report.judge(done, mount.point);
        if (done) {
            judge_path(report, mount.point, mount.point);
            if (!apart) {
                ::mount(nullptr, mount.point.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr);
            }
        }
    }
}

void remount_bind(Report& report) {
    remount(report, [](const std::string& point) {
        return ::mount(nullptr, point.c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr);
    });
}

void mount_setattr(Report& report) {
    remount(report, [](const std::string& point) {
        mount_attr change{};
        change.attr_clr = MOUNT_ATTR_RDONLY;
        return static_cast<int>(::syscall(SYS_mount_setattr, AT_FDCWD, point.c_str(), 0, &change, sizeof change));
    });
}

/// The superblock is the whole machine's: what is changed there in the initial namespace is changed for all.
void remount_superblock(Report& report) {
    if (in_initial_cgroup_namespace() && !reckless()) {
        report.reached(kind::kNamespace, "not tried: the options are the machine's");
        return;
    }
    own_mounts();
    for (const Mount& mount : cgroup_mounts()) {
        // The last is what it was.
        const std::size_t comma = mount.options.find(',');
        const std::string set = comma == std::string::npos ? "" : mount.options.substr(comma + 1);
        const std::vector<std::string> options =
            mount.type == "cgroup2"
                ? std::vector<std::string>{"", "nsdelegate", "memory_recursiveprot", set}
                : std::vector<std::string>{set + ",clone_children", set + ",release_agent=/e2e/attack", set};
        for (const std::string& data : options) {
            const int done = ::mount(nullptr, mount.point.c_str(), nullptr, MS_REMOUNT, data.c_str());
            report.judge(done == 0, mount.point + " " + data);
            const int context = static_cast<int>(::syscall(SYS_fspick, AT_FDCWD, mount.point.c_str(), FSPICK_CLOEXEC));
            configure(context, data);
            report.judge(
                context >= 0 && ::syscall(SYS_fsconfig, context, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) == 0,
                mount.point + " fspick " + data);
            ::close(context);
        }
    }
}

/// A hierarchy that nobody has, or others than belong together: its root would be new, and the attacker's.
void new_hierarchy(Report& report) {
    if (in_initial_cgroup_namespace() && !reckless()) {
        report.reached(kind::kNamespace, "not tried: a hierarchy is the machine's");
        return;
    }
    own_mounts();
    const std::string point = scratch();
    for (const char* data : {"none,name=attack", "cpu,memory", "net_cls,net_prio", "perf_event", "net_cls", "hugetlb",
                             "misc", "rdma", "dmem", "all"}) {
        const std::vector<std::string> there = hierarchies();
        if (std::find(there.begin(), there.end(), data) != there.end()) {
            continue;  // Of those that there are, mount-again tells.
        }
        if (::mount("cgroup", point.c_str(), "cgroup", MS_RDONLY, data) != 0) {
            report.refused(data, errno);
            continue;
        }
        judge_mount(report, point, data);
    }
    ::rmdir(point.c_str());
}

/// The same by the newer calls, which a filter of system calls may have forgotten.
void new_mount_api(Report& report) {
    if (in_initial_cgroup_namespace() && !reckless()) {
        report.reached(kind::kNamespace, "not tried: the options are the machine's");
        return;
    }
    for (const std::string& hierarchy : hierarchies()) {
        if (is_flat(hierarchy)) {
            continue;  // As mount-again does it.
        }
        const char* type = hierarchy.empty() ? "cgroup2" : "cgroup";
        const int context = static_cast<int>(::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
        if (context < 0) {
            report.refused("fsopen", errno);
            return;
        }
        configure(context, mount_data(hierarchy));
        ::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
        const int mount = static_cast<int>(::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY));
        if (mount < 0) {
            report.refused("fsmount " + title(hierarchy), errno);
        } else {
            judge_directory(report, mount, "fsmount " + title(hierarchy));
        }
        ::close(mount);
        ::close(context);
    }
}

/// Takes away what is mounted at and below /sys/fs/cgroup, mount by mount: is anything left that was covered?
void uncover(Report& report, const std::function<int(const std::string&)>& take_away) {
    if (!own_mounts()) {
        report.refused("unshare", errno);
    }
    for (int round = 0; round < 100; round++) {
        const std::vector<Mount> mounts = cgroup_mounts();
        const std::string point = mounts.empty() ? "/sys/fs/cgroup" : mounts.back().point;
        if (take_away(point) != 0) {
            report.refused(point, errno);
            break;
        }
        report.harmless(point);
        for (const Mount& mount : cgroup_mounts()) {
            if (mount.root.find("/..") != std::string::npos) {
                report.reached(kind::kOutside, mount.point + " has the root " + mount.root);
            }
        }
        // What comes to light there now.
        judge_path(report, point, "below " + point);
    }
}

void umount_lazily(Report& report) {
    uncover(report, [](const std::string& point) { return ::umount2(point.c_str(), MNT_DETACH); });
}

void umount_strictly(Report& report) {
    uncover(report, [](const std::string& point) { return ::umount2(point.c_str(), UMOUNT_NOFOLLOW); });
}

void move_mounts(Report& report) {
    uncover(report, [](const std::string& point) {
        return ::mount(point.c_str(), scratch().c_str(), nullptr, MS_MOVE, nullptr);
    });
}

/// A tree that was built aside: does anything of it still hang there?
void workbench(Report& report) {
    own_mounts();
    for (const char* point : {"/proc/driver", "/proc", "/sys", "/run", "/tmp", "/dev"}) {
        for (int layer = 0; layer < 4; layer++) {
            judge_path(report, point, point);
            judge_path(report, std::string(point) + "/engine", point);
            if (::umount2(point, MNT_DETACH) != 0) {
                report.refused(point, errno);
                break;
            }
        }
    }
}

void pivot(Report& report) {
    if (!own_mounts()) {
        report.refused("unshare", errno);
        return;
    }
    const std::string root = scratch();
    if (::mount("attack", root.c_str(), "tmpfs", 0, nullptr) != 0 || ::mkdir((root + "/old").c_str(), 0700) != 0) {
        report.refused("tmpfs", errno);
        return;
    }
    if (::syscall(SYS_pivot_root, root.c_str(), (root + "/old").c_str()) != 0) {
        report.refused("pivot_root", errno);
        return;
    }
    for (const char* path : {"/old/sys/fs/cgroup", "/old/..", "/.."}) {
        judge_path(report, path, path);
    }
}

}  // namespace

void mount_and_judge(Report& report, const std::string& hierarchy, const std::string& what) {
    const bool v2 = hierarchy.empty();
    if (in_initial_cgroup_namespace() && !reckless() && v2) {
        report.reached(kind::kNamespace, what + ": cgroup2 not mounted: its options are the machine's");
        return;
    }
    const std::string point = scratch();
    if (::mount("cgroup", point.c_str(), v2 ? "cgroup2" : "cgroup", MS_RDONLY, mount_data(hierarchy).c_str()) != 0) {
        report.refused(what + " " + title(hierarchy), errno);
    } else {
        judge_mount(report, point, what + " " + title(hierarchy));
    }
    ::rmdir(point.c_str());
}

void mount_all(Report& report, const std::string& what) {
    for (const std::string& hierarchy : hierarchies()) {
        mount_and_judge(report, hierarchy, what);
    }
}

std::vector<Attack> mount_attacks() {
    return {{"remount-bind", remount_bind},
            {"mount-setattr", mount_setattr},
            {"remount-superblock", remount_superblock},
            {"mount-again", mount_again},
            {"new-hierarchy", new_hierarchy},
            {"new-mount-api", new_mount_api},
            {"new-cgroup-namespace", new_cgroup_namespace},
            {"new-user-namespace", new_user_namespace},
            {"umount-lazily", umount_lazily},
            {"umount", umount_strictly},
            {"move-mounts", move_mounts},
            {"workbench", workbench},
            {"pivot-root", pivot}};
}

}  // namespace attack
