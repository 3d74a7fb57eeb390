// A storm of forks, for what has to catch every process of a container.
//
// forks tree MILLISECONDS   processes that stay, one more every two milliseconds, each the child of the one before
// forks chain MILLISECONDS  each process forks one and ends: there is always one, and never the same
//
// With 0 milliseconds it goes on for ever. What a tree leaves behind is up to a minute old.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static long long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// Goes on in the child; the parent stays for a minute or ends.
static void fork_once(int stay)
{
    pid_t pid = fork();
    if (pid > 0) {
        if (stay)
            sleep(60);
        _exit(0);
    }
    if (pid < 0)
        usleep(1000);
}

// Who becomes PID 1 meanwhile may be nobody who waits for orphans.
static void bury_orphans(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGCHLD, SIG_IGN);
    if (fork() != 0)
        for (;;)
            pause();
    signal(SIGCHLD, SIG_DFL);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: forks tree|chain MILLISECONDS\n");
        return 2;
    }
    int tree = strcmp(argv[1], "tree") == 0;
    long long span = atoll(argv[2]);
    bury_orphans();
    for (long long end = milliseconds() + span; span == 0 || milliseconds() < end;) {
        fork_once(tree);
        if (tree)
            usleep(2000);
    }
    if (tree)
        sleep(60);
    return 0;
}
