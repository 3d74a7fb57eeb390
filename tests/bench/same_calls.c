/* The system calls of cginit, in its order, in straight C: what the job costs before any thinking.
 *
 * It knows what cginit has to find out: the layout of container.h, an init that is systemd 252, cgroup namespaces, and which
 * controllers an inner level guards. It looks into /proc only for the hierarchies and their order. check_calls.py compares
 * its calls with cginit's. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORKBENCH "/proc/driver"
#define VIEW "/sys/fs/cgroup"

enum { kMaxHierarchies = 24, kPathSize = 512 };

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
static int root; /* "/", as cginit reads through it */

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

static char* read_all(int fd, const char* path, size_t* length) {
    size_t size = 0;
    char* text = NULL;
    if (fd < 0)
        fail("open", path);
    for (;;) {
        const size_t chunk = size > 4096 ? size : 4096;
        text = realloc(text, size + chunk + 1);
        const ssize_t got = read(fd, text + size, chunk);
        if (got <= 0)
            break; /* attr/current is EINVAL where there is no security module */
        size += (size_t)got;
    }
    close(fd);
    text[size] = '\0';
    if (length != NULL)
        *length = size;
    return text;
}

static char* read_below(const char* path) {
    return read_all(openat(root, path, O_RDONLY | O_NOCTTY | O_CLOEXEC), path, NULL);
}

static void read_head(const char* path, size_t size) {
    char head[4096];
    const int fd = openat(root, path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || read(fd, head, size) < 0)
        fail("read", path);
    close(fd);
}

static void look(const char* path) {
    struct stat status;
    (void)fstatat(root, path, &status, AT_SYMLINK_NOFOLLOW);
}

static void follow(const char* path) {
    char target[4096];
    (void)readlinkat(root, path, target, sizeof target);
}

static void look_and_follow(const char* path) {
    look(path);
    follow(path);
}

static void list(const char* path, bool with_children) {
    char names[64][64];
    int found = 0;
    DIR* directory = fdopendir(openat(root, path, O_RDONLY | O_NOCTTY | O_CLOEXEC | O_DIRECTORY));
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

/* /sbin/init -> ../lib/systemd/systemd, an ELF program; and the version in the name of its library. */
static void find_init(void) {
    look_and_follow("sbin");
    look("usr");
    look("usr/sbin");
    look_and_follow("usr/sbin/init");
    look("usr/lib");
    look("usr/lib/systemd");
    look("usr/lib/systemd/systemd");
    look("usr/lib/systemd/systemd");
    faccessat(root, "usr/lib/systemd/systemd", X_OK, AT_EACCESS);
    read_head("usr/lib/systemd/systemd", 4096);
    look("usr/lib/systemd/systemd");
    read_head("usr/lib/systemd/systemd", 2);
    look("usr");
    look("usr/lib");
    look("usr/lib/systemd");
    list("usr/lib/systemd", false);
    list("usr/lib", true);
    look("usr");
    look("usr/lib64");
    look("usr/lib64/systemd");
    list("usr/lib64", true);
    look_and_follow("lib");
    look("usr");
    look("usr/lib");
    look_and_follow("lib64");
    look("usr");
    look("usr/lib64");
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
    static const char* const free_to_write[] = {"cpuacct", "perf_event"};
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
        hierarchy->guarded = hierarchy->dir == hierarchy->names;
        hierarchy->writable = true;
        for (int i = 0; i < 2; ++i)
            hierarchy->guarded &= strcmp(hierarchy->names, free_to_write[i]) != 0;
        for (int i = 0; i < 3; ++i)
            hierarchy->writable &= !has_controller(hierarchy->names, never[i]);
        hierarchy->guarded &= hierarchy->writable;
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
        free(read_below(path));
    }
}

/* Both before and after: what was meant to be done is not what counts. */
static void gather(bool first) {
    static const char* const canonical[] = {"/proc", "/proc/self", "/proc/1", "/proc/1/mountinfo"};
    static const char* const maps[] = {"proc/self/status", "proc/self/uid_map", "proc/self/gid_map",
                                       "proc/self/attr/current"};
    static const char* const namespaces[] = {"proc/self/ns/cgroup", "proc/self/ns/mnt", "proc/self/ns/pid",
                                             "proc/self/ns/user"};
    char target[1024];
    (void)getpid();
    char* mountinfo = read_below("proc/self/mountinfo");
    for (int i = 0; i < 4; ++i)
        (void)!readlink(canonical[i], target, sizeof target - 1);
    char* cgroup = read_below("proc/self/cgroup");
    if (first)
        find_hierarchies(cgroup, mountinfo);
    for (int i = 0; i < 4; ++i)
        free(read_below(maps[i]));
    for (int i = 0; i < 4; ++i)
        follow(namespaces[i]);
    free(read_below("proc/filesystems"));
    free(read_below("proc/sys/kernel/osrelease"));
    for (int i = 0; i < count; ++i) {
        if (!first && !hierarchies[i].guarded)
            look_at_cgroup("proc/driver/old-0", &hierarchies[i]);
        look_at_cgroup("sys/fs/cgroup", &hierarchies[i]);
    }
    look("run");
    look("run/lock");
    look("tmp");
    list("dev", false);
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

static char* read_file(const char* path, size_t* length) {
    char buffer[4096];
    char* text = malloc(sizeof buffer + 1);
    size_t size = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        fail("open", path);
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0; size += (size_t)got) {
        text = realloc(text, size + (size_t)got + 1);
        memcpy(text + size, buffer, (size_t)got);
    }
    close(fd);
    text[size] = '\0';
    *length = size;
    return text;
}

