#!/usr/bin/env python3
"""README.md and docs/use.md say what is true: their plans are what the binary prints, their options are those of --help. And
README.md is for the first minute.

    check_readme.py BINARY SOURCE_DIR

A plan stands in a code block after a line `<!-- dry-run: CAPTURE INIT_TRAITS -->`, and what is missing after `<!-- explain: ... -->`: of
that the beginning, up to the facts.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"<!-- (dry-run|explain): (\S+) (\S+) -->\n```\n(.*?)```\n", re.S)
README, USE = "README.md", "docs/use.md"
README_LINES = 150
OPTION = re.compile(r"--[a-z][a-z-]+")


def output_of(*command):
    """In UTF-8, whatever the caller's locale."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8", env=environment)
    if done.returncode not in (0, 1, 125) or not done.stdout:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.returncode}: {done.stderr}")
    return done


def block_problems(binary, source, page, shown):
    """SHOWN is the option of which the page has to have a block."""
    text = (source / page).read_text(encoding="utf-8")
    if shown not in {block[0] for block in BLOCK.findall(text)}:
        yield f"{page} shows nothing of --{shown}"
    for block in BLOCK.finditer(text):
        option, capture, traits, expected = block.groups()
        file = source / "tests" / "captures" / f"{capture}.txt"
        done = output_of(binary, f"--root={file}", "--init-traits", traits, f"--{option}")
        told = "plan would fail" in text[: block.start()].rsplit("\n\n", 2)[-2]
        if told != ("plan would fail" in done.stderr):
            yield f"{page}: whether the plan of {capture} would fail is told otherwise"
        printed = done.stdout
        if option == "explain":
            printed = printed.partition("\nwho runs us\n")[0]
        if printed != expected:
            yield f"{page}: the {option} of {capture} is not what cginit prints now:\n{printed}"


def option_problems(binary, source):
    known = set(OPTION.findall(output_of(binary, "--help").stdout))
    table = (source / USE).read_text(encoding="utf-8").split("| option |", 1)[1].split("\n\n", 1)[0]
    named = set(OPTION.findall(table))
    for option in sorted(named - known):
        yield f"{USE}: {option} is not an option"
    for option in sorted(known - named - {"--help", "--version", "--verbose", "--quiet"}):
        yield f"{USE}: {option} is missing from the table of options"


def length_problems(source):
    lines = len((source / README).read_text(encoding="utf-8").splitlines())
    if lines > README_LINES:
        yield f"{README} has {lines} lines, more than the {README_LINES} that are read at once: what is not for the first minute is for docs/"


def main():
    binary, source = sys.argv[1], Path(sys.argv[2])
    problems = [*block_problems(binary, source, README, "explain"), *block_problems(binary, source, USE, "dry-run"),
                *option_problems(binary, source), *length_problems(source)]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
