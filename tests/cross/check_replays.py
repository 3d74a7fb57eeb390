#!/usr/bin/python3
"""A binary for another machine says of every capture, byte for byte, what this machine's own says.

    check_replays.py NATIVE EMULATOR BINARY CAPTURES

EMULATOR is qemu-user's, such as qemu-s390x. Exits with 1 if an answer differs, or if the answers are not those of a program that
works.
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
# Of these cginit warns in their order, which qemu-user turns round.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CGINIT_")}

# A plan, or yes; no; a refusal.
STATUSES = {0: 0, 1: 0, 125: 0}


def answer(command, way, capture):
    result = subprocess.run([*command, *way, f"--root={capture}"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=300, check=False, env=ENVIRONMENT)
    return f"{result.stdout}{result.stderr}exit status {result.returncode}\n"


def failure(text):
    """What two programs that fail alike would both say."""
    status = int(text.rsplit(None, 1)[1])
    broken = [sign for sign in ("unknown option", "not expected", "usage:", "qemu: ") if sign in text.lower()]
    return "" if status in STATUSES and not broken else f"exit status {status}: {text[:400]}\n"


def difference(native, other, way, capture):
    texts = [answer(command, way, capture) for command in (native, other)]
    wrong = failure(texts[0])
    if wrong:
        return f"{capture.name}, {' '.join(way)}: {wrong}"
    STATUSES[int(texts[0].rsplit(None, 1)[1])] += 1
    ours, theirs = (text.splitlines(keepends=True) for text in texts)
    return "".join(difflib.unified_diff(ours, theirs, "this machine's", f"the other's, {capture.name}, {' '.join(way)}"))


def main():
    native, emulator, binary, captures = sys.argv[1:]
    if shutil.which(emulator) is None:
        print(f"no {emulator} here (package qemu-user)")
        return 1
    files = sorted(Path(captures).glob("*.txt"))
    jobs = [([native], [emulator, binary], way, capture) for capture in files for way in WAYS]
    assert jobs, f"no captures in {captures}"
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        differences = [text for text in pool.map(lambda job: difference(*job), jobs) if text]
    print("".join(differences[:10]), end="")
    print(f"{len(jobs)} replays, {len(differences)} differ")
    missing = [status for status, times in STATUSES.items() if times == 0]
    if missing:
        print(f"no answer with the exit status {missing[0]}: there are captures for each")
    return 1 if differences or missing else 0


if __name__ == "__main__":
    sys.exit(main())
