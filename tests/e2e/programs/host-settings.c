// Root looks for a way to the host's settings: to a view of proc or sysfs that is not the one that the engine made. What it
// finds it opens for writing, and writes nothing. And it makes sockets of some families.
//
//   host-settings       a line for each way: "bind /proc: core_pattern modprobe", the files that could be opened
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

// linux/mount.h, which sys/mount.h of some libraries does not go with.
enum { kFsOpen = 430, kFsConfig = 431, kFsMount = 432, kMoveMount = 429, kOpenTree = 428, kMountSetattr = 442 };
enum { kCmdCreate = 6, kFEmptyPath = 4, kTreeClone = 1, kEmptyPath = 0x1000, kReadOnly = 1 };
struct mount_attributes {
    unsigned long long set, clear, propagation, userns_fd;
};

static const char kProc[] = "/dev/shm/p";
static const char* const kNames[] = {"sys/kernel/core_pattern", "sys/kernel/modprobe", "sysrq-trigger",
                                     "kernel/uevent_helper", "kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"};
enum { kCount = sizeof kNames / sizeof *kNames };

static void say(const char* what) { fputs(what, stdout); }

static void try_open(int at, const char* path, const char* name) {
    const int fd = openat(at, path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        say(" ");
        say(name);
        close(fd);
    }
}

static void try_below(int at, const char* directory) {
    for (int i = 0; i < kCount; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s%s%s", directory, *directory ? "/" : "", kNames[i]);
        try_open(at, path, strrchr(kNames[i], '/') ? strrchr(kNames[i], '/') + 1 : kNames[i]);
    }
}

// As far as the kernel lets: what could not be made writable says so when it is opened. Engines make sysfs itself read-only.
static void writable(const char* path) {
    mount("none", path, NULL, MS_REMOUNT | MS_BIND, NULL);
    mount("none", path, NULL, MS_REMOUNT, NULL);
}

static int fresh(const char* kind) {
    const int context = (int)syscall(kFsOpen, kind, 1);
    if (context < 0 || syscall(kFsConfig, context, kCmdCreate, NULL, NULL, 0) != 0) {
        return -1;
    }
    return (int)syscall(kFsMount, context, 1, 0);
}

static void in_place(void) {
    writable("/proc/sys");
    writable("/proc/sysrq-trigger");
    writable("/sys");
    try_below(AT_FDCWD, "/proc");
    try_below(AT_FDCWD, "/sys");
}

static void bind_of(const char* source, unsigned long flags, const char* below) {
    if (mount(source, kProc, NULL, flags, NULL) == 0) {
        char path[64];
        snprintf(path, sizeof path, "%s%s", kProc, below);
        writable(path);
        snprintf(path, sizeof path, "%s%s/sys", kProc, below);
        writable(path);
        snprintf(path, sizeof path, "%s%s", kProc, below);
        try_below(AT_FDCWD, path);
    }
}

static void bind_proc(void) { bind_of("/proc", MS_BIND, ""); }
static void rbind_proc(void) { bind_of("/proc", MS_BIND | MS_REC, ""); }
static void bind_sys(void) { bind_of("/sys", MS_BIND, ""); }
static void rbind_root(void) { bind_of("/", MS_BIND | MS_REC, "/proc"); }
static void rbind_root_sys(void) { bind_of("/", MS_BIND | MS_REC, "/sys"); }
static void move_proc(void) { bind_of("/proc", MS_MOVE, ""); }

static void bind_part(void) {
    if (mount("/proc/sys/kernel", kProc, NULL, MS_BIND, NULL) == 0) {
        writable(kProc);
        try_open(AT_FDCWD, "/dev/shm/p/core_pattern", "core_pattern");
        try_open(AT_FDCWD, "/dev/shm/p/modprobe", "modprobe");
    }
}

