#define _GNU_SOURCE
#include "container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PATH(name, ...)      \
    char name[2 * PATH_MAX]; \
    format_path(name, sizeof name, __VA_ARGS__)

enum { kMinimalHierarchies = 6 };

static const unsigned long kStrict = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME;

/* What die() has to take back, and the process that made it: children die without cleaning up for their parent. */
static const struct host* entered;
static pid_t owner;

noreturn void die(const char* format, ...) {
    const int errnum = errno;
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, ": %s\n", strerror(errnum));
    va_end(arguments);
    if (entered != NULL && getpid() == owner) {
        const struct host* host = entered;
        entered = NULL;
        host_leave(host);
    }
    _exit(124);
}

__attribute__((format(printf, 3, 4))) static void format_path(char* path, size_t size, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(path, size, format, arguments);
    va_end(arguments);
    errno = ENAMETOOLONG;
    if (length < 0 || (size_t)length >= size)
        die("%s...", path);
}

static void write_file(const char* path, const char* text) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        die("write %s", path);
    close(fd);
}

static void copy_value(const char* from, const char* to) {
    char text[4096];
    const int fd = open(from, O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (size < 0)
        die("read %s", from);
    close(fd);
    text[size] = '\0';
    write_file(to, text);
}

static void make_directory(const char* path) {
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        die("mkdir %s", path);
}

static void make_parents(const char* path) {
    char copy[2 * PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    for (char* slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        make_directory(copy);
        *slash = '/';
    }
}

static void do_mount(const char* source, const char* target, const char* type, unsigned long flags, const char* data) {
    if (mount(source, target, type, flags, data) != 0)
        die("mount %s on %s", source == NULL ? "nothing" : source, target);
}

/* A bind takes its flags in a second call. */
static void bind(const char* source, const char* target, unsigned long flags) {
    do_mount(source, target, NULL, MS_BIND, NULL);
    if (flags != 0)
        do_mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL);
}

/* -- hierarchies -------------------------------------------------------------------------------------------------- */

static bool has_option(const char* options, const char* name, size_t length) {
    for (const char* option = options; option != NULL; option = strchr(option, ',')) {
        option += *option == ',';
        if (strncmp(option, name, length) == 0 && (option[length] == ',' || option[length] == '\0'))
            return true;
    }
    return false;
}

/* 4:memory:/session/1234 */
static void find_own_cgroup(struct hierarchy* hierarchy) {
    FILE* file = fopen("/proc/self/cgroup", "re");
    char line[2 * PATH_MAX];
    hierarchy->own[0] = '\0';
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char* names = strchr(line, ':') + 1;
        char* path = strchr(names, ':');
        *path++ = '\0';
        const bool hit = hierarchy->v2 ? *names == '\0'
                                       : *names != '\0' && has_option(hierarchy->options, names, strcspn(names, ","));
        if (hit)
            snprintf(hierarchy->own, sizeof hierarchy->own, "%s%s", hierarchy->point, path[1] == '\0' ? "" : path);
    }
    if (file == NULL || hierarchy->own[0] == '\0')
        die("no own cgroup in %s", hierarchy->point);
    fclose(file);
}

/* 32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:7 - cgroup cgroup rw,cpu */
static void find_hierarchies(struct host* host) {
    FILE* file = fopen("/proc/self/mountinfo", "re");
    char line[3 * PATH_MAX];
    while (file != NULL && fgets(line, sizeof line, file) != NULL && host->count < kMaxHierarchies) {
        struct hierarchy hierarchy = {0};
        char type[32];
        char options[256];
        const char* rest = strstr(line, " - ");
        if (rest == NULL || sscanf(rest, " - %31s %*s %255s", type, options) != 2)
            continue;
        if (strncmp(type, "cgroup", 6) != 0 || sscanf(line, "%*d %*d %*s / %4095s", hierarchy.point) != 1)
            continue;
        if (strncmp(hierarchy.point, "/sys/fs/cgroup/", 15) != 0)
            continue;
        const char* extra = strchr(options, ',');
        hierarchy.v2 = strcmp(type, "cgroup2") == 0;
        if (!hierarchy.v2)
            snprintf(hierarchy.options, sizeof hierarchy.options, "%.120s", extra == NULL ? "" : extra + 1);
        hierarchy.named = has_option(hierarchy.options, "name=systemd", 12);
        hierarchy.cpuset = has_option(hierarchy.options, "cpuset", 6);
        snprintf(hierarchy.name, sizeof hierarchy.name, "%.60s", strrchr(hierarchy.point, '/') + 1);
        find_own_cgroup(&hierarchy);
        host->hierarchies[host->count++] = hierarchy;
    }
    if (file != NULL)
        fclose(file);
}

