#include "kernel/support/container.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "core/path.hpp"

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

namespace cginit {
namespace {

namespace fs = std::filesystem;

/// Where the root is built: every machine has it, and the child's mount namespace is its own.
constexpr const char* kNewRoot = "/mnt";
constexpr unsigned long kEngineFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME;

void must(bool good, const std::string& what) {
    if (!good) {
        throw std::system_error(errno, std::generic_category(), what);
    }
}

void mount_or_throw(const char* source, const std::string& target, const char* type, unsigned long flags,
                    const char* options = nullptr) {
    must(::mount(source, target.c_str(), type, flags, options) == 0, "mount " + target);
}

void bind_plain(const std::string& from, const std::string& to, unsigned long extra = 0) {
    mount_or_throw(from.c_str(), to, nullptr, MS_BIND | extra);
}

void bind_read_only(const std::string& from, const std::string& to) {
    bind_plain(from, to);
    mount_or_throw(nullptr, to, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | kEngineFlags);
}

std::string below(const std::string& path) { return join_path(kNewRoot, path); }

/// A terminal of the container's own on /dev/console. The other end stays open, or there would be none.
void make_console() {
    const int other_end = ::open(below("dev/pts/ptmx").c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    must(other_end >= 0 && ::unlockpt(other_end) == 0, "open a terminal");
    write_text(below("dev/console"), "");
    bind_plain(below("dev/pts/0"), below("dev/console"));
}

/// What runc makes of --privileged, with some of the machine's devices.
void make_dev() {
    const std::string dev = below("dev");
    mount_or_throw("tmpfs", dev, "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755");
    for (const auto& [name, major, minor] : {std::tuple{"null", 1U, 3U},
                                             {"zero", 1U, 5U},
                                             {"tty", 5U, 0U},
                                             {"tty0", 4U, 0U},
                                             {"tty1", 4U, 1U},
                                             {"tty63", 4U, 63U}}) {
        must(::mknod(join_path(dev, name).c_str(), S_IFCHR | 0666, makedev(major, minor)) == 0, name);
    }
    for (const char* directory : {"pts", "shm", "mqueue"}) {
        fs::create_directory(join_path(dev, directory));
    }
    mount_or_throw("devpts", join_path(dev, "pts"), "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666");
    mount_or_throw("shm", join_path(dev, "shm"), "tmpfs", kEngineFlags, "mode=1777");
    mount_or_throw("mqueue", join_path(dev, "mqueue"), "mqueue", kEngineFlags);
    fs::create_symlink("pts/ptmx", join_path(dev, "ptmx"));
    make_console();
}

/// The machine's programs and libraries, read-only, on a tmpfs; what a container has of its own is left out.
void make_root_file_system(const ContainerSpec& spec) {
    mount_or_throw("root", kNewRoot, "tmpfs", 0, "mode=755");
    for (const fs::directory_entry& entry : fs::directory_iterator("/")) {
        const std::string name = entry.path().filename().string();
        const std::string target = below(name);
        if (entry.is_symlink()) {
            fs::create_symlink(fs::read_symlink(entry.path()), target);
        } else if (entry.is_directory()) {
            fs::create_directory(target);
            const bool own = name == "proc" || name == "sys" || name == "dev" || name == "run" || name == "mnt" ||
                             (name == "tmp" && spec.privileged);
            if (!own) {
                bind_plain("/" + name, target);
                mount_or_throw(nullptr, target, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NODEV);
            }
        }
    }
    if (spec.privileged && !spec.host_dev) {
        make_dev();
    } else {
        bind_plain("/dev", below("dev"), spec.host_dev ? MS_REC : 0);
    }
    if (spec.privileged) {
        bind_plain("/sys", below("sys"));
        mount_or_throw(nullptr, below("sys"), nullptr, MS_BIND | MS_REMOUNT | kEngineFlags);
    } else {
        bind_read_only("/sys", below("sys"));
    }
    fs::create_directories(below("cginit-work"));
}

void make_v1_view(const TestCgroups& cgroups, bool with_unified) {
    const std::string view = below("sys/fs/cgroup");
    mount_or_throw("tmpfs", view, "tmpfs", kEngineFlags, "mode=755");
    for (const HostHierarchy& hierarchy : cgroups.hierarchies()) {
        if (!hierarchy.v2 || with_unified) {
            const std::string target = join_path(view, hierarchy.name);
            fs::create_directory(target);
            bind_read_only(cgroups.directory(hierarchy), target);
        }
    }
}

const HostHierarchy& named(const TestCgroups& cgroups, const std::string& name) {
    for (const HostHierarchy& hierarchy : cgroups.hierarchies()) {
        if (hierarchy.name == name) {
            return hierarchy;
        }
    }
    throw std::runtime_error("no hierarchy " + name);
}

void make_view(const ContainerSpec& spec, const TestCgroups& cgroups) {
    const std::string view = below("sys/fs/cgroup");
    const HostHierarchy& unified = named(cgroups, "unified");
    const std::string own_v2 = cgroups.directory(unified);
    switch (spec.view) {
        case EngineView::docker_v1: make_v1_view(cgroups, false); break;
        case EngineView::docker_hybrid: make_v1_view(cgroups, true); break;
        case EngineView::docker_v2: bind_read_only(spec.private_cgroup_namespace ? own_v2 : unified.point, view); break;
        case EngineView::whole_tree: bind_plain("/sys/fs/cgroup", view, MS_REC); break;
        case EngineView::podman_stacked:
            make_v1_view(cgroups, false);
            bind_plain(named(cgroups, "systemd").point, join_path(view, "systemd"));
            bind_plain("/dev/null", join_path(view, "systemd/release_agent"));
            break;
        case EngineView::root_stacked:
            bind_read_only(unified.point, view);
            bind_read_only(own_v2, view);
            break;
    }
}

void make_extras(const ContainerSpec& spec, const TestCgroups& cgroups) {
    for (const auto& [from, to] : spec.copies) {
        fs::copy_file(from, below(to));
    }
    if (spec.secret_below_run) {
        fs::create_directories(below("run/secrets"));
        write_text(below("cginit-work/token"), "secret\n");
        write_text(below("run/secrets/token"), "");
        bind_read_only(below("cginit-work/token"), below("run/secrets/token"));
    }
    if (!spec.id.empty()) {
        const std::string kept = join_path(join_path(below("cginit-work/containers"), spec.id), "hostname");
        fs::create_directories(parent_path(kept));
        write_text(kept, "test\n");
        write_text(below("cginit-work/hostname"), "");
        bind_plain(kept, below("cginit-work/hostname"));
    }
    if (spec.privileged) {
        write_text(below("tmp/of-the-image"), "");
        fs::create_directory(below("tmp/volume"));
        mount_or_throw("volume", below("tmp/volume"), "tmpfs", 0, "mode=755");
        write_text(below("tmp/volume/file"), "volume\n");
    }
    if (spec.elsewhere_read_only || spec.elsewhere_writable) {
        fs::create_directories(below("cginit-host/cgroup"));
        bind_plain(named(cgroups, "unified").point, below("cginit-host/cgroup"));
        constexpr unsigned long kReadOnly = MS_RDONLY;
        const unsigned long read_only = spec.elsewhere_read_only ? kReadOnly : 0UL;
        mount_or_throw(nullptr, below("cginit-host/cgroup"), nullptr, MS_BIND | MS_REMOUNT | read_only | kEngineFlags);
    }
}

/// The old root comes to lie on the new one, pivot_root(2): no directory is needed for it.
void enter_root() {
    must(::chdir(kNewRoot) == 0, "chdir");
    must(::syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
    must(::umount2(".", MNT_DETACH) == 0, "umount the old root");
    must(::chdir("/") == 0, "chdir /");
}

/// What PID 1 of a container does before it is the container's own.
void become_init(const ContainerSpec& spec, const TestCgroups& cgroups) {
    cgroups.join(!spec.v2_at_host_root);
    if (spec.private_cgroup_namespace) {
        must(::unshare(CLONE_NEWCGROUP) == 0, "unshare(CLONE_NEWCGROUP)");
    }
    mount_or_throw("proc", below("proc"), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME);
    enter_root();
    if (spec.shared_tree) {
        mount_or_throw(nullptr, "/", nullptr, MS_REC | MS_SHARED);
    }
}

/// Ends the process as run_in_child() says.
[[noreturn]] void end_with(const std::function<void()>& body) {
    try {
        body();
    } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
    }
    std::fflush(nullptr);
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
}

}  // namespace

int status_of(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t start_child(const std::function<void()>& body) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    must(child >= 0, "fork");
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        end_with(body);
    }
    return child;
}

int run_in_child(const std::function<void()>& body) { return status_of(start_child(body)); }

void enter_private_mounts() {
    must(::unshare(CLONE_NEWNS) == 0, "unshare(CLONE_NEWNS)");
    mount_or_throw(nullptr, "/", nullptr, MS_REC | MS_PRIVATE);
}

int run_in_private_mounts(const std::function<void()>& body) {
    return run_in_child([&body] {
        enter_private_mounts();
        body();
    });
}

void prepare_container(const ContainerSpec& spec, const TestCgroups& cgroups) {
    make_root_file_system(spec);
    make_view(spec, cgroups);
    make_extras(spec, cgroups);
}

void discard_container() { must(::umount2(kNewRoot, MNT_DETACH) == 0, "umount the container's root"); }

pid_t start_container(const ContainerSpec& spec, const TestCgroups& cgroups, const std::function<void()>& body) {
    std::fflush(nullptr);
    // fork(2) into new namespaces: the caller, in none of them, can do it once more.
    const long child = ::syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    must(child >= 0, "clone(CLONE_NEWNS|CLONE_NEWPID)");
    if (child == 0) {
        end_with([&] {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            become_init(spec, cgroups);
            body();
        });
    }
    return static_cast<pid_t>(child);
}

int run_container(const ContainerSpec& spec, const TestCgroups& cgroups, const std::function<void()>& body) {
    return run_in_child([&] {
        must(::unshare(CLONE_NEWNS | CLONE_NEWPID) == 0, "unshare(CLONE_NEWNS|CLONE_NEWPID)");
        if (!spec.keep_propagation) {
            mount_or_throw(nullptr, "/", nullptr, MS_REC | MS_PRIVATE);
        }
        prepare_container(spec, cgroups);
        if (spec.keep_propagation) {
            // Only the container's copies keep their peers: the old root goes without anybody noticing.
            mount_or_throw(nullptr, "/sys/fs/cgroup", nullptr, MS_REC | MS_PRIVATE);
        }
        // The caller of unshare(CLONE_NEWPID) stays outside of the container; so does its cgroup.
        EXPECT_EQ(run_in_child([&] {
                      become_init(spec, cgroups);
                      body();
                  }),
                  0)
            << spec.name;
    });
}

int run_private_container(const ContainerSpec& spec, const TestCgroups& cgroups, const std::function<void()>& body) {
    return run_in_private_mounts([&] { EXPECT_EQ(run_container(spec, cgroups, body), 0); });
}

int start_bystander() {
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            ::pause();
        }
    }
    return child;
}

bool must_run() {
    const char* value = std::getenv("CGINIT_MUST_RUN");
    return value != nullptr && std::string(value) == "1";
}

}  // namespace cginit
