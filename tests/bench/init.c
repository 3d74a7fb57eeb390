/* The init that is measured to: the clock is the first thing that it looks at. No libc, whose start would be measured too.
 *
 * Without arguments it writes CLOCK_MONOTONIC to fd 1, 8 bytes. With one, it shows what it was given. */
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/time_types.h>

/* A libc header would bring the libc's errno. */
static long call(long number, long a, long b, long c) {
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
#else
#error "no system call for this machine here"
#endif
}

static void show(const char* path) {
    static char buffer[65536];
    const long fd = call(__NR_openat, AT_FDCWD, (long)path, O_RDONLY);
    for (long size; (size = call(__NR_read, fd, (long)buffer, sizeof buffer)) > 0;)
        call(__NR_write, 1, (long)buffer, size);
    call(__NR_close, fd, 0, 0);
}

static void show_text(const char* text) {
    long size = 0;
    while (text[size] != '\0')
        ++size;
    call(__NR_write, 1, (long)text, size);
    call(__NR_write, 1, (long)"\n", 1);
}

__attribute__((noreturn, used)) static void run(long* stack) {
    struct __kernel_timespec now;
    call(__NR_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0);
    const long argc = stack[0];
    char** argv = (char**)(stack + 1);
    if (argc == 1) {
        const long long nanoseconds = now.tv_sec * 1000000000LL + now.tv_nsec;
        call(__NR_write, 1, (long)&nanoseconds, sizeof nanoseconds);
    } else {
        show("/proc/self/mountinfo");
        show("/proc/self/cgroup");
        for (char** variable = argv + argc + 1; *variable != 0; ++variable)
            show_text(*variable);
    }
    for (;;)
        call(__NR_exit_group, 0, 0, 0);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n    xor %ebp, %ebp\n    mov %rsp, %rdi\n    and $-16, %rsp\n    call run\n");
#else
__asm__(".globl _start\n_start:\n    mov x0, sp\n    b run\n");
#endif