static void make_cgroup(const struct hierarchy* hierarchy, const char* parent, const char* name) {
    PATH(path, "%s/%s", parent, name);
    if (mkdir(path, 0755) != 0)
        die("mkdir %s", path);
    for (int i = 0; hierarchy->cpuset && i < 2; ++i) {
        const char* file = i == 0 ? "cpuset.cpus" : "cpuset.mems";
        PATH(from, "%s/%s", parent, file);
        PATH(to, "%s/%s", path, file);
        copy_value(from, to);
    }
}

/* The kernel lets go of a dead process's cgroup a moment after the process was waited for. */
static void remove_cgroup(const char* path) {
    for (int i = 0; rmdir(path) != 0 && errno != ENOENT; ++i) {
        if (errno != EBUSY || i == 2000)
            die("rmdir %s", path);
        usleep(1000);
    }
}

/* Bottom up, whatever the candidate made in it. */
static void remove_cgroup_tree(const char* path) {
    DIR* directory = opendir(path);
    if (directory == NULL)
        return;
    for (const struct dirent* entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        PATH(child, "%s/%s", path, entry->d_name);
        remove_cgroup_tree(child);
    }
    closedir(directory);
    remove_cgroup(path);
}

void host_enter(struct host* host, const char* scratch, const char* image) {
    memset(host, 0, sizeof *host);
    snprintf(host->scratch, sizeof host->scratch, "%s", scratch);
    snprintf(host->image, sizeof host->image, "%s", image);
    snprintf(host->group, sizeof host->group, "cginit-bench-%d", getpid());
    if (unshare(CLONE_NEWNS) != 0)
        die("unshare(CLONE_NEWNS)");
    do_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    find_hierarchies(host);
    int v1 = 0;
    for (int i = 0; i < host->count; ++i)
        v1 += !host->hierarchies[i].v2;
    errno = ENODEV;
    if (v1 == 0)
        die("this needs the v1 hierarchies of a v1 or hybrid host below /sys/fs/cgroup");
    entered = host;
    owner = getpid();
    for (int i = 0; i < host->count; ++i)
        make_cgroup(&host->hierarchies[i], host->hierarchies[i].own, host->group);
}

void host_leave(const struct host* host) {
    for (int i = 0; i < host->count; ++i) {
        PATH(path, "%s/%s", host->hierarchies[i].own, host->group);
        remove_cgroup_tree(path);
    }
}

/* -- mounts ------------------------------------------------------------------------------------------------------- */

struct fixed_mount {
    const char* source;
    const char* target;
    const char* type; /* NULL: a bind */
    unsigned long flags;
    const char* data;
};

