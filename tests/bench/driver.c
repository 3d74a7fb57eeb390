/* Measures candidates from their execve to the first instruction of the init that they execve.
 *
 *   driver [-n RUNS] [-l LINES] [-s] [-v] SCRATCH IMAGE NAME=PROGRAM...
 *
 * Each run is a new container (container.h) in which PROGRAM, a path below IMAGE, runs as PID 1 with /sbin/init as its
 * argument. The candidates take turns, so that a noisy moment of the machine meets all of them. Prints a line per run:
 *
 *   NAME LINES NANOSECONDS PEAK_RSS_KB
 *
 * -s: one run each, shows the view that the init got instead. -v: the candidates' standard error stays ours.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "container.h"

struct candidate {
    char name[64];
    const char* program;
};

struct sample {
    long long nanoseconds;
    long peak_rss; /* KiB; the driver's own, before execve, counts too */
};

static volatile long long* started; /* shared with the children */
static volatile sig_atomic_t interrupted;

static void interrupt(int number) { interrupted = number; }

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* What mounts may be named after. */
static void show_pid_namespace(void) {
    char link[64];
    const ssize_t size = readlink("/proc/self/ns/pid", link, sizeof link);
    if (size < 0)
        die("readlink /proc/self/ns/pid");
    dprintf(STDOUT_FILENO, "%.*s\n", (int)size, link);
}

noreturn static void run_candidate(const struct host* host, const char* id, const struct candidate* candidate, int out,
                                   int errors, bool show) {
    static char* environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                  "HOSTNAME=3aef6c8d8a84", "HOME=/root",
                                  /* The layout of the engine's view: the others know no other. */
                                  "CGINIT_LAYOUT=host", NULL};
    const bool direct = strcmp(candidate->program, "/sbin/init") == 0;
    char* with_init[] = {(char*)candidate->program, "/sbin/init", show ? "show" : NULL, NULL};
    char* alone[] = {"/sbin/init", show ? "show" : NULL, NULL};
    container_enter(host, id);
    const int null = open("/dev/null", O_RDWR);
    if (null > 0) {
        dup2(null, 0);
        close(null);
    }
    dup2(out, 1);
    if (errors >= 0)
        dup2(errors, 2);
    if (show)
        show_pid_namespace();
    *started = now();
    execve(candidate->program, direct ? alone : with_init, environment);
    die("execve %s", candidate->program);
}

static void copy_errors(int fd) {
    char text[4096];
    lseek(fd, 0, SEEK_SET);
    for (ssize_t size; (size = read(fd, text, sizeof text)) > 0;)
        fwrite(text, 1, (size_t)size, stderr);
}

static void show_view(int fd) {
    char text[65536];
    for (ssize_t size; (size = read(fd, text, sizeof text)) > 0;)
        fwrite(text, 1, (size_t)size, stdout);
    fflush(stdout);
}

/* False if the candidate did not reach its init. */
static bool run_once(const struct host* host, const struct candidate* candidate, bool show, bool verbose,
                     struct sample* sample) {
    char id[kIdLength + 1];
    for (int i = 0; i < kIdLength; i += 8)
        sprintf(id + i, "%08x", (unsigned)random());
    int out[2];
    const int errors = verbose ? -1 : memfd_create("errors", MFD_CLOEXEC);
    if (pipe2(out, O_CLOEXEC) != 0)
        die("pipe");
    container_make_cgroups(host, id);
    fflush(NULL);
    const pid_t pid =
        (pid_t)syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0)
        die("clone");
    if (pid == 0)
        run_candidate(host, id, candidate, out[1], errors, show);
    close(out[1]);
    long long reached = 0;
    if (show)
        show_view(out[0]);
    const ssize_t size = show ? (ssize_t)sizeof reached : read(out[0], &reached, sizeof reached);
    int status = 0;
    struct rusage usage;
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    container_remove_cgroups(host, id);
    const bool good = size == sizeof reached && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!good && !interrupted) {
        fprintf(stderr, "bench: %s did not reach its init (wait status 0x%x):\n", candidate->name, (unsigned)status);
        if (errors >= 0)
            copy_errors(errors);
    }
    *sample = (struct sample){reached - *started, usage.ru_maxrss};
    close(out[0]);
    if (errors >= 0)
        close(errors);
    return good;
}

int main(int argc, char** argv) {
    int runs = 200;
    int lines = 0;
    bool show = false;
    bool verbose = false;
    for (int option; (option = getopt(argc, argv, "n:l:sv")) != -1;) {
        switch (option) {
            case 'n': runs = atoi(optarg); break;
            case 'l': lines = atoi(optarg); break;
            case 's':
                show = true;
                runs = 1;
                break;
            case 'v': verbose = true; break;
            default: return 2;
        }
    }
    struct candidate candidates[16];
    const int count = argc - optind - 2;
    if (count < 1 || count > 16) {
        fprintf(stderr, "usage: driver [-n RUNS] [-l LINES] [-s] [-v] SCRATCH IMAGE NAME=PROGRAM...\n");
        return 2;
    }
    for (int i = 0; i < count; ++i) {
        const char* word = argv[optind + 2 + i];
        const size_t length = strcspn(word, "=");
        snprintf(candidates[i].name, sizeof candidates[i].name, "%.*s", (int)length, word);
        candidates[i].program = word + length + (word[length] == '=');
    }
    /* Handled, not ignored: a handler does not outlive execve. */
    const struct sigaction action = {.sa_handler = interrupt};
    for (int i = 0; i < 4; ++i)
        sigaction((const int[]){SIGINT, SIGTERM, SIGHUP, SIGPIPE}[i], &action, NULL);
    /* What the caller has open would be closed by each candidate. */
    close_range(3, ~0U, 0);
    started = mmap(NULL, sizeof *started, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (started == MAP_FAILED)
        die("mmap");
    srandom((unsigned)now());

    struct host host;
    host_enter(&host, argv[optind], argv[optind + 1]);
    host_mount_root(&host, lines);
    const int shown = lines > 0 && !host.minimal ? lines : host_plain_lines(&host);
    /* The first round warms the page cache and the kernel's own caches; it does not count. */
    int failures = 0;
    for (int run = show ? 0 : -1; run < runs; ++run) {
        for (int i = 0; i < count && failures == 0 && !interrupted; ++i) {
            struct sample sample = {0, 0};
            failures += !run_once(&host, &candidates[i], show, verbose, &sample);
            if (run >= 0 && !show && failures == 0 && !interrupted) {
                printf("%s %d %lld %ld\n", candidates[i].name, shown, sample.nanoseconds, sample.peak_rss);
            }
        }
    }
    host_leave(&host);
    return failures == 0 && !interrupted ? 0 : 1;
}