static void write_file(const char* path, const char* value, size_t length) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || write(fd, value, length) < 0)
        fail("write", path);
    close(fd);
}

static void mount_hierarchy(const char* parent, const struct hierarchy* hierarchy, unsigned long flags) {
    char path[kPathSize];
    char options[kPathSize];
    put(path, "%s/%s", parent, hierarchy->dir);
    make_directory(path);
    put(options, "%s%s", hierarchy->dir == hierarchy->names ? "" : "none,", hierarchy->names);
    do_mount("cginit", path, "cgroup", kStrict | flags, options);
}

static void copy_value(const char* cgroup, const char* file) {
    char path[kPathSize];
    size_t length;
    put(path, "%s/%s", cgroup, file);
    char* text = read_file(path, &length);
    put(path, "%s/cginit/%s", cgroup, file);
    write_file(path, text, strcspn(text, "\n"));
    free(text);
}

/* Until nobody is left. */
static void move_processes(const char* cgroup) {
    char from[kPathSize];
    char to[kPathSize];
    put(from, "%s/cgroup.procs", cgroup);
    put(to, "%s/cginit/cgroup.procs", cgroup);
    for (;;) {
        size_t length;
        char* pids = read_file(from, &length);
        if (length == 0) {
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
}

static void prove(const struct hierarchy* hierarchy) {
    char path[kPathSize];
    size_t length;
    put(path, VIEW "/%s/cgroup.procs", hierarchy->dir);
    char* pids = read_file(path, &length);
    if (getpid() != 1 || strstr(pids, "1\n") == NULL)
        fail("not in", path);
    free(pids);
    if (!hierarchy->writable)
        return;
    put(path, VIEW "/%s/cginit-probe", hierarchy->dir);
    make_directory(path);
    if (rmdir(path) != 0)
        fail("rmdir", path);
}

static void rebuild(void) {
    do_mount("cginit", WORKBENCH, "tmpfs", kStrict, "mode=700,size=1m");
    make_directory(WORKBENCH "/engine");
    unshare_cgroups();
    for (int i = 0; i < count; ++i) {
        if (hierarchies[i].guarded)
            mount_hierarchy(WORKBENCH "/engine", &hierarchies[i], 0);
    }
    for (int i = 0; i < count; ++i) {
        if (hierarchies[i].guarded)
            make_inner_level(&hierarchies[i]);
    }
    unshare_cgroups();

    make_directory(WORKBENCH "/new");
    do_mount("cginit", WORKBENCH "/new", "tmpfs", kStrict, "mode=755,size=1m");
    for (int i = 0; i < count; ++i) {
        mount_hierarchy(WORKBENCH "/new", &hierarchies[i], hierarchies[i].writable ? 0 : MS_RDONLY);
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
    if (umount2(WORKBENCH, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
        fail("umount", WORKBENCH);
    do_mount("none", "/", NULL, MS_SHARED | MS_REC, NULL);
}

static void close_descriptors(void) {
    int open_fds[64];
    int open_count = 0;
    DIR* directory = opendir("/proc/self/fd");
    if (directory == NULL)
        fail("list", "/proc/self/fd");
    for (const struct dirent* entry; (entry = readdir(directory)) != NULL && open_count < 64;) {
        const int fd = atoi(entry->d_name);
        if (fd > 2 && fd != dirfd(directory))
            open_fds[open_count++] = fd;
    }
    for (int i = 0; i < open_count; ++i)
        close(open_fds[i]);
    closedir(directory);
}

int main(int argc, char** argv, char** environment) {
    static const char said[] =
        "same_calls: info: legacy cgroups private (namespace): 9 hierarchies, 8 writable, 6 guarded by an inner "
        "cgroup; ...\n";
    if (argc < 2)
        return 127;
    root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    follow("proc/self/exe");
    find_init();
    gather(true);
    rebuild();
    (void)!write(STDERR_FILENO, said, sizeof said - 1);
    (void)getpid();
    close_descriptors();
    char* with_container[16];
    int variables = 0;
    while (environment[variables] != NULL && variables < 12) {
        with_container[variables] = environment[variables];
        ++variables;
    }
    with_container[variables++] = "container=oci";
    with_container[variables++] = "container_uuid=057d4596-12d8-9284-6907-831574665767";
    with_container[variables] = NULL;
    execve("/usr/lib/systemd/systemd", argv + 1, with_container);
    fail("execve", argv[1]);
}
