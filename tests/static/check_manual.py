#!/usr/bin/env python3
"""docs/cginit.8.scd, where it is written by hand, and docs/use.md say what `cginit --help` says, and the manual renders.

    check_manual.py BINARY SOURCE_DIR      whether they agree
    check_manual.py --render BINARY SOURCE_DIR
                                           whether it can be read: scdoc, groff, mandoc
    check_manual.py --self-test BINARY SOURCE_DIR
                                           whether each of these is seen where it is spoiled

Exit status: 0 they do, 1 they do not, 77 could not be tried (1 with CGINIT_MUST_RUN=1).
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from option_rows import help_rows, row_of

HELP = "cginit --help"
MANUAL = "docs/cginit.8.scd"
USE = "docs/use.md"
README = "README.md"
LOOKUP = "src/handoff/init_lookup.cpp"
COLUMNS = 80
VARIABLE = re.compile(r"CGINIT_[A-Z_]*[A-Z]")
# Nobody needs a table for these.
SELF_EVIDENT = {"--help", "--version"}


def read_texts(binary, source):
    """What is compared, by the name that it has in messages."""
    shown = subprocess.run([binary, "--help"], check=True, capture_output=True, text=True).stdout
    pages = [MANUAL, USE, README, "SECURITY.md", "CONTRIBUTING.md", LOOKUP]
    pages += [str(page.relative_to(source)) for page in (*source.glob("docs/*.md"), *source.glob("docs/*.json"))]
    pages += [str(page.relative_to(source)) for page in source.glob("examples/*.sh")]
    return {HELP: shown, **{page: (source / page).read_text(encoding="utf-8") for page in pages}}


def unmarked(text):
    """scdoc's source without its marks: `*-v*` is -v, `_LIST_` is LIST, net_cls stays."""
    text = re.sub(r"(?<![\w\\])_|(?<!\\)_(?!\w)", "", re.sub(r"(?<!\\)\*", "", text))
    return re.sub(r"\\(.)", r"\1", text)


def section(text, heading):
    return re.split(r"^# ", text.split(f"\n# {heading}\n", 1)[1], flags=re.M)[0]


def variable_problems(texts, rows):
    known = {row.variable for row in rows if row.variable}
    for where in (MANUAL, USE):
        for variable in sorted(set(VARIABLE.findall(texts[where])) - known):
            yield f"{where}: {variable} is not a variable"


def readme_rows(text):
    """{name: (values, variables of its line)}; `--keep-mount PATH` is what `--keep-mount=PATH` is."""
    rows = {}
    for line in text.split("| option |", 1)[1].split("\n\n", 1)[0].splitlines():
        cells = re.split(r"(?<!\\)\|", line)
        for head in re.findall(r"`(-[^`]*)`", cells[1] if len(cells) > 2 else ""):
            row = row_of(USE, "", head.replace("\\|", "|").replace(" ", "="))
            rows[row.name] = (row.values, VARIABLE.findall(cells[2]))
    return rows


def readme_problems(texts, rows):
    table = readme_rows(texts[USE])
    for row in rows:
        name = next((name for name in row.names if name in table), None)
        if name is None:
            if row.name not in SELF_EVIDENT:
                yield f"{USE}: {row.name} is missing from the table of options"
            continue
        values, variables = table.pop(name)
        if values != row.values:
            yield f"{USE}: {row.name}: values: {values!r}, {HELP} has {row.values!r}"
        if row.variable and row.variable not in variables:
            yield f"{USE}: {row.name}: {row.variable} is missing from its line"
    for name in table:
        yield f"{USE}: {name} is not an option"


def place_problems(texts):
    """What stands in the code as a list, and in a sentence in the manual."""
    places = re.findall(r'"(/[^"]+)"', re.search(r"kInitPlaces\[\] = \{(.*?)\}", texts[LOOKUP], re.S)[1])
    sentence = f"{', '.join(places[:-1])} and {places[-1]}"
    if sentence not in re.sub(r"\s+", " ", section(texts[MANUAL], "DESCRIPTION")):
        yield f"{MANUAL}: DESCRIPTION: an init is looked for at {sentence}"


def exit_status_problems(texts):
    statuses = re.findall(r"^  (\d+)  ", texts[HELP].split("\nExit status:", 1)[1], re.M)
    if not statuses:
        yield f"{HELP}: no exit status"
    for status in statuses:
        if f"*{status}*\n\t" not in section(texts[MANUAL], "EXIT STATUS"):
            yield f"{MANUAL}: EXIT STATUS: {status} is missing"
        if not re.search(rf"\b{status}\b", texts[USE].split("\nExit status:", 1)[1].split("\n\n", 1)[0]):
            yield f"{USE}: exit status {status} is missing"


def command_problems(texts, rows):
    """`cginit --no-such-option` in any page."""
    known = {name for row in rows for name in row.names}
    for page, text in texts.items():
        if not page.endswith((".md", ".scd")):
            continue
        for option in re.findall(r"\bcginit (?:\[?)(--?[a-z][a-z-]*)", unmarked(text) if page == MANUAL else text):
            if option not in known:
                yield f"{page}: cginit has no {option}"


