#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "attack.hpp"

namespace attack {
namespace {

constexpr int kDirectories = 400;

bool g_reckless = false;

bool has(int directory, const char* name) { return ::faccessat(directory, name, F_OK, 0) == 0; }

std::string read_at(int directory, const char* name) {
    const int fd = ::openat(directory, name, O_RDONLY | O_CLOEXEC);
    char text[4096];
    const ssize_t length = fd < 0 ? -1 : ::read(fd, text, sizeof text);
    ::close(fd);
    return length < 0 ? "" : std::string(text, static_cast<std::size_t>(length));
}

std::string first_disk() {
    std::istringstream lines(read_file("/proc/partitions"));
    std::string major, minor, blocks, name;
    std::getline(lines, major);
    return lines >> major >> minor >> blocks >> name ? major + ":" + minor : "7:0";
}

/// What is more than the limit file holds now; empty where the file has no higher value.
std::string higher(const std::string& name, const std::string& now) {
    if (name == "devices.allow") {
        return "a";
    }
    if (name.starts_with("blkio.throttle.") || name == "io.max") {
        // 254:0 1048576
        std::istringstream words(now);
        std::string device;
        unsigned long long rate = 0;
        const bool limited = static_cast<bool>(words >> device >> rate);
        return limited ? device + " " + std::to_string(rate * 64) : first_disk() + " 1099511627776";
    }
    if (name == "net_prio.ifpriomap") {
        return "lo 7";
    }
    if (now.starts_with('-')) {
        return "";  // no limit
    }
    try {
        const unsigned long long value = std::stoull(now, nullptr, 0);
        return std::to_string(name == "net_cls.classid" ? value ^ 0x10001
                                                        : value + (value < 65536 ? 1000 : value / 16));
    } catch (const std::exception&) {
        return "";  // max, or a list
    }
}

/// (device, inode) of the directories that the own mounts show; and their devices.
struct Visible {
    std::set<std::pair<dev_t, ino_t>> directories;
    std::set<dev_t> devices;

    Visible() {
        for (const Mount& mount : cgroup_mounts()) {
            walk(mount.point, [this](const std::string& path) {
                struct stat status {};
                if (::lstat(path.c_str(), &status) == 0) {
                    directories.emplace(status.st_dev, status.st_ino);
                    devices.insert(status.st_dev);
                }
            });
        }
    }
};

}  // namespace

void Report::refused(const std::string& what, int error) {
    const char* name = ::strerrorname_np(error);
    refusals_[name == nullptr ? std::to_string(error) : name]++;
    if (details_.empty()) {
        note(what + ": " + ::strerror(error));
    }
}

void Report::note(const std::string& what) { details_.push_back(what); }

void Report::harmless(const std::string& what) { harmless_.push_back(what); }

void Report::reached(const char* kind, const std::string& what) {
    if (kinds_.insert(kind).second || details_.size() < 8) {
        note(std::string(kind) + " (" + what + ")");
    }
}

void Report::judge(bool done, const std::string& what) {
    if (done) {
        harmless(what);
    } else {
        refused(what, errno);
    }
}

void Report::apart(const std::function<void(Report&)>& part) {
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0) {
        return;
    }
    const pid_t child = ::fork();
    if (child == 0) {
        Report report;
        part(report);
        std::ostringstream text;
        for (const auto& [name, count] : report.refusals_) {
            text << "refused " << count << ' ' << name << '\n';
        }
        for (const std::string& what : report.harmless_) {
            text << "harmless 0 " << what << '\n';
        }
        for (const std::string& kind : report.kinds_) {
            text << "kind 0 " << kind << '\n';
        }
        for (const std::string& detail : report.details_) {
            text << "detail 0 " << detail << '\n';
        }
        const std::string all = text.str();
        ::_exit(::write(pipe[1], all.data(), all.size()) == static_cast<ssize_t>(all.size()) ? 0 : 1);
    }
    ::close(pipe[1]);
    std::string all;
    char block[4096];
    for (ssize_t length = 0; (length = ::read(pipe[0], block, sizeof block)) > 0;) {
        all.append(block, static_cast<std::size_t>(length));
    }
    ::close(pipe[0]);
    ::waitpid(child, nullptr, 0);
    std::istringstream lines(all);
    for (std::string what, text; lines >> what;) {
        int count = 0;
        lines >> count;
        std::getline(lines >> std::ws, text);
        if (what == "refused") {
            refusals_[text] += count;
        } else if (what == "harmless") {
            harmless_.push_back(text);
        } else if (what == "kind") {
            kinds_.insert(text);
        } else {
            details_.push_back(text);
        }
    }
}

std::string Report::line() const {
    std::ostringstream text;
    if (!kinds_.empty()) {
        const char* separator = "reached:";
        for (const std::string& kind : kinds_) {
            text << std::exchange(separator, ",") << kind;
        }
    } else {
        text << (!harmless_.empty() ? "harmless" : !refusals_.empty() ? "refused" : "absent");
    }
    const char* separator = "\t";
    for (const auto& [name, count] : refusals_) {
        text << std::exchange(separator, ", ") << name << " " << count;
    }
    if (!harmless_.empty()) {
        text << std::exchange(separator, ", ") << "led nowhere " << harmless_.size() << " (" << harmless_.front()
             << ")";
    }
    for (const std::string& detail : details_) {
        text << std::exchange(separator, ", ") << detail;
    }
    if (*separator == '\t') {
        text << "\t-";
    }
    std::string line = text.str();
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

bool reckless() { return g_reckless; }
void set_reckless() { g_reckless = true; }

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<Mount> cgroup_mounts(const std::string& process) {
    // 161 160 0:29 / /sys/fs/cgroup/cpu ro,nosuid - cgroup cgroup rw,cpu
    std::vector<Mount> mounts;
    std::istringstream lines(read_file("/proc/" + process + "/mountinfo"));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string id, parent, device, flags, word, source;
        Mount mount{};
        words >> id >> parent >> device >> mount.root >> mount.point >> flags;
        while (words >> word && word != "-") {
        }
        words >> mount.type >> source >> mount.options;
        mount.read_only = flags.starts_with("ro");
        if (mount.type == "cgroup" || mount.type == "cgroup2") {
            mounts.push_back(mount);
        }
    }
    return mounts;
}

