#!/usr/bin/env python3
"""The rooms of src/ keep to themselves: who may include whom, and who may reach the system.

    check_rooms.py [--self-test] [SOURCE_DIR]

Reads #include lines and calls written as ::name(...) (the way this project writes system calls). The tables below are
the rules; everything after them is mechanism. Exit status 1 and one line per violation.
"""

import fnmatch
import re
import sys
import tempfile
from pathlib import Path

# Room: the rooms whose headers it may include besides its own.
MAY_USE = {
    "core": [],
    "read": ["core", "detect"],
    "detect": ["core"],
    "decide": ["core", "detect"],
    "plan": ["core", "detect", "decide"],
    "apply": ["core", "plan"],
    "handoff": ["core", "read", "plan"],
    "advice": ["core", "detect", "decide", "plan"],
    "report": ["core", "detect", "decide", "plan", "advice"],
    "cli": ["core"],
    "app": ["core", "read", "detect", "decide", "plan", "apply", "handoff", "advice", "report", "cli"],
    "main": ["core", "app", "advice", "cli"],
    "compat": [],
}

# Public headers (include/cginit/NAME): the room that owns each. One that is in no row is a violation: give it a room.
PUBLIC = {
    "core": ["version", "build", "error_code", "cure", "result", "options", "invocation", "init_traits", "mount_table", "snapshot",
             "capture_facts"],
    "detect": ["world", "place"],
    "decide": ["decision", "prospect"],
    "plan": ["op", "plan", "kernel"],
}

# The door in: of the room that reads, these alone open files.
SOURCE = ["read/source*", "read/files*", "read/process*"]

# Headers that open a door, and the files (below src/) that may include them. First match wins; no row, no rule.
DOORS = [
    # The door in.
    (["fcntl.h", "sys/stat.h"], [*SOURCE, "apply/linux/*"]),
    (["dirent.h", "sys/syscall.h"], [*SOURCE, "apply/linux/*"]),
    (["fstream", "filesystem", "sys/vfs.h", "sys/statfs.h", "sys/statvfs.h"], SOURCE),
    # The door out.
    # libcap knows the names of capabilities.
    (["sys/capability.h"], ["apply/linux/*", "cli/*", "read/capabilities*"]),
    (["sys/mount.h", "sched.h", "linux/mount.h", "syscall.h", "sys/capability.h", "linux/capability.h",
      "sys/prctl.h", "linux/prctl.h", "sys/wait.h", "sys/ioctl.h", "sys/resource.h"],
     ["apply/linux/*"]),
    (["unistd.h"], ["core/unique_fd*", *SOURCE, "read/gather.cpp", "apply/linux/*", "app/*"]),
    # Libraries.
    (["libmount.h", "libmount/*"], ["read/mountinfo*", "apply/linux/*"]),
    (["CLI/*"], ["cli/*"]),
    (["spdlog/*", "fmt/*"], ["app/*", "main.cpp"]),
    (["nlohmann/*"], ["report/*", "core/*"]),
    # What PID 1 does without: threads, locales, streams (each has a static constructor that costs microseconds).
    (["thread", "mutex", "future", "pthread.h", "locale", "clocale", "iostream", "regex", "pwd.h", "grp.h", "netdb.h"],
     ["compat/*"]),
]

# Calls, and the files that may make them.
CALLS = [
    (["open", "openat", "read", "pread", "readlink", "readlinkat", "opendir", "fdopendir", "stat", "lstat", "fstatat",
      "statfs", "fopen"], [*SOURCE, "apply/linux/*"]),
    (["syscall"], [*SOURCE, "apply/linux/*"]),
    (["mount", "umount", "umount2", "unshare", "setns", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "symlink",
      "symlinkat", "write", "pwrite", "rename", "chmod", "fchmod", "chown", "fchown", "prctl", "fork", "chdir",
      "fchdir", "chroot", "pivot_root"], ["apply/linux/*", "app/output*"]),
    (["execve", "execveat", "fexecve"], ["apply/linux/*"]),
]

# In a literal: flags of docker run that cginit has not, keys of a pod.
ENGINE_WORDS = re.compile(r'"[^"\n]*?(--(?:cap-add|cap-drop|security-opt|privileged|cgroupns|cgroups|pid|user)\b|--userns=|'
                          r"securityContext|hostUsers|hostPID)")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
CALL = re.compile(r"(?<![\w:>])::(\w+)\s*\(")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def room_of(path):
    """'apply/kernel_linux.cpp' -> 'apply', 'main.cpp' -> 'main'."""
    return path.parts[0] if len(path.parts) > 1 else path.stem


def allowed_rooms(room):
    return [room, *MAY_USE[room]]


