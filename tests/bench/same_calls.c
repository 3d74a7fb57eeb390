/* The system calls of cginit, in its order, in straight C: what the job costs before any thinking.
 *
 * It knows what cginit has to find out: the layout of container.h, an init that is systemd 252, cgroup namespaces, and which
 * controllers an inner level guards. It looks into /proc only for the hierarchies and their order. check_calls.py compares
 * its calls with cginit's. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKBENCH "/proc/driver"
#define VIEW "/sys/fs/cgroup"

enum { kMaxHierarchies = 24, kMaxDescriptors = 64, kPathSize = 512, kPage = 4096 };

static const unsigned long kStrict = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME;

struct hierarchy {
    char names[96];  /* "cpu,cpuacct", "name=systemd" */
    const char* dir; /* below /sys/fs/cgroup */
    bool guarded;    /* by an inner level */
    bool writable;
    bool shown; /* the engine mounted it */
};

static struct hierarchy hierarchies[kMaxHierarchies];
static int count;
static char view_source[64]; /* cginit:[4026532181], with the id of the own PID namespace */

static void fail(const char* what, const char* path) {
    fprintf(stderr, "same_calls: %s %s: %s\n", what, path, strerror(errno));
    _exit(125);
}

/* Into a buffer of kPathSize bytes. */
__attribute__((format(printf, 2, 3))) static void put(char* path, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(path, kPathSize, format, arguments) >= kPathSize)
        fail("too long", path);
    va_end(arguments);
}

/* -- reading ------------------------------------------------------------------------------------------------------ */

static int open_fact(const char* path, int flags) { return open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC | flags); }

/* All that there is, into a buffer that is doubled when less than a page of it is left. */
static char* read_all(int fd) {
    size_t size = kPage;
    size_t used = 0;
    char* text = malloc(size + 1);
    for (;;) {
        if (size - used < kPage) {
            size *= 2;
            text = realloc(text, size + 1);
        }
        const ssize_t got = read(fd, text + used, size - used);
        if (got <= 0)
            break; /* attr/current is EINVAL where there is no security module */
        used += (size_t)got;
    }
    text[used] = '\0';
    return text;
}

static char* read_fact(const char* path) {
    const int fd = open_fact(path, 0);
    if (fd < 0)
        fail("open", path);
    char* text = read_all(fd);
    close(fd);
    return text;
}

/* And asks whether a mount came or went meanwhile. */
static char* read_mountinfo(void) {
    const char* const path = "/proc/self/mountinfo";
    const int fd = open_fact(path, 0);
    if (fd < 0)
        fail("open", path);
    char* text = read_all(fd);
    struct pollfd asked = {.fd = fd, .events = POLLPRI};
    if (poll(&asked, 1, 0) != 0)
        fail("changed", path);
    close(fd);
    return text;
}

static void read_if_there(const char* path) {
    const int fd = open_fact(path, 0);
    if (fd < 0)
        return;
    free(read_all(fd));
    close(fd);
}

static void read_head(const char* path, size_t size) {
    char head[kPage];
    const int fd = open_fact(path, O_NONBLOCK);
    if (fd < 0 || read(fd, head, size) < 0)
        fail("read", path);
    close(fd);
}

static void look(const char* path) {
    struct stat status;
    (void)fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW);
}

static void follow(const char* path) {
    char target[kPage];
    (void)readlinkat(AT_FDCWD, path, target, sizeof target);
}

static void look_and_follow(const char* path) {
    look(path);
    follow(path);
}

static void list(const char* path, bool with_children) {
    char names[64][64];
    int found = 0;
    DIR* directory = fdopendir(open_fact(path, O_DIRECTORY));
    if (directory == NULL)
        fail("list", path);
    for (const struct dirent* entry; (entry = readdir(directory)) != NULL;) {
        if (with_children && entry->d_name[0] != '.' && strcmp(entry->d_name, "systemd") != 0 && found < 64) {
            snprintf(names[found++], sizeof names[0], "%.63s", entry->d_name);
        }
    }
    closedir(directory);
    for (int i = 0; i < found; ++i) {
        char child[kPathSize];
        put(child, "%s/%s/systemd", path, names[i]);
        look(child);
    }
}

