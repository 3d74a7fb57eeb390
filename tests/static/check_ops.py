#!/usr/bin/env python3
"""The table of ops and system calls, at the top of src/apply/linux/kernel_linux.hpp, has each op of AnyOp, in that order.

    check_ops.py [--self-test] SOURCE_DIR

Each call that a row names has to be made somewhere in src/apply, or by libmount or libcap. Exit status 1 and a line for each
violation.
"""

import re
import sys
from pathlib import Path

ROW = re.compile(r"^//   (\w+) {2,}(\S.*)$", re.M)
CALLS = re.compile(r"(\w+)\(2\)")
# Made by libmount, libcap and readdir(3).
BY_LIBRARIES = {"mount", "capset", "getdents"}


def ops_of(header):
    found = re.search(r"using AnyOp =\s*std::variant<(.*?)>;", header, re.S)
    return re.findall(r"\w+", found[1])


def problems_of(header, table, sources):
    ops, rows = ops_of(header), ROW.findall(table)
    names = [name for name, _ in rows]
    yield from (f"the table of calls lacks {op}" for op in ops if op not in names)
    yield from (f"the table of calls has {name}, which is no op" for name in names if name not in ops)
    if sorted(ops) == sorted(names) and ops != names:
        yield "the table of calls is not in the order of AnyOp"
    for name, calls in rows:
        for call in CALLS.findall(calls):
            # seccomp(2) has no function in libc.
            made = call in BY_LIBRARIES or re.search(rf"::{call}\(|SYS_{call}\b|\b{call}_file\(", sources)
            if not made:
                yield f"{name}: nothing in src/apply calls {call}(2)"


def read(source):
    apply = source / "src/apply"
    sources = "\n".join(file.read_text(encoding="utf-8") for file in sorted(apply.rglob("*.cpp")))
    header = (source / "include/cginit/op.hpp").read_text(encoding="utf-8")
    return header, (apply / "linux/kernel_linux.hpp").read_text(encoding="utf-8"), sources


def self_test(header, table, sources):
    """Each kind of violation is seen."""
    op = ops_of(header)[0]
    spoiled = [
        (header, re.sub(rf"^//   {op}\b.*\n", "", table, flags=re.M), sources),
        (header, table.replace(f"//   {op} ", "//   Nonsense "), sources),
        (header, re.sub(rf"^(//   {op}\b.*\n)(.*\n)", r"\2\1", table, flags=re.M), sources),
        (header, table, sources.replace("::umask(", "umask(")),
    ]
    return all(list(problems_of(*one)) for one in spoiled)


def main(arguments):
    facts = read(Path(arguments[-1]))
    if arguments[0] == "--self-test":
        return 0 if self_test(*facts) else 1
    problems = list(problems_of(*facts))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
