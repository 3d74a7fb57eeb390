#!/usr/bin/env python3
"""docs/cginit.8.scd and README.md say what `cginit --help` and the table of settings say, and the manual renders.

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
from option_rows import help_rows, row_of, setting_rows

HELP = "cginit --help"
MANUAL = "docs/cginit.8.scd"
README = "README.md"
SETTINGS = "src/cli/settings.cpp"
TRAITS = "src/core/init_traits_text.cpp"
LOOKUP = "src/handoff/init_lookup.cpp"
COLUMNS = 80
VARIABLE = re.compile(r"CGINIT_[A-Z_]*[A-Z]")
# Nobody needs a table for these.
SELF_EVIDENT = {"--help", "--version"}


def read_texts(binary, source):
    """What is compared, by the name that it has in messages."""
    shown = subprocess.run([binary, "--help"], check=True, capture_output=True, text=True).stdout
    pages = [MANUAL, README, "SECURITY.md", "CONTRIBUTING.md", SETTINGS, TRAITS, LOOKUP]
    pages += [str(page.relative_to(source)) for page in (*source.glob("docs/*.md"), *source.glob("docs/*.json"))]
    pages += [str(page.relative_to(source)) for page in source.glob("examples/*.sh")]
    return {HELP: shown, **{page: (source / page).read_text(encoding="utf-8") for page in pages}}


def unmarked(text):
    """scdoc's source without its marks: `*-v*` is -v, `_LIST_` is LIST, net_cls stays."""
    text = re.sub(r"(?<![\w\\])_|(?<!\\)_(?!\w)", "", re.sub(r"(?<!\\)\*", "", text))
    return re.sub(r"\\(.)", r"\1", text)


def section(text, heading):
    return re.split(r"^# ", text.split(f"\n# {heading}\n", 1)[1], flags=re.M)[0]


def manual_entries(text):
    """[(row, what is said about it)] of the section OPTIONS."""
    entries = []
    for part in re.split(r"^## ", section(text, "OPTIONS"), flags=re.M)[1:]:
        group, body = part.split("\n", 1)
        for entry in re.finditer(r"^(\*-.*)\n((?:\t.*\n|\n(?=\t))+)", body, flags=re.M):
            entries.append((row_of(MANUAL, group, unmarked(entry[1])), entry[2]))
    return entries


def compare_rows(where, wanted, found):
    """Where rows of --help are missing, are others, or say something else."""
    by_name = {row.name: row for row in found}
    for row in wanted:
        other = by_name.get(row.name)
        if other is None:
            yield f"{where}: {row.name} is missing"
            continue
        for field in row._fields:
            if getattr(other, field) != getattr(row, field):
                yield f"{where}: {row.name}: {field}: {getattr(other, field)!r}, {HELP} has {getattr(row, field)!r}"
    for name in sorted(by_name.keys() - {row.name for row in wanted}):
        yield f"{where}: {name} is not an option"


def manual_problems(texts, rows):
    entries = manual_entries(texts[MANUAL])
    yield from compare_rows(MANUAL, rows, [row for row, _ in entries])
    for row, said in entries:
        for value in row.choices:
            if f"*{value}*" not in said:
                yield f"{MANUAL}: {row.name}: it is not said what {value} means"
    if list(dict.fromkeys(row.group for row, _ in entries)) != list(dict.fromkeys(row.group for row in rows)):
        yield f"{MANUAL}: the headings of OPTIONS are not those of {HELP}"


def variable_problems(texts, rows):
    known = {row.variable for row in rows if row.variable}
    for where, text in ((MANUAL, section(texts[MANUAL], "ENVIRONMENT")), (README, texts[README])):
        named = set(VARIABLE.findall(text))
        for variable in sorted(known - named):
            options = ", ".join(row.name for row in rows if row.variable == variable)
            yield f"{where}: {variable} of {options} is missing"
        for variable in sorted(named - known):
            yield f"{where}: {variable} is not a variable"


def readme_rows(text):
    """{name: (values, variables of its line)}; `--keep-mount PATH` is what `--keep-mount=PATH` is."""
    rows = {}
    for line in text.split("| option |", 1)[1].split("\n\n", 1)[0].splitlines():
        cells = re.split(r"(?<!\\)\|", line)
        for head in re.findall(r"`(-[^`]*)`", cells[1] if len(cells) > 2 else ""):
            row = row_of(README, "", head.replace("\\|", "|").replace(" ", "="))
            rows[row.name] = (row.values, VARIABLE.findall(cells[2]))
    return rows


def readme_problems(texts, rows):
    table = readme_rows(texts[README])
    for row in rows:
        name = next((name for name in row.names if name in table), None)
        if name is None:
            if row.name not in SELF_EVIDENT:
                yield f"{README}: {row.name} is missing from the table of options"
            continue
        values, variables = table.pop(name)
        if values != row.values:
            yield f"{README}: {row.name}: values: {values!r}, {HELP} has {row.values!r}"
        if row.variable and row.variable not in variables:
            yield f"{README}: {row.name}: {row.variable} is missing from its line"
    for name in table:
        yield f"{README}: {name} is not an option"


