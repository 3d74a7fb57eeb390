/* Prints what a process was handed: one fact per line, so that two of its outputs can be compared. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* The lines of a file in /proc/self, but for those that no two runs share. */
static void show_file(const char *name, const char *const *left_out) {
    char path[64];
    char line[4096];
    snprintf(path, sizeof path, "/proc/self/%s", name);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        int skip = 0;
        for (const char *const *key = left_out; *key != NULL; ++key) {
            skip |= strncmp(line, *key, strlen(*key)) == 0;
        }
        if (!skip) {
            printf("%s: %s", name, line);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void show_descriptors(void) {
    DIR *directory = opendir("/proc/self/fd");
    const struct dirent *entry = NULL;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        const int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(directory)) {
            printf("fd %d flags %d %d\n", fd, fcntl(fd, F_GETFD), fcntl(fd, F_GETFL));
        }
    }
}

int main(int argc, char **argv, char **envp) {
    static const char *const memory[] = {"Vm",     "Rss",  "Hugetlb", "voluntary", "nonvoluntary", "Cpus", "Mems", "SigQ",
                                         "Name",   "CoreDumping", "THP", "untag", "x86_Thread", "FDSize", NULL};
    static const char *const nothing[] = {NULL};
    const mode_t mask = umask(0);
    char cwd[4096];
    struct itimerval timer;
    for (int i = 0; i < argc; ++i) {
        printf("argv %s\n", argv[i]);
    }
    for (char **variable = envp; *variable != NULL; ++variable) {
        printf("env %s\n", *variable);
    }
    printf("cwd %s\n", getcwd(cwd, sizeof cwd));
    printf("umask %03o\n", (unsigned)mask);
    printf("pgid %d sid %d\n", (int)getpgrp(), (int)getsid(0));
    printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
    printf("securebits %d\n", prctl(PR_GET_SECUREBITS));
    getitimer(ITIMER_REAL, &timer);
    printf("timer %ld\n", (long)timer.it_value.tv_sec);
    show_file("status", memory);
    show_file("limits", nothing);
    show_file("personality", nothing);
    show_file("oom_score_adj", nothing);
    show_file("timerslack_ns", nothing);
    show_descriptors();
    return 0;
}
