// Devices, BPF, settings of the kernel; and whether the limits bite.
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>

#include "attack.hpp"

namespace attack {
namespace {

/// A loop device: nobody's data, and no engine allows it.
void open_device(Report& report, const std::string& what) {
    const std::string path = "/attack-device";
    ::unlink(path.c_str());
    if (::mknod(path.c_str(), S_IFBLK | 0600, makedev(7, 0)) != 0) {
        report.refused(what + ": mknod", errno);
        return;
    }
    const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    // The kernel asks the cgroups before it looks whether there is a driver.
    if (fd >= 0 || errno == ENXIO || errno == ENODEV) {
        report.reached(kind::kDevice, what);
    } else {
        report.refused(what, errno);
    }
    ::close(fd);
    ::unlink(path.c_str());
}

void device(Report& report) { open_device(report, "as it is"); }

long bpf(bpf_cmd command, bpf_attr& attributes) { return ::syscall(SYS_bpf, command, &attributes, sizeof attributes); }

/// A program for devices that allows all, at the own root and below: engines attach theirs above.
void bpf_devices(Report& report) {
    const bpf_insn allow[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load.insns = reinterpret_cast<std::uintptr_t>(allow);
    load.insn_cnt = 2;
    load.license = reinterpret_cast<std::uintptr_t>("Apache-2.0");
    const int program = static_cast<int>(bpf(BPF_PROG_LOAD, load));
    if (program < 0) {
        report.refused("load", errno);
    }
    for (const Mount& mount : cgroup_mounts()) {
        for (const std::string& path : {mount.point, mount.point + "/attack"}) {
            const int directory =
                mount.type == "cgroup2" ? ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
            for (const unsigned flags :
                 {0U, static_cast<unsigned>(BPF_F_ALLOW_OVERRIDE), static_cast<unsigned>(BPF_F_ALLOW_MULTI)}) {
                if (directory < 0) {
                    continue;
                }
                bpf_attr attach{};
                attach.target_fd = static_cast<unsigned>(directory);
                attach.attach_bpf_fd = static_cast<unsigned>(program);
                attach.attach_type = BPF_CGROUP_DEVICE;
                attach.attach_flags = flags;
                report.judge(bpf(BPF_PROG_ATTACH, attach) == 0, path);
                write_at(directory, "cgroup.procs", "0");
                open_device(report, path);
                bpf(BPF_PROG_DETACH, attach);
            }
            ::close(directory);
        }
    }
    ::close(program);
}

/// What runs a program on the host: opened for writing, never written.
void host_settings(Report& report) {
    own_mounts();
    const std::string point = scratch();
    if (::mount("proc", point.c_str(), "proc", 0, nullptr) != 0) {
        report.refused("mount proc", errno);
    }
    for (const char* name : {"/sys/kernel/core_pattern", "/sys/kernel/modprobe"}) {
        for (const std::string& top : {point, std::string("/proc")}) {
            const int fd = ::open((top + name).c_str(), O_WRONLY | O_CLOEXEC);
            if (fd >= 0) {
                report.reached(kind::kSysctl, name);
            } else if (errno != ENOENT) {
                report.refused(top + name, errno);
            }
            ::close(fd);
        }
    }
    ::umount2(point.c_str(), MNT_DETACH);
    ::rmdir(point.c_str());
}

/// harmless: the limit held. The detail says where it bit.
void bite_pids(Report& report) {
    constexpr int kMany = 5000;
    std::vector<pid_t> children;
    int error = 0;
    while (children.size() < kMany) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::pause();
            ::_exit(0);
        }
        if (child < 0) {
            error = errno;
            break;
        }
        children.push_back(child);
    }
    for (const pid_t child : children) {
        ::kill(child, SIGKILL);
    }
    for (const pid_t child : children) {
        ::waitpid(child, nullptr, 0);
    }
    if (error == 0) {
        report.reached(kind::kEngine, std::to_string(kMany) + " processes");
    } else {
        report.refused("fork after " + std::to_string(children.size()), error);
    }
}

void bite_memory(Report& report) {
    constexpr std::size_t kStep = 1 << 20, kMost = 1024 * kStep;
    auto* used = static_cast<volatile std::size_t*>(
        ::mmap(nullptr, sizeof(std::size_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const pid_t child = ::fork();
    if (child == 0) {
        // Of all in the container, this is the one to go.
        std::ofstream("/proc/self/oom_score_adj") << "1000" << std::flush;
        auto* memory =
            static_cast<char*>(::mmap(nullptr, kMost, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        for (std::size_t at = 0; at < kMost; at += kStep) {
            ::memset(memory + at, 1, kStep);
            *used = at / kStep;
        }
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    const std::string most = std::to_string(*used) + " MB";
    if (WIFSIGNALED(status)) {
        report.refused("killed at " + most, ENOMEM);
    } else {
        report.reached(kind::kEngine, most);
    }
}

/// Reads a file of 2 MB from the disk, past the page cache; the caller knows how fast that may be.
void bite_read(Report& report) {
    constexpr std::size_t kBlock = 256 << 10, kBlocks = 8;
    const char* path = "/attack-file";
    auto* block =
        static_cast<char*>(::mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    const int written = ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (std::size_t count = 0; count < kBlocks; count++) {
        report.judge(::write(written, block, kBlock) == static_cast<ssize_t>(kBlock), "write");
    }
    ::fsync(written);
    ::close(written);
    const int fd = ::open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t count = 0; count < kBlocks; count++) {
        report.judge(::pread(fd, block, kBlock, static_cast<off_t>(count * kBlock)) == static_cast<ssize_t>(kBlock),
                     "read");
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    ::close(fd);
    ::unlink(path);
    report.note(std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()) + " ms");
}

}  // namespace

std::vector<Attack> kernel_attacks() {
    return {{"device", device}, {"bpf-devices", bpf_devices}, {"host-settings", host_settings}};
}

std::vector<Attack> bites() {
    return {{"bite-pids", bite_pids}, {"bite-memory", bite_memory}, {"bite-read", bite_read}};
}

}  // namespace attack
