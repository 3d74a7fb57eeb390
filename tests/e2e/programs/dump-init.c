// An init that tells how it was started: prints one JSON object and waits for SIGTERM.
//
// dump-init --prepare [umask=027] [ignore=10] [block=12] [cwd=/tmp] [open=7] [listen=2] -- COMMAND...
//     changes what a command inherits, then becomes the command.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void print_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

static void print_strings(const char *name, char **list)
{
    printf("\"%s\": [", name);
    for (char **item = list; *item; item++) {
        if (item != list)
            printf(", ");
        print_string(*item);
    }
    printf("],\n");
}

static void print_signals(void)
{
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    printf("\"blocked\": [");
    const char *comma = "";
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&mask, number) == 1) {
            printf("%s%d", comma, number);
            comma = ", ";
        }
    printf("],\n\"ignored\": [");
    comma = "";
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
            printf("%s%d", comma, number);
            comma = ", ";
        }
    }
    printf("],\n");
}

static void print_fds(void)
{
    DIR *fds = opendir("/proc/self/fd");
    printf("\"fds\": {");
    const char *comma = "";
    for (struct dirent *entry; fds && (entry = readdir(fds));) {
        char path[300], target[4096];
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(fds))
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        target[length > 0 ? length : 0] = 0;
        printf("%s\"%s\": ", comma, entry->d_name);
        print_string(target);
        comma = ", ";
    }
    printf("},\n");
    closedir(fds);
}

static void print_limits(void)
{
    printf("\"limits\": {");
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        struct rlimit limit;
        getrlimit(resource, &limit);
        printf("%s\"%d\": [%lld, %lld]", resource ? ", " : "", resource, (long long)limit.rlim_cur,
               (long long)limit.rlim_max);
    }
    printf("},\n");
}

static void print_status(void)
{
    // CapEff:	00000000a82425fb
    static const char *const kept[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:", "Seccomp:",
                                       "Uid:", "Gid:", "Groups:"};
    char line[4096];
    FILE *status = fopen("/proc/self/status", "re");
    printf("\"status\": {");
    const char *comma = "";
    while (status && fgets(line, sizeof line, status))
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (strncmp(line, kept[i], strlen(kept[i])) == 0) {
                line[strcspn(line, "\n")] = 0;
                printf("%s\"%.*s\": ", comma, (int)strlen(kept[i]) - 1, kept[i]);
                print_string(line + strlen(kept[i]));
                comma = ", ";
            }
    printf("},\n");
    if (status)
        fclose(status);
}

static void dump(char **argv)
{
    char cwd[4096] = "", name[17] = "";
    mode_t mask = umask(0);
    umask(mask);
    printf("{\n");
    print_strings("argv", argv);
    print_strings("environ", environ);
    print_signals();
    print_fds();
    print_limits();
    print_status();
    printf("\"cwd\": ");
    print_string(getcwd(cwd, sizeof cwd) ? cwd : "?");
    prctl(PR_GET_NAME, name);
    printf(",\n\"name\": ");
    print_string(name);
    int signal_on_parent_death = 0;
    prctl(PR_GET_PDEATHSIG, &signal_on_parent_death);
    printf(",\n\"pid\": %d, \"ppid\": %d, \"session\": %d, \"group\": %d, \"umask\": %d,\n", getpid(), getppid(),
           getsid(0), getpgrp(), mask);
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    printf("\"controlling_tty\": %s, \"foreground_group\": %d, \"nice\": %d,\n", tty >= 0 ? "true" : "false",
           tty >= 0 ? tcgetpgrp(tty) : -1, getpriority(PRIO_PROCESS, 0));
    printf("\"dumpable\": %d, \"subreaper\": %d, \"keepcaps\": %d, \"parent_death_signal\": %d\n}\n", prctl(PR_GET_DUMPABLE),
           ({ int value = 0; prctl(PR_GET_CHILD_SUBREAPER, &value); value; }), prctl(PR_GET_KEEPCAPS),
           signal_on_parent_death);
    fflush(stdout);
}

static int value_of(const char *argument, const char *name, int base)
{
    size_t length = strlen(name);
    if (strncmp(argument, name, length) != 0 || argument[length] != '=')
        return -1;
    return (int)strtol(argument + length + 1, NULL, base);
}

static void prepare(const char *argument)
{
    int value;
    if ((value = value_of(argument, "umask", 8)) >= 0)
        umask((mode_t)value);
    else if ((value = value_of(argument, "ignore", 10)) >= 0)
        signal(value, SIG_IGN);
    else if ((value = value_of(argument, "block", 10)) >= 0) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, value);
        sigprocmask(SIG_BLOCK, &set, NULL);
    } else if (strncmp(argument, "cwd=", 4) == 0) {
        if (chdir(argument + 4) != 0)
            perror(argument);
    } else if ((value = value_of(argument, "open", 10)) >= 0) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (dup2(fd, value) < 0)
            perror(argument);
    } else if ((value = value_of(argument, "listen", 10)) >= 0) {
        char number[16];
        for (int fd = 3; fd < 3 + value; fd++) {
            int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
            if (null != fd) {
                dup2(null, fd);
                close(null);
            } else
                fcntl(fd, F_SETFD, 0);
        }
        snprintf(number, sizeof number, "%d", value);
        setenv("LISTEN_FDS", number, 1);
        snprintf(number, sizeof number, "%d", getpid());
        setenv("LISTEN_PID", number, 1);
    } else {
        fprintf(stderr, "dump-init: %s?\n", argument);
        exit(2);
    }
}

static volatile sig_atomic_t stop;

static void on_term(int number)
{
    (void)number;
    stop = 1;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--prepare") == 0) {
        int i = 2;
        for (; i < argc && strcmp(argv[i], "--") != 0; i++)
            prepare(argv[i]);
        if (i + 1 >= argc)
            return 2;
        execv(argv[i + 1], argv + i + 1);
        perror(argv[i + 1]);
        return errno == ENOENT ? 127 : 126;
    }
    dump(argv);
    signal(SIGTERM, on_term);
    sigset_t term, old;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &old);
    sigdelset(&old, SIGTERM);
    while (!stop)
        sigsuspend(&old);
    return 0;
}