/* What the init would inherit, and whether it is a directory, a cgroup or a namespace. */
static void look_at_descriptors(void) {
    int fds[kMaxDescriptors];
    int found = 0;
    DIR* directory = fdopendir(open_fact("/proc/self/fd", O_DIRECTORY));
    if (directory == NULL)
        fail("list", "/proc/self/fd");
    for (const struct dirent* entry; (entry = readdir(directory)) != NULL && found < kMaxDescriptors;) {
        if (entry->d_name[0] != '.')
            fds[found++] = atoi(entry->d_name);
    }
    closedir(directory);
    for (int i = 0; i < found; ++i) {
        struct stat status;
        struct statfs system;
        const int flags = fcntl(fds[i], F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC) != 0)
            continue;
        (void)fstat(fds[i], &status);
        (void)fstatfs(fds[i], &system);
    }
}

static void look_at_mount(const char* path) {
    struct statx status;
    const int flags = AT_NO_AUTOMOUNT | (*path == '\0' ? AT_EMPTY_PATH : 0);
    if (statx(AT_FDCWD, path, flags, STATX_MNT_ID, &status) != 0)
        fail("statx", path);
}

static void check_init(void) {
    look("/usr/lib/systemd/systemd");
    faccessat(AT_FDCWD, "/usr/lib/systemd/systemd", X_OK, AT_EACCESS);
    read_head("/usr/lib/systemd/systemd", kPage);
}

/* /sbin/init -> ../lib/systemd/systemd, an ELF program; and the version in the name of its library. */
static void find_init(void) {
    look_and_follow("/sbin");
    look("/usr");
    look("/usr/sbin");
    look_and_follow("/usr/sbin/init");
    look("/usr/lib");
    look("/usr/lib/systemd");
    look("/usr/lib/systemd/systemd");
    check_init();
    look("/usr/lib/systemd/systemd");
    read_head("/usr/lib/systemd/systemd", 2);
    look("/usr");
    look("/usr/lib");
    look("/usr/lib/systemd");
    list("/usr/lib/systemd", false);
    list("/usr/lib", true);
    look("/usr");
    look("/usr/lib64");
    look("/usr/lib64/systemd");
    list("/usr/lib64", true);
    look_and_follow("/lib");
    look("/usr");
    look("/usr/lib");
    look_and_follow("/lib64");
    look("/usr");
    look("/usr/lib64");
}

