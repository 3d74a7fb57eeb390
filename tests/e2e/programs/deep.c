// deep DIR LEVELS LENGTH [stay]: makes LEVELS cgroups, one in the other, whose names are LENGTH characters long, and says
// "made". With "stay" it moves into the last one, says "stays", and stays until it is killed.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char* what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

int main(int argc, char** argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: deep DIR LEVELS LENGTH [stay]\n");
        return 2;
    }
    char name[256] = {0};
    int length = atoi(argv[3]);
    memset(name, 'd', length > 0 && length < 256 ? (size_t)length : 1);
    if (chdir(argv[1]) != 0) {
        return fail(argv[1]);
    }
    for (int level = 0; level < atoi(argv[2]); ++level) {
        if ((mkdir(name, 0755) != 0 && errno != EEXIST) || chdir(name) != 0) {
            return fail(name);
        }
    }
    puts("made");
    fflush(stdout);
    if (argc == 4) {
        return 0;
    }
    int procs = open("cgroup.procs", O_WRONLY);
    if (procs < 0 || write(procs, "0", 1) != 1) {
        return fail("cgroup.procs");
    }
    close(procs);
    puts("stays");
    fflush(stdout);
    for (;;) {
        pause();
    }
}
