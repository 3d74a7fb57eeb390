#!/usr/bin/env python3
"""Writes what repeats the problems of src/advice/problems.toml: ErrorCode and its names, the settings of --explain, docs/errors.md.

    generate_problems.py [SOURCE_DIR]            writes the files that are stale
    generate_problems.py --check [SOURCE_DIR]    writes nothing, shows what would change

Exit status: 0, 1 if --check finds a stale file, 2 if an entry is wrong.
"""

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "cmake"))
import checked_in
from checked_in import RowError

ROWS = "src/advice/problems.toml"
GENERATOR = "src/advice/generate_problems.py"
HEADER = "include/cginit/error_code.hpp"
NAMES = "src/core/error_code_names.inc"
TABLE = "src/advice/problem_rows.inc"
PAGE = "docs/errors.md"

PLACES = {
    "docker": "Docker",
    "podman": "Podman",
    "compose": "Compose file",
    "kubernetes": "Kubernetes",
    "host": "the host",
    "image": "the image",
    "cginit": "cginit",
}
TABLES = {"settings": "kRows", "confined": "kConfinedRows", "user_namespace": "kUserNamespaceRows"}


@dataclass(frozen=True)
class Problem:
    heading: str
    name: str
    code: str
    is_: str
    symptom: str
    cause: str
    cure: str
    settings: tuple = ()
    confined: tuple = ()
    user_namespace: tuple = ()


def problem_of(heading, entry):
    where = f"{ROWS}: {entry.get('name', 'an entry without a name')}"
    needed = {"name", "code", "is", "symptom", "cause", "cure"}
    unknown = set(entry) - needed - set(TABLES)
    if not needed <= set(entry) or unknown:
        raise RowError(f"{where}: {', '.join(sorted(needed - set(entry) or unknown))} "
                       f"{'is missing' if needed - set(entry) else 'is no key'}")
    if not re.fullmatch(r"CG-[A-Z0-9]+", entry["code"]) or not re.fullmatch(r"[a-z][a-z0-9_]*", entry["name"]):
        raise RowError(f"{where}: not `name` and `CG-NAME`")
    for table in TABLES:
        for row in entry.get(table, []):
            if len(row) != 2 or row[0] not in PLACES:
                raise RowError(f"{where}: {table}: not [WHERE, WHAT] with WHERE one of {', '.join(PLACES)}: {row}")
    values = {("is_" if key == "is" else key): value for key, value in entry.items()}
    return Problem(heading, **{key: tuple(map(tuple, value)) if isinstance(value, list) else value
                               for key, value in values.items()})


def read_rows(source):
    try:
        read = tomllib.loads((source / ROWS).read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RowError(f"{ROWS}: {error}") from error
    problems = [problem_of(section["heading"], entry) for section in read["section"] for entry in section["problem"]]
    for what in ("name", "code"):
        values = [getattr(problem, what) for problem in problems]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise RowError(f"{ROWS}: there twice: {', '.join(twice)}")
    return problems


def replaced(path, text, name, body):
    return checked_in.replaced(path, text, name, body, f"{ROWS} by {GENERATOR}")


def make_header(problems, old):
    width = max(len(problem.name) for problem in problems) + 1
    lines = [f"    {problem.name + ',':<{width}}  ///< {problem.is_}\n" for problem in problems]
    return replaced(HEADER, old, "codes", "".join(lines))


HEAD = f"// Generated from {ROWS} by {GENERATOR}: change that.\n"


def make_names(problems, _):
    return HEAD + "".join(f'    "{problem.code}",\n' for problem in problems)


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def make_table(problems, _):
    text = HEAD
    for key, table in TABLES.items():
        rows = [f"    {{ErrorCode::{problem.name}, {quoted(where)}, {quoted(what)}}},\n"
                for problem in problems for where, what in getattr(problem, key)]
        text += f"\nconstexpr Row {table}[] = {{\n{''.join(rows)}}};\n"
    return text


def indented(text):
    return text.strip("\n").replace("\n", "\n  ")


def settings_table(problem):
    rows = [*problem.settings, *problem.confined, *problem.user_namespace]
    lines = []
    for row in rows:
        setting = row[1].replace("|", "\\|")
        line = f"| {PLACES[row[0]]} | `{setting}` |\n"
        if line not in lines:
            lines.append(line)
    return "\n| in | setting |\n|---|---|\n" + "".join(lines) if lines else ""


def page_section(problem):
    return (f"### {problem.code}\n- **Symptom**: {indented(problem.symptom)}\n- **Cause**: {indented(problem.cause)}\n"
            f"- **Cure**: {indented(problem.cure)}\n{settings_table(problem)}\n")


def make_page(problems, old):
    body = "\n"
    heading = ""
    for problem in problems:
        if heading != problem.heading:
            heading = problem.heading
            body += f"## {heading}\n\n"
        body += page_section(problem)
    return replaced(PAGE, old, "problems", body)


OUTPUTS = {HEADER: make_header, NAMES: make_names, TABLE: make_table, PAGE: make_page}

if __name__ == "__main__":
    sys.exit(checked_in.main(sys.argv[1:], SOURCE, read_rows, OUTPUTS, ROWS, GENERATOR))
