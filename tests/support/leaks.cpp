#include <unistd.h>

// Asked by the sanitizers' run time at the end: looking for leaks takes a proc file system, and ends the program with a
// status of its own where there is none.

extern "C" int __lsan_is_turned_off();  // NOLINT(bugprone-reserved-identifier,readability-identifier-naming)

// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" int __lsan_is_turned_off() { return ::access("/proc/self/task", F_OK) == 0 ? 0 : 1; }
