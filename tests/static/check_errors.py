#!/usr/bin/env python3
"""Every problem of src/advice/problems.toml is expected by a test: by its name in the code, or as text in what the golden tests
compare with.

    check_errors.py [--self-test] SOURCE_DIR

--self-test: a changed entry makes each file stale that is generated from it, and a wrong one is told.
"""

import importlib.util
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
ENTRY = """
[[section.problem]]
name = "%s"
code = "CG-NEW"
is = "new"
symptom = "a"
cause = "b"
cure = "c"
cures = ["%s"]
"""
SEARCH = """
[[search]]
says = ["Failed"]
problem = "%s"
line = "succeed"
"""
PLACE = """
[[place]]
name = "new"
word = "%s"
is = "a"
evidence = "b"
rows = ["%s"]
own_words = true
works = "c"
first = "%s"
"""
HOST = """
[[host]]
name = "%s"
word = "%s"
is = "a"
evidence = "b"
"""
CURE = """
[[cure]]
name = "%s"
text = "d"
settings = [["%s", "e"]]
"""


def generator(source):
    spec = importlib.util.spec_from_file_location("generate_problems", source / "src/advice/generate_problems.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate_problems"] = module
    spec.loader.exec_module(module)
    return module


def test_texts(source):
    for folder in ("unit", "golden", "cli", "kernel", "e2e", "hosts"):
        for path in sorted((source / "tests" / folder).rglob("*")):
            if path.suffix in (".cpp", ".py", ".txt"):
                yield path.read_text(encoding="utf-8")


def unseen_problems(problems, texts):
    everything = "\n".join(texts)
    for problem in problems:
        # CG-NOV2 is no CG-NOV2X.
        if not re.search(rf"ErrorCode::{problem.name}\b|{problem.code}\b", everything):
            yield f"no test sees {problem.code} (ErrorCode::{problem.name})"


def self_test(source, made):
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for path in [*made.OUTPUTS, made.ROWS, made.CURES, made.PLACES]:
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / path, copy / path)
        rows = copy / made.ROWS
        before = rows.read_text(encoding="utf-8")
        cures = copy / made.CURES
        known = cures.read_text(encoding="utf-8")
        rows.write_text(before + ENTRY % ("new", "newer") + SEARCH % "new", encoding="utf-8")
        cures.write_text(known + CURE % ("newer", "host"), encoding="utf-8")
        places = copy / made.PLACES
        there = places.read_text(encoding="utf-8")
        places.write_text(there + PLACE % ("new", "host", "newer") + HOST % ("new", "newest"), encoding="utf-8")
        stale = set(made.checked_in.stale_files(copy, made.read_rows, made.OUTPUTS))
        if stale != set(made.OUTPUTS):
            yield f"a new problem with a new cure, a new place and a new host, looked for, leaves {', '.join(sorted(set(made.OUTPUTS) - stale))} as it is"
        good = (ENTRY % ("new", "newer"), CURE % ("newer", "host"))
        wrong = [(ENTRY % ("new", "nothing"), good[1]), (ENTRY % ("New", "newer"), good[1]), (good[0] * 2, good[1]),
                 ("[[", good[1]), (good[0], CURE % ("newer", "nowhere")), (good[0], good[1] * 2), ("", good[1]),
                 (good[0], "[["), (good[0] + SEARCH % "nowhere", good[1])]
        for entry, cure in wrong:
            rows.write_text(before + entry, encoding="utf-8")
            cures.write_text(known + cure, encoding="utf-8")
            try:
                made.read_rows(copy)
                yield f"taken for good: {entry} {cure}"
            except made.RowError:
                pass
        rows.write_text(before + good[0], encoding="utf-8")
        cures.write_text(known + good[1], encoding="utf-8")
        for place in (PLACE % ("docker", "host", "newer"), PLACE % ("new", "nowhere", "newer"), PLACE % ("new", "host", "nothing"),
                      PLACE % ("new", "docker", "older_systemd"), HOST % ("New", "newest"), HOST % ("new", "wsl2"),
                      HOST % ("new", "docker"), "[["):
            places.write_text(there + place, encoding="utf-8")
            try:
                made.checked_in.stale_files(copy, made.read_rows, made.OUTPUTS)
                yield f"taken for good: {place}"
            except made.RowError:
                pass
        if not list(unseen_problems(made.read_rows(source).problems, ["CG-NOV2X"])):
            yield "what no test sees goes unseen"


def main(arguments):
    source = Path(arguments[-1]).resolve()
    made = generator(source)
    if arguments[0] == "--self-test":
        problems = list(self_test(source, made))
    else:
        problems = list(unseen_problems(made.read_rows(source).problems, test_texts(source)))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