static bool has_controller(const char* names, const char* name) {
    const size_t length = strlen(name);
    for (const char* at = names; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == names || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* 4:memory:/docker/3aef, after the part of mountinfo that says whether it is mounted */
static void find_hierarchies(const char* text, const char* mountinfo) {
    static const char* const never[] = {"blkio", "net_cls", "net_prio"};
    for (const char* line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char* names = strchr(line, ':') + 1;
        const size_t length = strcspn(names, ":");
        struct hierarchy* hierarchy = &hierarchies[count];
        if (length == 0 || length >= sizeof hierarchy->names || count == kMaxHierarchies)
            continue;
        memcpy(hierarchy->names, names, length);
        hierarchy->names[length] = '\0';
        hierarchy->dir = strncmp(names, "name=", 5) == 0 ? hierarchy->names + 5 : hierarchy->names;
        char field[kPathSize];
        put(field, " " VIEW "/%s ", hierarchy->dir);
        hierarchy->shown = strstr(mountinfo, field) != NULL;
        if (!hierarchy->shown)
            continue;
        hierarchy->writable = true;
        for (int i = 0; i < 3; ++i)
            hierarchy->writable &= !has_controller(hierarchy->names, never[i]);
        hierarchy->guarded =
            hierarchy->writable && hierarchy->dir == hierarchy->names && strcmp(hierarchy->names, "perf_event") != 0;
        /* A container that froze itself could not be killed. */
        hierarchy->writable &= !has_controller(hierarchy->names, "freezer");
        ++count;
    }
}

static void look_at_cgroup(const char* parent, const struct hierarchy* hierarchy) {
    char path[kPathSize];
    put(path, "%s/%s/cgroup.procs", parent, hierarchy->dir);
    look(path);
    put(path, "%s/%s/release_agent", parent, hierarchy->dir);
    look(path);
    if (has_controller(hierarchy->names, "memory")) {
        put(path, "%s/%s/memory.use_hierarchy", parent, hierarchy->dir);
        read_if_there(path);
        put(path, "%s/%s/memory.kmem.tcp.limit_in_bytes", parent, hierarchy->dir);
        read_if_there(path);
    }
    /* Whose they are. */
    put(path, "%s/%s", parent, hierarchy->dir);
    look(path);
    put(path, "%s/%s/cgroup.procs", parent, hierarchy->dir);
    look(path);
}

static void find_view_source(void) {
    char target[32];
    const ssize_t size = readlinkat(AT_FDCWD, "/proc/self/ns/pid", target, sizeof target - 1);
    if (size < 4)
        fail("readlink", "/proc/self/ns/pid");
    target[size] = '\0';
    snprintf(view_source, sizeof view_source, "cginit:%s", target + 4); /* pid:[4026532181] */
}

/* Both before and after: what was meant to be done is not what counts. */
static void gather(bool first) {
    static const char* const canonical[] = {"/proc", "/proc/self", "/proc/1", "/proc/1/mountinfo"};
    static const char* const own[] = {"/proc/self/status", "/proc/self/uid_map", "/proc/self/gid_map",
                                      "/proc/self/attr/current"};
    static const char* const kernel[] = {"/proc/filesystems", "/proc/cgroups", "/proc/sys/kernel/osrelease",
                                         "/proc/sys/user/max_user_namespaces"};
    char target[1024];
    (void)getpid();
    char* mountinfo = read_mountinfo();
    for (int i = 0; i < 4; ++i)
        (void)!readlink(canonical[i], target, sizeof target - 1);
    char* cgroup = read_fact("/proc/self/cgroup");
    if (first)
        find_hierarchies(cgroup, mountinfo);
    for (int i = 0; i < 4; ++i)
        free(read_fact(own[i]));
    follow("/proc/self/ns/cgroup");
    follow("/proc/self/ns/mnt");
    find_view_source();
    follow("/proc/self/ns/user");
    for (int i = 0; i < 4; ++i)
        free(read_fact(kernel[i]));
    read_if_there("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    look("/run");
    look("/run/lock");
    look("/tmp");
    list("/dev", false);
    follow("/proc/self/cwd");
    look_at_mount("");
    look_at_mount("/");
    look_at_descriptors();
    for (int i = 0; i < count; ++i) {
        if (!first && !hierarchies[i].guarded)
            look_at_cgroup(WORKBENCH "/old-0", &hierarchies[i]);
        look_at_cgroup(VIEW, &hierarchies[i]);
    }
    follow("/proc/1/ns/mnt");
    free(mountinfo);
    free(cgroup);
}

/* -- writing ------------------------------------------------------------------------------------------------------ */

static void do_mount(const char* source, const char* target, const char* type, unsigned long flags, const char* data) {
    (void)getuid(); /* libmount asks for each mount */
    (void)geteuid();
    if (mount(source, target, type, flags, data) != 0)
        fail("mount", target);
}

/* Of the whole tree. */
static void set_propagation(unsigned long type) {
    if (mount("none", "/", NULL, type | MS_REC, NULL) != 0)
        fail("set the propagation of", "/");
}

static void make_directory(const char* path) {
    if (mkdir(path, 0755) != 0)
        fail("mkdir", path);
}

static void unshare_cgroups(void) {
    /* The way back, should anything fail. */
    if (open("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC) < 0)
        fail("open", "/proc/self/ns/cgroup");
    if (unshare(CLONE_NEWCGROUP) != 0)
        fail("unshare", "the cgroup namespace");
}

/* NULL if there is no such file. */
static char* read_file(const char* path) {
    char buffer[kPage];
    char* text = malloc(sizeof buffer + 1);
    size_t size = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        free(text);
        return NULL;
    }
    if (fd < 0)
        fail("open", path);
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0; size += (size_t)got) {
        text = realloc(text, size + (size_t)got + 1);
        memcpy(text + size, buffer, (size_t)got);
    }
    close(fd);
    text[size] = '\0';
    return text;
}

static void write_file(const char* path, const char* value, size_t length) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || write(fd, value, length) < 0)
        fail("write", path);
    close(fd);
}

static void mount_hierarchy(const char* source, const char* parent, const struct hierarchy* hierarchy,
                            unsigned long flags) {
    char path[kPathSize];
    char options[kPathSize];
    put(path, "%s/%s", parent, hierarchy->dir);
    make_directory(path);
    put(options, "%s%s", hierarchy->dir == hierarchy->names ? "" : "none,", hierarchy->names);
    do_mount(source, path, "cgroup", kStrict | flags, options);
}

static void copy_value(const char* cgroup, const char* file) {
    char path[kPathSize];
    put(path, "%s/%s", cgroup, file);
    char* text = read_file(path);
    if (text == NULL)
        fail("read", path);
    put(path, "%s/cginit/%s", cgroup, file);
    write_file(path, text, strcspn(text, "\n"));
    free(text);
}

/* Programs look for their limits at their own root. */
static void copy_limit(const char* cgroup, const char* file) {
    char path[kPathSize];
    put(path, "%s/%s", cgroup, file);
    char* limit = read_file(path);
    put(path, "%s/cginit/%s", cgroup, file);
    char* own = read_file(path);
    if (limit != NULL && own != NULL && strcmp(limit, own) != 0)
        write_file(path, limit, strcspn(limit, "\n"));
    free(limit);
    free(own);
}

/* Threads where the cgroup is threaded, which is v2's: otherwise there is no such file. */
static char* list_movable(const char* cgroup) {
    char path[kPathSize];
    put(path, "%s/cgroup.threads", cgroup);
    char* threads = read_file(path);
    if (threads != NULL)
        return threads;
    put(path, "%s/cgroup.procs", cgroup);
    return read_file(path);
}

/* Until nobody is left. */
static void move_processes(const char* cgroup) {
    char to[kPathSize];
    put(to, "%s/cginit/cgroup.procs", cgroup);
    for (;;) {
        char* pids = list_movable(cgroup);
        if (pids == NULL)
            fail("list", cgroup);
        if (*pids == '\0') {
            free(pids);
            return;
        }
        for (char* pid = strtok(pids, "\n"); pid != NULL; pid = strtok(NULL, "\n"))
            write_file(to, pid, strlen(pid));
        free(pids);
    }
}

static void make_inner_level(const struct hierarchy* hierarchy) {
    char path[kPathSize];
    char inner[kPathSize];
    put(path, WORKBENCH "/engine/%s", hierarchy->dir);
    put(inner, "%s/cginit", path);
    make_directory(inner);
    if (has_controller(hierarchy->names, "cpuset")) {
        copy_value(path, "cpuset.cpus");
        copy_value(path, "cpuset.mems");
    }
    move_processes(path);
    if (has_controller(hierarchy->names, "memory")) {
        copy_limit(path, "memory.limit_in_bytes");
        copy_limit(path, "memory.memsw.limit_in_bytes");
        copy_limit(path, "memory.soft_limit_in_bytes");
    }
    if (has_controller(hierarchy->names, "pids"))
        copy_limit(path, "pids.max");
}

static void prove(const struct hierarchy* hierarchy) {
    char path[kPathSize];
    put(path, VIEW "/%s/cgroup.procs", hierarchy->dir);
    char* pids = read_file(path);
    if (getpid() != 1 || pids == NULL || strstr(pids, "1\n") == NULL)
        fail("not in", path);
    free(pids);
    if (!hierarchy->writable)
        return;
    put(path, VIEW "/%s/cginit-probe", hierarchy->dir);
    make_directory(path);
    if (rmdir(path) != 0)
        fail("rmdir", path);
}

/* What could not be taken back is tried in a child: here the unmount that commits. */
static void rehearse_unmount(void) {
    int ends[2];
    int answer = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        fail("pipe", "to the child");
    const pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0)
            fail("unshare", "the mount namespace");
        set_propagation(MS_PRIVATE);
        do_mount("cginit", WORKBENCH, "tmpfs", MS_STRICTATIME, "size=4k");
        answer = umount2(WORKBENCH, MNT_DETACH | UMOUNT_NOFOLLOW);
        _exit(write(ends[1], &answer, sizeof answer) == (ssize_t)sizeof answer ? 0 : 1);
    }
    close(ends[1]);
    if (child < 0 || read(ends[0], &answer, sizeof answer) != (ssize_t)sizeof answer || answer != 0)
        fail("rehearse", "the unmount");
    close(ends[0]);
    waitpid(child, NULL, 0);
}