/* What Docker 20.10 mounts before the cgroups. */
static const struct fixed_mount kBefore[] = {
    {"proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, NULL},
    {"tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"},
    {"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC | MS_RELATIME, "newinstance,ptmxmode=0666,mode=0620,gid=5"},
    {"sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME | MS_RDONLY, NULL},
    {"tmpfs", "/sys/fs/cgroup", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "mode=755"},
};

/* And after them: files of the engine, two volumes, and what is masked or read-only. */
static const struct fixed_mount kAfter[] = {
    {"mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, NULL},
    {"shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "mode=1777,size=65536k"},
    {"/engine/resolv.conf", "/etc/resolv.conf", NULL, 0, NULL},
    {"/engine/hostname", "/etc/hostname", NULL, 0, NULL},
    {"/engine/hosts", "/etc/hosts", NULL, 0, NULL},
    {"/engine/volumes/data", "/srv/data", NULL, 0, NULL},
    {"/engine/volumes/config", "/srv/config", NULL, MS_RDONLY, NULL},
    {"/proc/bus", "/proc/bus", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL},
    {"/proc/fs", "/proc/fs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL},
    {"/proc/irq", "/proc/irq", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL},
    {"/proc/sys", "/proc/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL},
    {"/proc/sysrq-trigger", "/proc/sysrq-trigger", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL},
    {"tmpfs", "/proc/acpi", "tmpfs", MS_RELATIME | MS_RDONLY, NULL},
    {"/dev/null", "/proc/kcore", NULL, 0, NULL},
    {"/dev/null", "/proc/keys", NULL, 0, NULL},
    {"/dev/null", "/proc/timer_list", NULL, 0, NULL},
    {"tmpfs", "/proc/scsi", "tmpfs", MS_RELATIME | MS_RDONLY, NULL},
    {"tmpfs", "/sys/firmware", "tmpfs", MS_RELATIME | MS_RDONLY, NULL},
};

static bool is_minimal(const struct fixed_mount* fixed) {
    return strcmp(fixed->target, "/proc") == 0 || strncmp(fixed->target, "/sys", 4) == 0;
}

/* What this kernel does not have is left out, as runc does. */
static bool is_mounted(const struct host* host, const struct fixed_mount* fixed) {
    if (host->minimal)
        return is_minimal(fixed) && strcmp(fixed->target, "/sys/firmware") != 0;
    const bool own = strncmp(fixed->target, "/proc/", 6) == 0 || strcmp(fixed->target, "/sys/firmware") == 0;
    return !own || access(fixed->target, F_OK) == 0;
}

/* v1 only, as runc does it; a minimal container has name=systemd and the first few others. */
static bool is_shown(const struct host* host, int index) {
    const struct hierarchy* hierarchy = &host->hierarchies[index];
    int before = 0;
    for (int i = 0; i < index; ++i)
        before += !host->hierarchies[i].v2 && !host->hierarchies[i].named;
    return !hierarchy->v2 && (!host->minimal || hierarchy->named || before < kMinimalHierarchies - 1);
}

int host_plain_lines(const struct host* host) {
    int lines = 1;
    for (size_t i = 0; i < sizeof kBefore / sizeof *kBefore; ++i)
        lines += is_mounted(host, &kBefore[i]);
    for (size_t i = 0; i < sizeof kAfter / sizeof *kAfter; ++i)
        lines += is_mounted(host, &kAfter[i]);
    for (int i = 0; i < host->count; ++i)
        lines += is_shown(host, i);
    return lines;
}

/* An overlay below the scratch directory's tmpfs, and for many lines one tmpfs with volumes as Kubernetes names them. */
void host_mount_root(struct host* host, int lines) {
    const char* scratch = host->scratch;
    do_mount("tmpfs", scratch, "tmpfs", MS_RELATIME, "mode=755");
    PATH(upper, "%s/upper", scratch);
    PATH(work, "%s/work", scratch);
    PATH(root, "%s/root", scratch);
    PATH(options, "lowerdir=%s,upperdir=%s,workdir=%s", host->image, upper, work);
    make_directory(upper);
    make_directory(work);
    make_directory(root);
    do_mount("overlay", root, "overlay", MS_RELATIME, options);

    host->minimal = lines > 0 && lines < host_plain_lines(host);
    int missing = lines - host_plain_lines(host);
    if (missing <= 0)
        return;
    PATH(pods, "%s/var/lib/kubelet/pods", root);
    PATH(volume, "%s/volume", pods);
    make_parents(volume);
    do_mount("tmpfs", pods, "tmpfs", kStrict, "mode=755,size=64m");
    make_directory(volume);
    for (int i = 1; i < missing; ++i) {
        PATH(target, "%s/8d3f6a52-1c0e-4f7b-9a61-%012d/volumes/kubernetes.io~projected/kube-api-access", pods, i);
        make_parents(target);
        make_directory(target);
        do_mount(volume, target, NULL, MS_BIND, NULL);
    }
}

void container_make_cgroups(const struct host* host, const char* id) {
    for (int i = 0; i < host->count; ++i) {
        PATH(group, "%s/%s", host->hierarchies[i].own, host->group);
        make_cgroup(&host->hierarchies[i], group, id);
    }
}

void container_remove_cgroups(const struct host* host, const char* id) {
    for (int i = 0; i < host->count; ++i) {
        PATH(path, "%s/%s/%s", host->hierarchies[i].own, host->group, id);
        remove_cgroup_tree(path);
    }
}

static void mount_fixed(const struct host* host, const struct fixed_mount* list, size_t count, const char* root) {
    for (size_t i = 0; i < count; ++i) {
        const struct fixed_mount* fixed = &list[i];
        if (!is_mounted(host, fixed))
            continue;
        PATH(target, "%s%s", root, fixed->target);
        PATH(source, "%s%s", root, fixed->source);
        if (strncmp(fixed->target, "/dev/", 5) == 0)
            make_directory(target);
        if (fixed->type == NULL) {
            bind(source, target, fixed->flags);
        } else {
            do_mount(fixed->source, target, fixed->type, fixed->flags, fixed->data);
        }
        if (strcmp(fixed->target, "/dev") == 0) {
            PATH(null, "%s/null", target);
            if (mknod(null, S_IFCHR | 0666, makedev(1, 3)) != 0)
                die("mknod %s", null);
        }
    }
}

void container_enter(const struct host* host, const char* id) {
    PATH(root, "%s/root", host->scratch);
    for (int i = 0; i < host->count; ++i) {
        PATH(procs, "%s/%s/%s/cgroup.procs", host->hierarchies[i].own, host->group, id);
        write_file(procs, "0");
    }
    mount_fixed(host, kBefore, sizeof kBefore / sizeof *kBefore, root);
    for (int i = 0; i < host->count; ++i) {
        if (!is_shown(host, i))
            continue;
        PATH(own, "%s/%s/%s", host->hierarchies[i].own, host->group, id);
        PATH(target, "%s/sys/fs/cgroup/%s", root, host->hierarchies[i].name);
        make_directory(target);
        bind(own, target, kStrict | MS_RDONLY);
    }
    mount_fixed(host, kAfter, sizeof kAfter / sizeof *kAfter, root);
    if (chdir(root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0)
        die("pivot_root");
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        die("leave the old root");
}
