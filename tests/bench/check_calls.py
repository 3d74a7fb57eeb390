#!/usr/bin/env python3
"""check_calls.py TRACE CGINIT OTHER: compares the system calls of two programs in one `strace -f` of the driver.

Held against each other are the calls that do the job, in order, with their paths, those of children included; file
descriptors, memory and what a language's start-up does are left out. Prints a summary and the differences; exit status 1 if
they are so many that OTHER is no measure of CGINIT any more.
"""
import difflib
import re
import sys

MAX_SHARE_OF_DIFFERENCES = 0.05
JOB = ("mount", "umount2", "unshare", "mkdir", "rmdir", "symlink", "openat", "read", "write", "close", "readlink",
       "readlinkat", "newfstatat", "faccessat", "faccessat2", "getdents64", "execve", "clone", "fcntl", "flock", "fstatfs",
       "getpid", "pipe2", "poll", "statx", "umask", "wait4")


def described(name, call):
    """`name "path" "path"`"""
    # A call that another process's interrupts has no result in its line.
    text = call.rpartition(" = ")[0] or call
    details = [] if name in ("read", "write") else re.findall(r'"(?:[^"\\]|\\.)*"|MS_[A-Z]+', text)
    # The target of a link into a namespace differs from run to run.
    return " ".join([name] + (details[:1] if name.startswith("readlink") else details))


def calls_of(trace, program):
    """From the execve of the program to its own execve; those of its children, which run beside it, are behind."""
    driver, pid, calls, of_children, namespace = trace[0].partition(" ")[0], None, [], [], None
    for line in trace:
        who, _, call = line.partition(" ")
        call = call.lstrip()
        if call.startswith(f'execve("{program}"'):
            pid = who
            continue
        if pid is None or who == driver:
            continue
        own_namespace = re.search(r'"pid:(\[\d+\])"', call)
        if own_namespace:
            namespace = own_namespace[1]
        name = call.partition("(")[0]
        if name in JOB:
            (calls if who == pid else of_children).append(described(name, call))
        if name == "execve" and who == pid:
            return [call.replace(namespace, "[PIDNS]") if namespace else call for call in calls + of_children]
    sys.exit(f"{program} is not in the trace")


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        trace = file.read().splitlines()
    ours, theirs = (calls_of(trace, program) for program in sys.argv[2:4])
    differences = [line for line in difflib.unified_diff(ours, theirs, lineterm="", n=0)
                   if not line.startswith(("@@", "---", "+++"))]
    print(f"{len(ours)} calls in {sys.argv[2]}, {len(theirs)} in {sys.argv[3]}, {len(differences)} of them in one only")
    print("\n".join(differences), end="\n" if differences else "")
    return 1 if len(differences) > MAX_SHARE_OF_DIFFERENCES * len(ours) else 0


sys.exit(main())