static void rebuild(void) {
    rehearse_unmount();
    do_mount("cginit", WORKBENCH, "tmpfs", kStrict, "mode=700,size=1m");
    make_directory(WORKBENCH "/engine");
    unshare_cgroups();
    for (int i = 0; i < count; ++i) {
        if (hierarchies[i].guarded)
            mount_hierarchy("cginit", WORKBENCH "/engine", &hierarchies[i], 0);
    }
    for (int i = 0; i < count; ++i) {
        if (hierarchies[i].guarded)
            make_inner_level(&hierarchies[i]);
    }
    unshare_cgroups();

    make_directory(WORKBENCH "/new");
    do_mount(view_source, WORKBENCH "/new", "tmpfs", kStrict, "mode=755,size=1m");
    for (int i = 0; i < count; ++i) {
        mount_hierarchy(view_source, WORKBENCH "/new", &hierarchies[i], hierarchies[i].writable ? 0 : MS_RDONLY);
    }
    if (symlink("net_cls,net_prio", WORKBENCH "/new/net_cls") != 0)
        fail("symlink", "net_cls");
    if (symlink("net_cls,net_prio", WORKBENCH "/new/net_prio") != 0)
        fail("symlink", "net_prio");
    do_mount("none", WORKBENCH "/new", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | kStrict, NULL);
    make_directory(WORKBENCH "/run");
    do_mount("cginit", WORKBENCH "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME,
             "mode=755,size=20%,nr_inodes=800k");
    make_directory(WORKBENCH "/run/lock");
    do_mount("cginit", WORKBENCH "/run/lock", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_STRICTATIME,
             "mode=1777,size=5m");
    make_directory(WORKBENCH "/tmp");
    do_mount("cginit", WORKBENCH "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME,
             "mode=1777,size=50%,nr_inodes=1m");

    make_directory(WORKBENCH "/old-0");
    do_mount(VIEW, WORKBENCH "/old-0", NULL, MS_MOVE, NULL);
    do_mount(WORKBENCH "/new", VIEW, NULL, MS_MOVE, NULL);
    do_mount(WORKBENCH "/run", "/run", NULL, MS_MOVE, NULL);
    do_mount(WORKBENCH "/tmp", "/tmp", NULL, MS_MOVE, NULL);
    for (int i = 0; i < count; ++i)
        prove(&hierarchies[i]);
    gather(false);
    check_init();
    if (umount2(WORKBENCH, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
        fail("umount", WORKBENCH);
    set_propagation(MS_SHARED);
}

/* -- the process -------------------------------------------------------------------------------------------------- */

static sigset_t signals_before;
static mode_t umask_before;

/* Nobody looks in, no second one at the same time, no signal half-way. */
static void keep_others_out(void) {
    sigset_t all;
    for (int fd = 0; fd <= 2; ++fd) {
        if (fcntl(fd, F_GETFD) < 0)
            fail("look at", "the standard descriptors");
    }
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        fail("prctl", "dumpable");
    const int lock = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0)
        fail("lock", "/proc/self/ns/mnt");
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &signals_before);
    umask_before = umask(0);
}