def page_problems(texts):
    """A page or a script that is not there."""
    known = {page.rsplit("/", 1)[-1] for page in texts}
    for name in re.findall(r"[\w.-]+\.(?:md|json|sh)\b", texts[MANUAL]):
        if name not in known:
            yield f"{MANUAL}: there is no {name}"


def problems_of(texts):
    rows = help_rows(texts[HELP])
    return [
        *variable_problems(texts, rows),
        *readme_problems(texts, rows),
        *place_problems(texts),
        *exit_status_problems(texts),
        *command_problems(texts, rows),
        *page_problems(texts),
        *[f"{HELP}: over {COLUMNS} columns: {line}" for line in texts[HELP].splitlines() if len(line) > COLUMNS],
    ]


def output_of(command, text):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def render_problems(texts):
    page = output_of(["scdoc"], texts[MANUAL])
    if page.returncode != 0 or page.stderr:
        yield f"{MANUAL}: scdoc: {page.stderr.strip()}"
        return
    shown = output_of(["groff", "-man", "-Tutf8", "-ww", "-P-cbou", f"-rLL={COLUMNS}n"], page.stdout)
    for line in shown.stderr.splitlines():
        yield f"{MANUAL}: groff: {line}"
    for line in output_of(["mandoc", "-T", "lint", "-W", "warning"], page.stdout).stdout.splitlines():
        # scdoc writes a paragraph before whatever comes.
        if "skipping paragraph macro" not in line:
            yield f"{MANUAL}: mandoc: {line}"
    lines = [line.strip().replace("‐", "-") for line in shown.stdout.splitlines()]
    for row in help_rows(texts[HELP]):
        if not any(line.startswith(", ".join(row.names)) for line in lines):
            yield f"{MANUAL}: {row.name} cannot be seen in the page"
    for line in shown.stdout.splitlines():
        if len(line) > COLUMNS:
            yield f"{MANUAL}: over {COLUMNS} columns: {line}"


# What is spoiled, and the words that the problem must have.
SELF_TEST = [
    (MANUAL, "CGINIT_METHOD", "CGINIT_MANNER", [MANUAL, "CGINIT_MANNER"]),
    (MANUAL, "/etc/init", "/etc/rc", [MANUAL, "/etc/init"]),
    (MANUAL, "*126*\n", "*128*\n", [MANUAL, "126"]),
    (MANUAL, "cginit --root=report", "cginit --folder=report", [MANUAL, "--folder"]),
    (MANUAL, "limits.md", "borders.md", [MANUAL, "borders.md"]),
    (README, "# cginit\n", "# cginit --folder=report\n", [README, "--folder"]),
    (USE, "`--inner=auto\\|never`", "`--inner=auto`", [USE, "--inner", "never"]),
    (USE, "`--ttys=auto\\|keep`", "", [USE, "--ttys", "missing"]),
    (USE, "| `CGINIT_SYS` |", "| |", [USE, "--sys", "CGINIT_SYS"]),
    (USE, "| `CGINIT_SYS` |", "| `CGINIT_SYSFS` |", [USE, "CGINIT_SYSFS"]),
    (USE, "`cginit --dry-run`", "`cginit --rehearse`", [USE, "--rehearse"]),
    (USE, "126 (", "(", [USE, "126"]),
    (HELP, "  --sys=", "  --sysfs=", [USE, "--sysfs", "missing"]),
    (HELP, "  --sys=", "  --sysfs=", [USE, "--sys", "not an option"]),
    (HELP, "\n\n", "\n" + COLUMNS * "x" + "x\n", [HELP, "columns"]),
]
RENDER_SELF_TEST = [
    (MANUAL, "*--inner*", "*--inner", [MANUAL, "scdoc"]),
    (MANUAL, "*--version*\n", "*--edition*\n", [MANUAL, "--version", "cannot be seen"]),
    (MANUAL, "by default\n", "by default++\n", [MANUAL, "mandoc", "tab"]),
    (MANUAL, "Print the version", COLUMNS * "x", [MANUAL, "groff", "break"]),
    (MANUAL, "IMAGE /sbin/init\n```", COLUMNS * "x" + "\n```", [MANUAL, "columns"]),
]


def self_test(texts, cases, judge):
    """Every rule is seen red once."""
    for page, old, new, words in cases:
        if old not in texts[page]:
            yield f"{page} has no {old!r} to spoil"
            continue
        problems = list(judge({**texts, page: texts[page].replace(old, new, 1)}))
        if not any(all(word in problem for word in words) for problem in problems):
            yield f"{page}: {new!r} in the place of {old!r} should say {words}: {problems}"


def missing_tools():
    return [tool for tool in ("scdoc", "groff", "mandoc") if shutil.which(tool) is None]


def main(argv):
    mode = argv.pop(0) if argv[0].startswith("--") else ""
    texts = read_texts(argv[0], Path(argv[1]))
    if mode == "--render" and missing_tools():
        print("missing:", *missing_tools())
        return 1 if os.environ.get("CGINIT_MUST_RUN") == "1" else 77
    if mode == "--render":
        problems = [*render_problems(texts), *self_test(texts, RENDER_SELF_TEST, render_problems)]
    elif mode == "--self-test":
        problems = list(self_test(texts, SELF_TEST, problems_of))
    else:
        problems = problems_of(texts)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