def public_room(header):
    stem = Path(header).with_suffix("").as_posix()
    return next((room for room, stems in PUBLIC.items() if stem in stems), None)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def check_include(where, room, name, path, include):
    allowed = allowed_rooms(room)
    if include.startswith("cginit/"):
        header = include.removeprefix("cginit/")
        owner = public_room(header)
        if owner is None:
            return f"{where}: public header {header} has no room (table PUBLIC)"
        if owner not in allowed:
            return f"{where}: {room} may not use {owner} (cginit/{header})"
        return None
    first = include.split("/")[0]
    if first in MAY_USE and "/" in include:
        return None if first in allowed else f"{where}: {room} may not use {first} ({include})"
    for headers, files in DOORS:
        if matches(include, headers):
            return None if matches(path, files) else f"{where}: <{include}> is only for {', '.join(files)}"
    return None


def check_words(label, room, code):
    """What an engine is told stands in the catalogue (src/advice/cures.toml), and nowhere else."""
    if room != "advice":
        for found in ENGINE_WORDS.finditer(code):
            yield f"{label}:{line_of(code, found.start())}: {found.group(1)} is only for src/advice"


def check_file(label, path, room, name, text):
    """Violations in one file: label is how it is named, path is below src/ (or the public header's stand-in)."""
    # Comments become blanks of the same shape, so that line numbers hold; an include is never in a comment that way.
    code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    for found in INCLUDE.finditer(code):
        where = f"{label}:{line_of(code, found.start(1))}"
        problem = check_include(where, room, name, path, found.group(2))
        if problem:
            yield problem
    yield from check_words(label, room, code)
    for found in CALL.finditer(code):
        for calls, files in CALLS:
            if found.group(1) in calls and not matches(path, files):
                yield f"{label}:{line_of(code, found.start())}: ::{found.group(1)}() is only for {', '.join(files)}"


def check_tree(root):
    """All violations below root, in a stable order."""
    src = root / "src"
    include = root / "include" / "cginit"
    for file in sorted([*src.rglob("*.cpp"), *src.rglob("*.hpp")]):
        path = file.relative_to(src)
        room = room_of(path)
        if room not in MAY_USE:
            yield f"src/{path}: there is no room {room} (table MAY_USE)"
            continue
        yield from check_file(f"src/{path}", path.as_posix(), room, path.name, file.read_text())
    for file in sorted(include.rglob("*.hpp")):
        header = file.relative_to(include).as_posix()
        room = public_room(header)
        if room is None:
            yield f"include/cginit/{header}: has no room (table PUBLIC)"
            continue
        yield from check_file(f"include/cginit/{header}", f"{room}/{header}", room, file.name, file.read_text())


# One file per rule, and the words that its violation must have; None: it must pass.
SELF_TEST = [
    ("src/decide/a.cpp", '#include "apply/walk.hpp"', "decide may not use apply"),
    ("src/decide/b.cpp", "#include <cginit/kernel.hpp>", "decide may not use plan"),
    ("src/plan/a.cpp", "#include <cginit/nowhere.hpp>", "has no room"),
    ("src/plan/b.cpp", "#include <fcntl.h>", "is only for"),
    ("src/plan/c.cpp", "int f() { return ::umount2(p, 0); }", "::umount2() is only for"),
    ("src/plan/d.cpp", "// #include <fcntl.h> ::open(", None),
    ("src/plan/e.cpp", "#include <vector>\nint f() { return std::open(1) + kernel::mount(2); }", None),
    ("src/detect/classify.cpp", '#include "read/source.hpp"', "detect may not use read"),
    ("src/read/gather.cpp", '#include "read/source.hpp"', None),
    ("src/read/mountinfo.cpp", "#include <fcntl.h>", "is only for"),
    ("src/apply/walk.cpp", "#include <sys/mount.h>", "is only for"),
    ("src/apply/linux/mount.cpp", "#include <sys/mount.h>\nint f() { return ::mount(a); }", None),
    ("src/apply/b.cpp", 'f("add --cap-add SYS_NICE");', "--cap-add is only for"),
    ("src/decide/c.cpp", 'f("not --userns=host, securityContext: {}");', "--userns= is only for"),
    ("src/decide/d.cpp", '// --cap-add\nf("--drop-cap, --tmpfs=never");', None),
    ("src/cellar/a.cpp", "", "there is no room cellar"),
    ("include/cginit/world.hpp", "#include <cginit/plan.hpp>", "detect may not use plan"),
    ("include/cginit/stray.hpp", "", "has no room"),
]


def self_test():
    """Every rule is seen red once."""
    failures = []
    for name, text, words in SELF_TEST:
        with tempfile.TemporaryDirectory() as root:
            file = Path(root) / name
            file.parent.mkdir(parents=True)
            file.write_text(text)
            problems = list(check_tree(Path(root)))
        if words is None and problems:
            failures.append(f"{name}: should pass: {problems}")
        elif words is not None and not (len(problems) == 1 and words in problems[0] and name in problems[0]):
            failures.append(f"{name}: should say '{words}': {problems}")
    return failures


def main(argv):
    arguments = [a for a in argv if a != "--self-test"]
    if len(arguments) < len(argv):
        problems = self_test()
    else:
        root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2]
        if not (root / "src" / "main.cpp").is_file():
            problems = [f"{root}: no src/main.cpp here"]
        else:
            problems = list(check_tree(root))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
