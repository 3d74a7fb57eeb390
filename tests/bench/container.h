/* A container as Docker lays it out on a v1 or hybrid host with cgroupns=host, made with plain system calls. */
#ifndef CGINIT_BENCH_CONTAINER_H
#define CGINIT_BENCH_CONTAINER_H

#include <limits.h>
#include <stdbool.h>
#include <stdnoreturn.h>

enum { kMaxHierarchies = 24, kIdLength = 64 };

struct hierarchy {
    char name[64];        /* its directory: "cpu", "systemd", "unified" */
    char options[128];    /* superblock options without ro/rw: "cpu,cpuacct"; empty on v2 */
    char point[PATH_MAX]; /* where the machine has it mounted */
    char own[PATH_MAX];   /* this program's own cgroup below `point`: all that is made is made below it */
    bool v2;
    bool named; /* name=systemd */
    bool cpuset;
};

struct host {
    struct hierarchy hierarchies[kMaxHierarchies];
    int count;
    char group[64];         /* the bench's own cgroup in every hierarchy, all containers below it */
    char scratch[PATH_MAX]; /* an empty directory that is the bench's own */
    char image[PATH_MAX];   /* the root file system that all containers share, read-only */
    int minimal;            /* 1: only what an init needs, and six hierarchies: ten mounts */
};

noreturn void die(const char* format, ...) __attribute__((format(printf, 1, 2)));

/* Enters a private mount namespace, finds the hierarchies and makes the group in each. */
void host_enter(struct host* host, const char* scratch, const char* image);
/* Removes the groups. Containers have to be gone. */
void host_leave(const struct host* host);
/* Mounts the root file system that containers start from, with enough bind mounts for `lines` lines in mountinfo. */
void host_mount_root(struct host* host, int lines);
/* The number of lines without any bind mount added. */
int host_plain_lines(const struct host* host);

/* One cgroup per hierarchy. */
void container_make_cgroups(const struct host* host, const char* id);
void container_remove_cgroups(const struct host* host, const char* id);
/* In a new process with mount and pid namespaces of its own: joins the cgroups and builds the mounts. */
void container_enter(const struct host* host, const char* id);

#endif
