#!/usr/bin/env python3
"""check_calls.py TRACE CGINIT OTHER: compares the system calls of two programs in one `strace -f` of the driver.

Held against each other are the calls that do the job, in order, with their paths; file descriptors, memory and what a
language's start-up does are left out. Prints a summary and the differences; exit status 1 if they are so many that OTHER is
no measure of CGINIT any more.
"""
import difflib
import re
import sys

MAX_SHARE_OF_DIFFERENCES = 0.05
JOB = ("mount", "umount2", "unshare", "mkdir", "rmdir", "symlink", "openat", "read", "write", "close", "readlink",
       "readlinkat", "newfstatat", "faccessat", "faccessat2", "getdents64", "execve")


def calls_of(trace, program):
    """From the execve of the program to its own execve: `name "path" "path"`."""
    pid, calls = None, []
    for line in trace:
        who, _, call = line.partition(" ")
        call = call.lstrip()
        if call.startswith(f'execve("{program}"'):
            pid, calls = who, []
        elif who == pid:
            name = call.partition("(")[0]
            if name in JOB:
                text = call.rpartition(" = ")[0]
                details = [] if name in ("read", "write") else re.findall(r'"(?:[^"\\]|\\.)*"|MS_[A-Z]+', text)
                # The target of a link into a namespace differs from run to run.
                calls.append(" ".join([name] + (details[:1] if name.startswith("readlink") else details)))
            if name == "execve":
                return calls
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