std::vector<std::string> hierarchies() {
    // 4:memory:/docker/0a59
    std::vector<std::string> found;
    std::istringstream lines(read_file("/proc/self/cgroup"));
    for (std::string line; std::getline(lines, line);) {
        const std::size_t first = line.find(':');
        found.push_back(line.substr(first + 1, line.find(':', first + 1) - first - 1));
    }
    return found;
}

bool is_flat(const std::string& hierarchy) {
    return hierarchy.find("blkio") != std::string::npos || hierarchy.find("net_") != std::string::npos;
}

std::vector<std::string> other_processes() {
    std::vector<std::string> found;
    const std::string own = std::to_string(::getpid());
    const std::string parent = std::to_string(::getppid());
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (std::isdigit(static_cast<unsigned char>(name[0])) != 0 && name != own && name != parent) {
            found.push_back(name);
        }
    }
    return found;
}

unsigned long inode_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

bool in_initial_cgroup_namespace() { return inode_of("/proc/self/ns/cgroup") == kInitialCgroupNamespace; }

int write_at(int directory, const std::string& name, std::string_view value) {
    const int fd = ::openat(directory, name.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    const int error = ::write(fd, value.data(), value.size()) < 0 ? errno : 0;
    ::close(fd);
    return error;
}

void walk(const std::string& top, const std::function<void(const std::string&)>& visit) {
    std::vector<std::string> open{top};
    for (int count = 0; !open.empty() && count < kDirectories; count++) {
        const std::string path = std::exchange(open.back(), "");
        open.pop_back();
        visit(path);
        std::error_code gone;
        for (const auto& entry : std::filesystem::directory_iterator(path, gone)) {
            if (entry.is_directory(gone) && !entry.is_symlink(gone)) {
                open.push_back(entry.path());
            }
        }
    }
}

Place place_of(int directory) {
    struct statfs system {};
    if (::fstatfs(directory, &system) != 0 || !has(directory, "cgroup.procs")) {
        return Place::no_cgroup;
    }
    const bool v2 = system.f_type == CGROUP2_SUPER_MAGIC;
    if (v2 ? !has(directory, "cgroup.type") : has(directory, "release_agent")) {
        return Place::host_root;
    }
    // The level that cginit makes in the engine's cgroup; its own has none of that name.
    if (has(directory, "cginit")) {
        return Place::engine;
    }
    if (has(directory, "blkio.reset_stats") || has(directory, "net_cls.classid") ||
        has(directory, "net_prio.ifpriomap")) {
        return Place::flat;
    }
    static const Visible visible;
    struct stat status {};
    ::fstat(directory, &status);
    return visible.devices.contains(status.st_dev) && !visible.directories.contains({status.st_dev, status.st_ino})
               ? Place::outside
               : Place::own;
}

std::string raise_limits(int directory) {
    static constexpr const char* kLimits[] = {"memory.memsw.limit_in_bytes",
                                              "memory.limit_in_bytes",
                                              "memory.max",
                                              "memory.high",
                                              "pids.max",
                                              "cpu.cfs_quota_us",
                                              "cpu.shares",
                                              "cpu.weight",
                                              "devices.allow",
                                              "blkio.throttle.read_bps_device",
                                              "io.max",
                                              "net_cls.classid",
                                              "net_prio.ifpriomap",
                                              "cgroup.max.descendants",
                                              "cgroup.max.depth"};
    std::string raised;
    for (const char* name : kLimits) {
        if (!has(directory, name)) {
            continue;
        }
        const std::string value = higher(name, read_at(directory, name));
        if (!value.empty() && write_at(directory, name, value) == 0) {
            raised += std::string(raised.empty() ? "" : " ") + name;
        }
    }
    return raised;
}

void judge_directory(Report& report, int directory, const std::string& what) {
    switch (place_of(directory)) {
        case Place::no_cgroup:
        case Place::own: report.harmless(what); return;
        case Place::outside: report.reached(kind::kOutside, what); return;
        case Place::host_root: {
            // Elsewhere than on a virtual machine made for this, nobody may be moved there.
            const bool moved = reckless() && write_at(directory, "cgroup.procs", "0") == 0;
            report.reached(kind::kHost, what + (moved ? ", moved there" : ""));
            return;
        }
        case Place::flat:
        case Place::engine: {
            const char* where = place_of(directory) == Place::flat ? kind::kFlat : kind::kEngine;
            const std::string raised = raise_limits(directory);
            if (raised.empty()) {
                report.harmless(what + ": " + where + ", nothing to be raised");
            } else {
                report.reached(where, what + ": " + raised);
            }
            return;
        }
    }
}

void judge_path(Report& report, const std::string& path, const std::string& what) {
    const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        report.refused(what, errno);
        return;
    }
    judge_directory(report, directory, what);
    ::close(directory);
}

std::string scratch() {
    char path[] = "/dev/shm/attack-XXXXXX";
    return ::mkdtemp(path) == nullptr ? "/dev/shm" : path;
}

bool own_mounts() {
    return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

}  // namespace attack
