// What a process carries: its working directory and root, its descriptors, and those of others. None of these needs a mount
// of its own, and whatever was mounted over them since does not cover them.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <tuple>

#include "attack.hpp"

namespace attack {
namespace {

constexpr int kHighest = 64;

/// A cgroup directory, open with O_PATH until the try ends.
struct Held {
    int directory;
    Place place;
    std::string what;

    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(directory); }
};

/// The same directory by another mount is another way in.
using Identity = std::tuple<unsigned, unsigned, unsigned long long, unsigned long long>;

Identity identity_of(int directory) {
    struct statx status {};
    ::statx(directory, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &status);
    return {status.stx_dev_major, status.stx_dev_minor, status.stx_ino, status.stx_mnt_id};
}

/// The cgroup directories from `path` upwards, as far as `..` leads.
void climb(const std::string& path, std::set<Identity>& seen, std::vector<Held>& found) {
    int directory = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    std::string what = path;
    for (int level = 0; level < kHighest && directory >= 0 && seen.insert(identity_of(directory)).second; level++) {
        const int above = ::openat(directory, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        const Place place = place_of(directory);
        if (place == Place::no_cgroup) {
            ::close(directory);
        } else {
            found.push_back({directory, place, what});
        }
        directory = above;
        what += "/..";
    }
    ::close(directory);
}

/// Of this process and of all others, with what their mounts show.
std::vector<Held> held_cgroups() {
    std::vector<std::string> paths{"."};
    std::vector<std::string> processes = other_processes();
    processes.emplace_back("self");
    processes.push_back(std::to_string(::getppid()));
    for (const std::string& process : processes) {
        const std::string top = "/proc/" + process;
        paths.push_back(top + "/cwd");
        paths.push_back(top + "/root");
        std::error_code gone;
        for (const auto& entry : std::filesystem::directory_iterator(top + "/fd", gone)) {
            paths.push_back(entry.path());
        }
        for (const Mount& mount : cgroup_mounts(process)) {
            paths.push_back(top + "/root" + mount.point);
        }
    }
    std::set<Identity> seen;
    std::vector<Held> found;
    for (const std::string& path : paths) {
        climb(path, seen, found);
    }
    return found;
}

/// Whether something is to be tried that would change the directory. Elsewhere than on a virtual machine made for this it is
/// told instead, where that is the host's root.
bool may_be_changed(Report& report, const Held& held) {
    if (held.place != Place::host_root || reckless()) {
        return true;
    }
    report.reached(kind::kHost, held.what);
    return false;
}

/// From the own working directory up to the root: what the limits there are, and whether the way in is open.
void own_directory(Report& report) {
    std::set<Identity> seen;
    std::vector<Held> found;
    climb(".", seen, found);
    for (const Held& held : found) {
        judge_directory(report, held.directory, held.what);
        if (!may_be_changed(report, held)) {
            continue;
        }
        for (const char* file : {"cgroup.procs", "tasks", "cgroup.threads"}) {
            const int error = write_at(held.directory, file, "0");
            if (error != 0) {
                report.refused(held.what + "/" + file, error);
            } else if (held.place == Place::engine || held.place == Place::outside) {
                report.reached(kind::kProcess, held.what + ", moved there");
            }
        }
    }
}

/// 0, or the errno with which a child that starts in the cgroup is refused. It asks for the directory's permissions and not
/// for the mount's.
int start_in(int directory) {
    clone_args arguments{};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<std::uint64_t>(directory);
    const long child = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child < 0) {
        return errno;
    }
    if (child == 0) {
        ::_exit(0);
    }
    ::waitpid(static_cast<pid_t>(child), nullptr, 0);
    return 0;
}

/// clone3(2) into the cgroup of every directory that somebody holds.
void clone_into(Report& report) {
    for (const Held& held : held_cgroups()) {
        if (!may_be_changed(report, held)) {
            continue;
        }
        const int error = start_in(held.directory);
        if (error != 0) {
            report.refused(held.what, error);
        } else if (held.place == Place::own) {
            report.harmless(held.what);
        } else {
            report.reached(held.place == Place::host_root ? kind::kHost : kind::kProcess,
                           held.what + ", started there");
        }
    }
}

/// A bind takes what is held back into the mount table, and its flags can be changed there.
void bind_held(Report& report) {
    if (!own_mounts()) {
        report.refused("unshare", errno);
        return;
    }
    const std::string point = scratch();
    for (const Held& held : held_cgroups()) {
        if (held.place == Place::flat) {
            continue;  // As remount-bind does it.
        }
        if (::mount(held.path().c_str(), point.c_str(), nullptr, MS_BIND, nullptr) != 0) {
            report.refused(held.what, errno);
        } else {
            if (held.place != Place::host_root || reckless()) {
                ::mount(nullptr, point.c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr);
            }
            judge_path(report, point, held.what);
            ::umount2(point.c_str(), MNT_DETACH);
        }
    }
    ::rmdir(point.c_str());
}

/// The marks that systemd goes by, on the host too: user.oomd_avoid, trusted.delegate. The own ones go with the cgroup.
void mark(Report& report) {
    for (const Held& held : held_cgroups()) {
        if (!may_be_changed(report, held)) {
            continue;
        }
        for (const char* name : {"user.attack", "trusted.attack", "security.attack"}) {
            if (::setxattr(held.path().c_str(), name, "1", 1, 0) != 0) {
                report.refused(held.what + " " + name, errno);
            } else if (held.place == Place::own) {
                report.harmless(held.what + " " + name);
            } else {
                report.reached(kind::kMark, held.what + " " + name);
            }
        }
    }
}

/// What processes show that have other mounts: those of another container in the same PID namespace, or of one that is being
/// set up. Only for containers of a test's own: where limits can be raised, they are.
void neighbours(Report& report) {
    for (const std::string& process : other_processes()) {
        const std::string top = "/proc/" + process;
        if (inode_of(top + "/ns/mnt") == inode_of("/proc/self/ns/mnt")) {
            continue;
        }
        for (const char* name : {"/ns/mnt", "/ns/cgroup", "/ns/user", "/cwd", "/root", "/mem"}) {
            const int fd = ::open((top + name).c_str(), O_RDONLY | O_CLOEXEC);
            if (fd >= 0) {
                report.reached(kind::kProcess, top + name);
            } else {
                report.refused(top + name, errno);
            }
            ::close(fd);
        }
        for (const Mount& mount : cgroup_mounts(process)) {
            const std::string path = top + "/root" + mount.point;
            const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (directory < 0) {
                report.refused(path, errno);
                continue;
            }
            const std::string raised = raise_limits(directory);
            if (!raised.empty()) {
                report.reached(kind::kEngine, path + ": " + raised);
            }
            ::close(directory);
        }
    }
}

long bpf(bpf_cmd command, bpf_attr& attributes) { return ::syscall(SYS_bpf, command, &attributes, sizeof attributes); }

/// One that allows all.
int load_program(Report& report, bpf_prog_type type) {
    const bpf_insn allow[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    bpf_attr load{};
    load.prog_type = type;
    load.insns = reinterpret_cast<std::uintptr_t>(allow);
    load.insn_cnt = 2;
    load.license = reinterpret_cast<std::uintptr_t>("Apache-2.0");
    const int program = static_cast<int>(bpf(BPF_PROG_LOAD, load));
    if (program < 0) {
        report.refused("load", errno);
    }
    return program;
}

/// A program above the own cgroup outlives the container. This one goes with the try: a link ends with its last descriptor.
void attach(Report& report, int program, bpf_attach_type type, const Held& held) {
    const int directory = ::open(held.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bpf_attr link{};
    link.link_create.prog_fd = static_cast<unsigned>(program);
    link.link_create.target_fd = static_cast<unsigned>(directory);
    link.link_create.attach_type = type;
    if (bpf(BPF_LINK_CREATE, link) < 0) {
        report.refused(held.what, errno);
    } else if (held.place == Place::own) {
        report.harmless(held.what);
    } else {
        report.reached(kind::kProgram, held.what);
    }
    ::close(directory);
}

void attach_programs(Report& report) {
    const int devices = load_program(report, BPF_PROG_TYPE_CGROUP_DEVICE);
    const int packets = load_program(report, BPF_PROG_TYPE_CGROUP_SKB);
    for (const Held& held : held_cgroups()) {
        if (devices < 0 || packets < 0 || !may_be_changed(report, held)) {
            continue;
        }
        attach(report, devices, BPF_CGROUP_DEVICE, held);
        attach(report, packets, BPF_CGROUP_INET_EGRESS, held);
    }
}

}  // namespace

std::vector<Attack> held_attacks() {
    return {{"own-directory", own_directory}, {"clone-into", clone_into},
            {"bind-held", bind_held},         {"mark", mark},
            {"neighbours", neighbours},       {"attach-programs", attach_programs}};
}

}  // namespace attack