def setting_problems(texts, rows):
    settings = setting_rows(texts[SETTINGS])
    for row in rows:
        if row.name in SELF_EVIDENT:
            continue
        if row.name not in settings:
            yield f"{SETTINGS}: {row.name} is missing"
            continue
        values, variable, expected = settings.pop(row.name)
        if (values or "").removesuffix("]" if row.optional else "") != (row.values or ""):
            yield f"{SETTINGS}: {row.name}: values: {values!r}, {HELP} has {row.values!r}"
        if row.variable and row.variable != variable:
            yield f"{SETTINGS}: {row.name}: variable: {variable!r}, {HELP} has {row.variable!r}"
        for value in row.choices:
            if not re.search(rf"\b{value}\b", expected):
                yield f"{SETTINGS}: {row.name}: an error about its value does not name {value}"
    for name in settings:
        yield f"{HELP}: {name} is missing"


def list_problems(texts):
    """What stands in the code as a list, and in sentences elsewhere."""
    kinds = re.findall(r'KindName\{InitKind::\w+,\s*"(\w+)"\}', texts[TRAITS])
    places = re.findall(r'"(/[^"]+)"', re.search(r"kInitPlaces\[\] = \{(.*?)\}", texts[LOOKUP], re.S)[1])
    sentence = f"{', '.join(kinds[:-1])} and {kinds[-1]}"
    traits = {row.name: said for row, said in manual_entries(texts[MANUAL])}.get("--init-traits", "")
    if sentence not in re.sub(r"\s+", " ", unmarked(traits)):
        yield f"{MANUAL}: --init-traits: the kinds are {sentence}"
    if sentence not in setting_rows(texts[SETTINGS]).get("--init-traits", ("", "", ""))[2]:
        yield f"{SETTINGS}: --init-traits: the kinds are {sentence}"
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
        if not re.search(rf"\b{status}\b", texts[README].split("\nExit status:", 1)[1].split("\n\n", 1)[0]):
            yield f"{README}: exit status {status} is missing"


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
        *manual_problems(texts, rows),
        *variable_problems(texts, rows),
        *readme_problems(texts, rows),
        *setting_problems(texts, rows),
        *list_problems(texts),
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
    (MANUAL, "*--layout*=auto|host|", "*--layout*=host|auto|", [MANUAL, "--layout", "values"]),
    (MANUAL, "*--layout*=", "--layout=", [MANUAL, "--layout", "missing"]),
    (MANUAL, "*legacy*: v1", "v1", [MANUAL, "--layout", "legacy"]),
    (MANUAL, "  [CGINIT_METHOD]", "", [MANUAL, "--method", "CGINIT_METHOD"]),
    (MANUAL, "_CGINIT_METHOD_, ", "", [MANUAL, "CGINIT_METHOD", "--method"]),
    (MANUAL, "## The init\n", "", [MANUAL, "--drop-cap", "The init"]),
    (MANUAL, "\tPrint the version and exit.\n", "", [MANUAL, "--version", "missing"]),
    (MANUAL, "*--dry-run*\n", "*--wet-run*\n", [MANUAL, "--wet-run"]),
    (MANUAL, "runit, s6", "s6", [MANUAL, "--init-traits", "runit"]),
    (MANUAL, "/etc/init", "/etc/rc", [MANUAL, "/etc/init"]),
    (MANUAL, "*126*\n", "*128*\n", [MANUAL, "126"]),
    (MANUAL, "cginit --root report", "cginit --folder report", [MANUAL, "--folder"]),
    (MANUAL, "limits.md", "borders.md", [MANUAL, "borders.md"]),
    (README, "`--inner=auto\\|never`", "`--inner=auto`", [README, "--inner", "never"]),
    (README, "`--ttys=auto\\|keep`", "", [README, "--ttys", "missing"]),
    (README, "| `CGINIT_SYS` |", "| |", [README, "--sys", "CGINIT_SYS"]),
    (README, "`cginit --dry-run`", "`cginit --rehearse`", [README, "--rehearse"]),
    (README, "126 (", "(", [README, "126"]),
    (SETTINGS, '"exit or continue"', '"exit"', [SETTINGS, "--on-failure", "continue"]),
    (SETTINGS, '"auto|never|LIST"', '"auto|LIST"', [SETTINGS, "--tmpfs", "never"]),
    (SETTINGS, "finit, dinit", "dinit", [SETTINGS, "--init-traits", "finit"]),
    (HELP, "  --sys=", "  --sysfs=", [MANUAL, "--sysfs", "missing"]),
    (HELP, "  --sys=", "  --sysfs=", [HELP, "--sys", "missing"]),
    (HELP, "Messages:", "Noise:", [MANUAL, "headings"]),
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
