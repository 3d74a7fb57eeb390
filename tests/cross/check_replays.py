#!/usr/bin/python3
"""A binary for another machine says of every capture, byte for byte, what this machine's own says.

    check_replays.py NATIVE EMULATOR BINARY CAPTURES

EMULATOR is qemu-user's, such as qemu-s390x. Exits with 1 if an answer differs, with 77 if there is no such emulator.
"""

import concurrent.futures
import difflib
import os
import shutil
import subprocess
import sys
from pathlib import Path

WAYS = [["--dry-run", "--init-traits", "systemd:252"], ["--dry-run", "--init-traits", "systemd:262"],
        ["--dry-run", "--method=userns", "--init-traits", "other"], ["--explain=json"], ["--explain=text", "/sbin/init"]]


def answer(command, way, capture):
    result = subprocess.run([*command, *way, f"--root={capture}"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=300, check=False)
    return f"{result.stdout}{result.stderr}exit status {result.returncode}\n"


def difference(native, other, way, capture):
    ours, theirs = (answer(command, way, capture).splitlines(keepends=True) for command in (native, other))
    return "".join(difflib.unified_diff(ours, theirs, "this machine's", f"the other's, {capture.name}, {' '.join(way)}"))


def main():
    native, emulator, binary, captures = sys.argv[1:]
    if shutil.which(emulator) is None:
        print(f"no {emulator} here (package qemu-user)")
        return 77
    files = sorted(Path(captures).glob("*.txt"))
    jobs = [([native], [emulator, binary], way, capture) for capture in files for way in WAYS]
    assert jobs, f"no captures in {captures}"
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        differences = [text for text in pool.map(lambda job: difference(*job), jobs) if text]
    print("".join(differences[:10]), end="")
    print(f"{len(jobs)} replays, {len(differences)} differ")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
