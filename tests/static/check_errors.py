#!/usr/bin/env python3
"""Every error's identifier is documented, and some test sees it.

    check_errors.py SOURCE_DIR

The identifiers are those of src/core/error_code.cpp. Each has a section in docs/errors.md with symptom, cause and cure,
and there is none that the program does not know; each is expected by a test: by its name in the code, or as text in what
the golden tests compare with.
"""

import re
import sys
from pathlib import Path

ROW = re.compile(r'case ErrorCode::(\w+): return "(CG-[A-Z0-9]+)";')
SECTION = re.compile(r"^### (.+)$", re.M)
PARTS = ["Symptom", "Cause", "Cure"]


def documentation_problems(codes, text):
    pieces = SECTION.split(text)
    sections = dict(zip(pieces[1::2], pieces[2::2]))
    for code in sorted(codes - set(sections)):
        yield f"docs/errors.md has no section {code}"
    for name, body in sections.items():
        if name not in codes:
            yield f"docs/errors.md: no error is called {name}"
        for part in PARTS:
            if f"- **{part}**: " not in body:
                yield f"docs/errors.md: {name} has no {part.lower()}"


def test_texts(source):
    for folder in ("unit", "golden", "cli", "kernel", "e2e", "hosts"):
        for path in sorted((source / "tests" / folder).rglob("*")):
            if path.suffix in (".cpp", ".py", ".txt"):
                yield path.read_text(encoding="utf-8")


def unseen_problems(rows, texts):
    everything = "\n".join(texts)
    for name, code in rows:
        # CG-NOV2 is no CG-NOV2X; a test of the code's own table would name all and see none.
        if not re.search(rf"ErrorCode::{name}\b", everything) and not re.search(rf"{code}\b", everything):
            yield f"no test sees {code} (ErrorCode::{name})"


def main():
    source = Path(sys.argv[1])
    rows = ROW.findall((source / "src/core/error_code.cpp").read_text(encoding="utf-8"))
    codes = {code for _, code in rows}
    problems = [] if rows else ["src/core/error_code.cpp: no identifier found"]
    if len(codes) != len(rows):
        problems.append("src/core/error_code.cpp: an identifier is there twice")
    problems += documentation_problems(codes, (source / "docs/errors.md").read_text(encoding="utf-8"))
    problems += unseen_problems(rows, test_texts(source))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