static void bind_file(void) {
    close(open("/dev/shm/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (mount("/proc/sys/kernel/core_pattern", "/dev/shm/f", NULL, MS_BIND, NULL) == 0) {
        writable("/dev/shm/f");
        try_open(AT_FDCWD, "/dev/shm/f", "core_pattern");
    }
}

static void fresh_proc(void) {
    if (mount("none", kProc, "proc", 0, NULL) == 0) {
        try_below(AT_FDCWD, kProc);
    }
}

static void fresh_sysfs(void) {
    writable("/sys");
    if (mount("none", kProc, "sysfs", 0, NULL) == 0) {
        try_below(AT_FDCWD, kProc);
    }
}

// By its descriptor alone it has no path but the one in itself.
static void fsopen_proc(void) {
    const int fd = fresh("proc");
    if (fd >= 0) {
        try_below(fd, "");
    }
}

static void fsopen_proc_moved(void) {
    const int fd = fresh("proc");
    if (fd >= 0 && syscall(kMoveMount, fd, "", AT_FDCWD, kProc, kFEmptyPath) == 0) {
        try_below(AT_FDCWD, kProc);
    }
}

static void fsopen_sysfs_moved(void) {
    writable("/sys");
    const int fd = fresh("sysfs");
    if (fd >= 0 && syscall(kMoveMount, fd, "", AT_FDCWD, kProc, kFEmptyPath) == 0) {
        try_below(AT_FDCWD, kProc);
    }
}

// One file, below a name that says nothing of it.
static void open_tree_file(void) {
    const int fd = (int)syscall(kOpenTree, AT_FDCWD, "/proc/sys/kernel/core_pattern", kTreeClone | O_CLOEXEC);
    struct mount_attributes attributes = {0, kReadOnly, 0, 0};
    close(open("/dev/shm/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (fd >= 0 && syscall(kMountSetattr, fd, "", kEmptyPath, &attributes, sizeof attributes) == 0 &&
        syscall(kMoveMount, fd, "", AT_FDCWD, "/dev/shm/f", kFEmptyPath) == 0) {
        try_open(AT_FDCWD, "/dev/shm/f", "core_pattern");
    }
}

static void socket_of(int family, int type, const char* name) {
    if (socket(family, type | SOCK_CLOEXEC, 0) >= 0) {
        say(name);
    }
}

static void sockets(void) {
    socket_of(AF_UNIX, SOCK_DGRAM, " unix");
    socket_of(AF_INET, SOCK_DGRAM, " inet");
    socket_of(AF_ALG, SOCK_SEQPACKET, " alg");
    socket_of(AF_VSOCK, SOCK_STREAM, " vsock");
}

static const struct {
    const char* name;
    void (*go)(void);
} kWays[] = {
    {"in place", in_place},
    {"bind /proc", bind_proc},
    {"rbind /proc", rbind_proc},
    {"move /proc", move_proc},
    {"bind /sys", bind_sys},
    {"rbind /, proc", rbind_root},
    {"rbind /, sysfs", rbind_root_sys},
    {"bind /proc/sys/kernel", bind_part},
    {"bind core_pattern", bind_file},
    {"mount proc", fresh_proc},
    {"mount sysfs", fresh_sysfs},
    {"fsopen proc", fsopen_proc},
    {"fsopen proc and move_mount", fsopen_proc_moved},
    {"fsopen sysfs and move_mount", fsopen_sysfs_moved},
    {"open_tree core_pattern", open_tree_file},
    {"sockets", sockets},
};

int main(void) {
    mkdir(kProc, 0700);
    for (unsigned i = 0; i < sizeof kWays / sizeof *kWays; i++) {
        fflush(stdout);
        const pid_t child = fork();
        if (child == 0) {
            printf("%s:", kWays[i].name);
            // One way leaves nothing to the next one.
            if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
                kWays[i].go();
            } else {
                printf(" %s", strerror(errno));
            }
            say("\n");
            fflush(stdout);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    return 0;
}
