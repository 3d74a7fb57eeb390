#!/usr/bin/env python3
"""README.md says what is true: its plans are what the binary prints, its options are those of --help.

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
OPTION = re.compile(r"--[a-z][a-z-]+")


def output_of(*command):
    """In UTF-8, whatever the caller's locale."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8", env=environment)
    if done.returncode not in (0, 1, 125) or not done.stdout:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.returncode}: {done.stderr}")
    return done


def block_problems(binary, source, readme):
    blocks = BLOCK.findall(readme)
    for option in ("dry-run", "explain"):
        if option not in {block[0] for block in blocks}:
            yield f"README.md shows nothing of --{option}"
    for block in BLOCK.finditer(readme):
        option, capture, traits, text = block.groups()
        file = source / "tests" / "captures" / f"{capture}.txt"
        done = output_of(binary, f"--root={file}", "--init-traits", traits, f"--{option}")
        told = "plan would fail" in readme[: block.start()].rsplit("\n\n", 2)[-2]
        if told != ("plan would fail" in done.stderr):
            yield f"README.md: whether the plan of {capture} would fail is told otherwise"
        printed = done.stdout
        if option == "explain":
            printed = printed.partition("\nwho runs us\n")[0]
        if printed != text:
            yield f"README.md: the {option} of {capture} is not what cginit prints now:\n{printed}"


def option_problems(binary, readme):
    known = set(OPTION.findall(output_of(binary, "--help").stdout))
    table = readme.split("| option |", 1)[1].split("\n\n", 1)[0]
    named = set(OPTION.findall(table))
    for option in sorted(named - known):
        yield f"README.md: {option} is not an option"
    for option in sorted(known - named - {"--help", "--version", "--verbose", "--quiet"}):
        yield f"README.md: {option} is missing from the table of options"


def main():
    binary, source = sys.argv[1], Path(sys.argv[2])
    readme = (source / "README.md").read_text(encoding="utf-8")
    problems = [*block_problems(binary, source, readme), *option_problems(binary, readme)]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
