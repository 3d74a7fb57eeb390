/*
 * Stands in for a systemd before 230, which no Debian has any more: does to its cgroups what such a one does at its start,
 * says so line by line, and then waits for the signal to halt.
 *
 *   src/core/main.c, mount_setup():             /sys/fs/cgroup/systemd has to be a mount of name=systemd
 *   src/core/cgroup.c, manager_setup_cgroup():  its own path there is the root below which it works
 *   src/core/unit.c, cg_create_and_attach():    mkdir of a slice and a service, and a process put into it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

static const char mount_point[] = "/sys/fs/cgroup/systemd";

static void fail(const char *what) {
    printf("old-systemd: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void check_mount(void) {
    struct stat own, parent;
    struct statfs fs;
    if (stat(mount_point, &own) != 0 || stat("/sys/fs/cgroup", &parent) != 0 || statfs(mount_point, &fs) != 0)
        fail(mount_point);
    if (own.st_dev == parent.st_dev || fs.f_type != CGROUP_SUPER_MAGIC) {
        errno = ENODEV;
        fail("no cgroup hierarchy is mounted at /sys/fs/cgroup/systemd");
    }
    puts("old-systemd: mounted");
}

/* "1:name=systemd:/" */
static void own_path(const char *file, char *path, size_t size) {
    static const char key[] = ":name=systemd:";
    char line[4096];
    FILE *text = fopen(file, "re");
    if (text == NULL)
        fail(file);
    path[0] = '\0';
    while (fgets(line, sizeof line, text) != NULL) {
        const char *found = strstr(line, key);
        if (found != NULL)
            snprintf(path, size, "%s", strcmp(found + strlen(key), "/\n") == 0 ? "" : found + strlen(key));
    }
    fclose(text);
    path[strcspn(path, "\n")] = '\0';
}

static void make(const char *path) {
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        fail(path);
}

static void start_service(const char *root) {
    char path[8192], number[32], file[64], where[4096];
    snprintf(path, sizeof path, "%s%s/system.slice", mount_point, root);
    make(path);
    strcat(path, "/e2e.service");
    make(path);
    strcat(path, "/cgroup.procs");
    const pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        pause();
        _exit(0);
    }
    snprintf(number, sizeof number, "%d", (int)child);
    const int procs = open(path, O_WRONLY | O_CLOEXEC);
    if (procs < 0 || write(procs, number, strlen(number)) < 0)
        fail(path);
    close(procs);
    snprintf(file, sizeof file, "/proc/%d/cgroup", (int)child);
    own_path(file, where, sizeof where);
    printf("old-systemd: attached to %s\n", where);
}

int main(void) {
    char root[4096];
    int received;
    sigset_t halt;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("systemd 219 running in %ssystem mode. (+stand-in)\n", "");
    sigemptyset(&halt);
    sigaddset(&halt, SIGRTMIN + 3);
    sigprocmask(SIG_BLOCK, &halt, NULL);
    check_mount();
    own_path("/proc/1/cgroup", root, sizeof root);
    start_service(root);
    puts("old-systemd: up");
    sigwait(&halt, &received);
    return 0;
}
