#!/usr/bin/env python3
"""SECURITY.md and docs/limits.md name tests that there are, and SECURITY.md the exceptions that the tests know.

    check_security.py SOURCE_DIR

A test is named `FILE::NAME`; the tries in the table below "What CAP_SYS_ADMIN allows" are those of ALLOWED in
tests/e2e/harness/attacks.py.
"""

import ast
import re
import sys
from pathlib import Path

TEST = re.compile(r"`(tests/[^`:]+)::([^`]+)`")
TRY = re.compile(r"`([a-z]+(?:-[a-z]+)+|trace)`")


def test_problems(source, page):
    named = TEST.findall((source / page).read_text(encoding="utf-8"))
    if not named:
        yield f"{page} names no test"
    for file, name in named:
        path = source / file
        content = path.read_text(encoding="utf-8") if path.is_file() else ""
        # TEST_P(WholeRun, SecondRunIsSafe) is named WholeRun.SecondRunIsSafe.
        start = f"def {name}(" if path.suffix == ".py" else f"({name.replace('.', ', ')})"
        if start not in content:
            yield f"{page}: {file} has no {name}"


def names_of(tree, variable):
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(getattr(target, "id", None) == variable for target in node.targets):
            return {ast.literal_eval(key) for key in node.value.keys}
    raise KeyError(variable)


def exception_problems(source, text):
    tree = ast.parse((source / "tests/e2e/harness/attacks.py").read_text(encoding="utf-8"))
    known = names_of(tree, "ALLOWED") | names_of(tree, "ALLOWED_TO_SEARCHERS")
    section = text.split("\n## What CAP_SYS_ADMIN allows\n", 1)[1].split("\n## ", 1)[0]
    said = set(TRY.findall(section))
    for name in sorted(known - said):
        yield f"SECURITY.md does not say that {name} may reach something"
    for name in sorted(said - known):
        yield f"SECURITY.md: no test knows the exception {name}"


def main():
    source = Path(sys.argv[1])
    text = (source / "SECURITY.md").read_text(encoding="utf-8")
    problems = [problem for page in ("SECURITY.md", "docs/limits.md") for problem in test_problems(source, page)]
    problems += exception_problems(source, text)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
