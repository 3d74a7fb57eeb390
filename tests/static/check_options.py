#!/usr/bin/env python3
"""The rows of src/cli/options.toml say what the program does, and what is generated from them follows them.

    check_options.py BINARY SOURCE_DIR        --help shows the rows; what they offer for completion is what the code has, and taken
    check_options.py --self-test SOURCE_DIR   a row that was changed makes each output stale, a wrong row is an error

Exit status: 0 so it is, 1 it is not.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

sys.dont_write_bytecode = True
from option_rows import help_rows, rows_module, toml_rows

ROWS = "src/cli/options.toml"
CAPABILITIES = Path("/usr/include/linux/capability.h")


def help_problems(shown, rows):
    found, wanted = help_rows(shown), toml_rows(rows)
    for row in wanted:
        if row not in found:
            yield f"cginit --help does not show {row}"
    for row in found:
        if row not in wanted:
            yield f"cginit --help shows {row}, which is no row of {ROWS}"
    if [row.name for row in found] != [row.name for row in wanted]:
        yield f"cginit --help: the options are in another order than in {ROWS}"
    for option in rows.options:
        if "".join(f"      {line}\n" for line in option.help.splitlines()) not in shown:
            yield f"cginit --help does not say of {option.name} what {ROWS} says"


def code_lists(source):
    """What the code has, by the name of the list."""
    def found(pattern, file, flags=0):
        return re.findall(pattern, file.read_text(encoding="utf-8"), flags)

    places = found(r"kInitPlaces\[\] = \{(.*?)\}", source / "src/handoff/init_lookup.cpp", re.S)[0]
    return {
        "controllers": sorted({"io", *found(r'\{"(\w+)", Guard::', source / "src/decide/controller_policy.cpp")}),
        "capabilities": sorted(found(r"^#define CAP_(\w+)\s+\d+$", CAPABILITIES, re.M)),
        "init_kinds": found(r'KindName\{InitKind::\w+,\s*"(\w+)"\}', source / "src/core/init_traits_text.cpp"),
        "init_places": re.findall(r'"(/[^"]+)"', places),
    }


def list_problems(source, rows):
    wanted = code_lists(source)
    for name in sorted(rows.words.keys() | wanted.keys()):
        if list(rows.words.get(name, ())) != wanted.get(name):
            yield f"{ROWS}: {name}: {list(rows.words.get(name, ()))}, the code has {wanted.get(name)}"
    points = re.search(r"kTmpfsPoints\{([^}]*)\}", (source / "include/cginit/options.hpp").read_text(encoding="utf-8"))[1]
    kinds = f"{', '.join(wanted['init_kinds'][:-1])} and {wanted['init_kinds'][-1]}"
    for option in rows.options:
        if option.name == "--tmpfs" and list(option.offers) != re.findall(r'"(/[^"]*)"', points):
            yield f"{ROWS}: --tmpfs: offers: the code has {points}"
        if option.offers == "init_kinds":
            for field in ("expected", "manual"):
                if kinds not in " ".join(getattr(option, field).split()):
                    yield f"{ROWS}: {option.name}: {field}: the kinds are {kinds}"


def is_refused(binary, name, value):
    """True if the value is not what the option takes. The root folder is to keep cginit from running for real."""
    done = subprocess.run([binary, "--root=/nonexistent", f"{name}={value}"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        raise RuntimeError(f"{name}={value}: {done}")
    return f"{name}: '{value}' is not " in done.stderr


def value_problems(binary, rows):
    for option in rows.options:
        offered = rows.offered(option)
        for value in offered:
            if is_refused(binary, option.name, value):
                yield f"{ROWS}: {option.name}: offers {value}, which cginit refuses"
        if offered and not is_refused(binary, option.name, "No-Such-Value"):
            yield f"{ROWS}: {option.name}: cginit refuses nothing, so that the above says nothing"


def check(binary, source):
    rows = rows_module(source).read_rows(source)
    shown = subprocess.run([binary, "--help"], check=True, capture_output=True, text=True).stdout
    return [*help_problems(shown, rows), *list_problems(source, rows), *value_problems(binary, rows)]


# What is changed in the rows, and the outputs that are stale then.
EVERYWHERE = ["TABLE", "MANUAL", "PAGE", "BASH", "ZSH", "FISH"]
STALE = [
    ('name = "--layout"', 'name = "--arrangement"', EVERYWHERE),
    ('letter = "-v"', 'letter = "-V"', EVERYWHERE),
    ('["exit", "continue"]', '["continue", "exit"]', EVERYWHERE),
    ('optional_value = true\n', '', EVERYWHERE),
    ('variable = "CGINIT_SYS"', 'variable = "CGINIT_SYSFS"', ["TABLE", "MANUAL", "PAGE"]),
    ('"an absolute path"', '"a path from /"', ["TABLE"]),
    ('/sys read-only, or', '/sys for reading, or', ["TABLE"]),
    ('summary = "/sys read-only"', 'summary = "/sys for reading"', ["ZSH", "FISH"]),
    ('# Where an init is looked for.', '# Of inits.', []),
    ('Print the version', 'Print a version', ["MANUAL", "PAGE"]),
    ('heading = "Messages"', 'heading = "Noise"', ["TABLE", "MANUAL", "PAGE"]),
    ('"blkio", ', '', ["BASH", "ZSH", "FISH"]),
    ('offers = "directories"', 'offers = "files"', ["BASH", "ZSH", "FISH"]),
    ('action = true\n', '', ["TABLE", "PAGE", "ZSH"]),
]
# What is spoiled in the rows, and the words that the error has.
WRONG = [
    ('name = "--layout"', 'nmae = "--layout"', ["nmae"]),
    ('name = "--layout"', 'name = "--method"', ["--method", "twice"]),
    ('name = "--layout"', 'name = "layout"', ["layout", "no long option"]),
    ('*legacy*: v1', 'v1', ["--layout", "manual", "legacy"]),
    ('"a number of at least 16, or max"', '"a number"', ["--max-cgroups", "expected", "max"]),
    ('default = "none"\n', '', ["--keep-mount", "default"]),
    ('(default: none)', '', ["--keep-mount", "help", "(default: none)"]),
    ('["auto", "never"]', '"auto|never"', ["--inner", "values", "auto|never"]),
    ('offers = "controllers"\n', '', ["--writable", "offers", "LIST"]),
    ('offers = "directories"\n', '', ["--keep-mount", "offers"]),
    ('optional_value = true', 'repeatable = "yes"', ["--explain", "repeatable"]),
    ('heading = "The init"', 'haeding = "The init"', ["heading"]),
    ('offers = "controllers"', 'offers = "kontrollers"', ["--writable", "kontrollers"]),
    ('print the plan', 75 * 'x', ["--dry-run", "columns"]),
    ('"CGINIT_INNER"', '"INNER"', ["--inner", "variable", "CGINIT_"]),
    ('["auto", "never"]', '[1, 2]', ["--inner", "values"]),
    ('[[group]]', '[[group]', [ROWS, "line"]),
]


def generate(module, source, *arguments):
    """(exit status, what is printed, what is said of errors)"""
    with redirect_stdout(StringIO()) as printed, redirect_stderr(StringIO()) as errors:
        status = module.main([*arguments, str(source)])
    return status, printed.getvalue(), errors.getvalue()


def stale_problems(module, source, wanted):
    files = [getattr(module, name) for name in wanted]
    status, printed, _ = generate(module, source, "--check")
    stale = re.findall(r"^--- (.*)$", printed, re.M)
    if stale != files or status != (1 if wanted else 0):
        yield f"stale are {stale}, not {files}: exit status {status}"
    # What is written is what was stale, and then all is well.
    _, printed, _ = generate(module, source)
    if printed.split() != files or generate(module, source, "--check") != (0, "", ""):
        yield f"written are {printed.split()}, not {files}"


def wrong_problems(module, source, words):
    status, printed, errors = generate(module, source, "--check")
    if status != 2 or printed or len(errors.splitlines()) != 1 or not all(word in errors for word in [ROWS, *words]):
        yield f"should say {words}: exit status {status}: {printed}{errors}"


def edited(text, old, new):
    if old not in text:
        raise RuntimeError(f"{ROWS} has no {old!r} to change")
    return text.replace(old, new, 1)


def self_test(source):
    module = rows_module(source)
    for judge, cases in ((stale_problems, STALE), (wrong_problems, WRONG)):
        for old, new, wanted in cases:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                for path in (ROWS, *module.OUTPUTS):
                    (folder / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(source / path, folder / path)
                (folder / ROWS).write_text(edited((source / ROWS).read_text(encoding="utf-8"), old, new), encoding="utf-8")
                for problem in judge(module, folder, wanted):
                    yield f"{new!r} in the place of {old!r}: {problem}"


def main(arguments):
    source = Path(arguments[-1]).resolve()
    problems = list(self_test(source)) if arguments[0] == "--self-test" else check(arguments[0], source)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