static void let_others_in(void) {
    static const struct timespec at_once = {0, 0};
    sigset_t pipe_signal;
    umask(umask_before);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigtimedwait(&pipe_signal, NULL, &at_once);
    sigprocmask(SIG_SETMASK, &signals_before, NULL);
}

/* All but the standard ones, and those that execve closes anyway. */
static void close_descriptors(void) {
    int fds[kMaxDescriptors];
    int found = 0;
    (void)getpid();
    DIR* directory = opendir("/proc/self/fd");
    if (directory == NULL)
        fail("list", "/proc/self/fd");
    for (const struct dirent* entry; (entry = readdir(directory)) != NULL && found < kMaxDescriptors;) {
        const int fd = atoi(entry->d_name);
        if (fd > 2 && fd != dirfd(directory) && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
            fds[found++] = fd;
    }
    closedir(directory);
    for (int i = 0; i < found; ++i)
        close(fds[i]);
}

int main(int argc, char** argv, char** environment) {
    static const char said[] =
        "same_calls: info: legacy cgroups private (namespace): 9 hierarchies, 7 writable, 7 guarded by an inner "
        "cgroup; ...\n";
    if (argc < 2)
        return 127;
    keep_others_out();
    look("/proc/self/fd");
    look_at_descriptors();
    close_descriptors();
    follow("/proc/self/exe");
    find_init();
    gather(true);
    rebuild();
    (void)!write(STDERR_FILENO, said, sizeof said - 1);
    char* with_container[16];
    int variables = 0;
    while (environment[variables] != NULL && variables < 12) {
        with_container[variables] = environment[variables];
        ++variables;
    }
    with_container[variables++] = "container=oci";
    with_container[variables++] = "container_uuid=057d4596-12d8-9284-6907-831574665767";
    with_container[variables] = NULL;
    let_others_in();
    execve(argv[1], argv + 1, with_container);
    fail("execve", argv[1]);
}
