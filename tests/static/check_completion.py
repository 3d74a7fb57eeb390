#!/usr/bin/env python3
"""completions/cginit.bash offers what cginit takes, in a real bash.

    check_completion.py alone BINARY SOURCE_DIR     sourced, without bash-completion
    check_completion.py loaded BINARY SOURCE_DIR    found by bash-completion, by the command's name

Exit status: 0 it does, 1 it does not, 77 there is no bash-completion (1 with CGINIT_MUST_RUN=1).
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from completing_bash import ALL, TAB, CompletingBash
from option_rows import help_rows, setting_rows

FILE = "completions/cginit.bash"
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
CAPABILITIES = Path("/usr/include/linux/capability.h")

# What is typed after `cginit `, and the arguments that come of it. X tells what stands behind the cursor then: a blank or not.
LINES = [
    (f"--lay{TAB}unified", ["--layout=unified"]),
    (f"--dry{TAB}X", ["--dry-run", "X"]),
    (f"--ver{ALL}", ["--verbose", "--version"]),
    (f"--explain{ALL}", ["--explain", "--explain="]),
    (f"--layout={ALL}", ["--layout=auto", "host", "unified", "hybrid", "legacy"]),
    (f"--layout {ALL}", ["--layout", "auto", "host", "unified", "hybrid", "legacy"]),
    (f"--layout=h{ALL}", ["--layout=host", "hybrid"]),
    (f"--layout=leg{TAB}X", ["--layout=legacy", "X"]),
    (f"--layout leg{TAB}X", ["--layout", "legacy", "X"]),
    (f"--layout=nonsense{ALL}", ["--layout=nonsense"]),
    (f"--nonsense={ALL}", ["--nonsense="]),
    (f"--dry-run={ALL}", ["--dry-run="]),
    (f"--explain=j{TAB}X", ["--explain=json", "X"]),
    (f"--writable=memo{TAB},pid{TAB},pids", ["--writable=memory,pids,pids"]),
    (f"--writable=memory,mem{ALL}", ["--writable=memory,mem"]),
    (f"--writable=tracking,{ALL}", ["--writable=tracking,"]),
    (f"--tmpfs=/run,{ALL}", ["--tmpfs=/run,/run/lock", "/run,/tmp"]),
    (f"--drop-cap SYS_AD{TAB}X", ["--drop-cap", "SYS_ADMIN", "X"]),
    (f"--drop-cap=MKN{TAB}X", ["--drop-cap=MKNOD", "X"]),
    (f"--init-traits=sys{ALL}", ["--init-traits=systemd", "sysvinit"]),
    (f"--init-traits=systemd{TAB}:252 --dry{TAB}X", ["--init-traits=systemd:252", "--dry-run", "X"]),
    (f"--root=fo{ALL}", ["--root=folder"]),
    (f"--root fo{TAB}X", ["--root", "folder/X"]),
    (f"--keep-mount=fo{TAB}X", ["--keep-mount=folder/X"]),
    (f"--capture=rep{TAB}X", ["--capture=report.tar", "X"]),
    (f"--capture rep{TAB}X", ["--capture", "report.tar", "X"]),
    (f"--capture=with{TAB}X", ["--capture=with a blank", "X"]),
    (f"--capture=a@b:c=d --dry{TAB}X", ["--capture=a@b:c=d", "--dry-run", "X"]),
    (f"--capture=\"a b\":c --dry{TAB}X", ["--capture=a b:c", "--dry-run", "X"]),
    # INIT and its arguments.
    (f"-- /sb{TAB}", ["--", "/sbin"]),
    (f"-- folder/in{TAB}X", ["--", "folder/init", "X"]),
    (f"folder/in{TAB}X", ["folder/init", "X"]),
    (f"folder/init --lay{TAB}X", ["folder/init", "--layX"]),
    (f"folder/init rep{TAB}X", ["folder/init", "report.tar", "X"]),
    (f"-- folder/init --lay{TAB}X", ["--", "folder/init", "--layX"]),
    (f"-- --lay{TAB}X", ["--", "--layX"]),
    (f"-v --layout host --root=/x:y folder/in{TAB}X", ["-v", "--layout", "host", "--root=/x:y", "folder/init", "X"]),
    (f"-v --layout=host --la{TAB}unified", ["-v", "--layout=host", "--layout=unified"]),
    (f"--explain folder/in{TAB}X", ["--explain", "folder/init", "X"]),
    (f"--explain folder/init rep{TAB}X", ["--explain", "folder/init", "report.tar", "X"]),
    (f"an-init-in-p{TAB}X", ["an-init-in-path", "X"]),
    (f"rep{TAB}X", ["report.tar", "X"]),
]


def make_folder(folder):
    """Files to be found, some by their kind only."""
    (folder / "folder").mkdir()
    (folder / "bin").mkdir()
    for program in ("folder/init", "bin/an-init-in-path"):
        (folder / program).write_text("#!/bin/sh\n")
        (folder / program).chmod(0o755)
    for name in ("report.tar", "folded", "with a blank"):
        (folder / name).touch()


def start_of(mode, folder, source):
    """Lines of bash that make the completion known, and the environment that they need."""
    environment = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder)}
    if mode == "alone":
        return f". '{source / FILE}'\n", environment
    target = folder / "share/bash-completion/completions/cginit"
    target.parent.mkdir(parents=True)
    target.write_bytes((source / FILE).read_bytes())
    return f". {BASH_COMPLETION}\n", {**environment, "XDG_DATA_DIRS": f"{folder}/share"}


def line_problems(bash):
    for line, wanted in LINES:
        found = bash.type(line)
        # /sbin is a link or a directory, where a slash follows.
        if [word.removesuffix("/") for word in found] != wanted:
            yield f"{FILE}: `cginit {line!r}`: {found}, not {wanted}"


def offered_values(bash, name):
    """What is offered as the value of an option, in order."""
    words = bash.type(f"{name}={ALL}")
    return [word for word in [words[0].removeprefix(f"{name}="), *words[1:]] if word]


def wanted_values(row, texts):
    """What --help says, its words in capitals written out: (values, whether their order counts)."""
    controllers = sorted({"io", *re.findall(r'\{"(\w+)", Guard::', texts["controllers"])})
    points = re.findall(r'"(/[^"]*)"', re.search(r"kTmpfsPoints\{([^}]*)\}", texts["points"])[1])
    kinds = re.findall(r'KindName\{InitKind::\w+,\s*"(\w+)"\}', texts["kinds"])
    words = {
        "LIST": points if row.name == "--tmpfs" else controllers,
        "CAP": sorted(re.findall(r"^#define CAP_(\w+)\s+\d+$", texts["capabilities"], re.M)),
        "KIND[:VERSION]": kinds,
    }
    values = []
    for value in (row.values or "").split("|"):
        values += words.get(value, [value] if value.islower() else [])
    return values


def is_path(row):
    return row.values in ("PATH", "DIR", "FILE")


def is_refused(binary, name, value):
    """True if the value is not what the option takes. The root folder is to keep cginit from running for real."""
    done = subprocess.run([binary, "--root=/nonexistent", f"{name}={value}"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        raise RuntimeError(f"{name}={value}: {done}")
    return f"{name}: '{value}' is not " in done.stderr


def option_problems(bash, rows, binary, texts):
    wanted = {name for row in rows for name in row.names if not row.values or row.optional}
    wanted |= {f"{row.name}=" for row in rows if row.values}
    offered = set(bash.type(f"-{ALL}"))
    yield from (f"{FILE}: {name} is not offered" for name in sorted(wanted - offered))
    yield from (f"{FILE}: {name} is not an option" for name in sorted(offered - wanted))
    for row in rows:
        if not row.values or is_path(row):
            continue
        values = offered_values(bash, row.name)
        if values != wanted_values(row, texts):
            yield f"{FILE}: {row.name}: offers {values}, cginit takes {wanted_values(row, texts)}"
        for value in values:
            if is_refused(binary, row.name, value):
                yield f"{FILE}: {row.name}: offers {value}, which cginit refuses"
        if not is_refused(binary, row.name, "No-Such-Value"):
            yield f"{FILE}: {row.name}: cginit refuses nothing, so that the above says nothing"


def init_problems(bash, texts):
    """Without a word there are the places where cginit looks, if a program is there."""
    places = re.findall(r'"(/[^"]+)"', re.search(r"kInitPlaces\[\] = \{(.*?)\}", texts["places"], re.S)[1])
    wanted = [place for place in places if os.access(place, os.X_OK)]
    for line in (ALL, f"-- {ALL}"):
        offered = [word for word in bash.type(line) if word != "--"]
        if wanted and sorted(offered) != sorted(wanted):
            yield f"{FILE}: {line!r}: offers {offered}, cginit looks for {wanted}"


def whole_word_problems(bash):
    """Who takes = out of the characters that end a word has readline replace the whole one."""
    for line, wanted in ((f"--layout=leg{TAB}X", ["--layout=legacy", "X"]), (f"--tmpfs=/run,/t{TAB}X", ["--tmpfs=/run,/tmpX"])):
        found = bash.type(line)
        if found != wanted:
            yield f"{FILE}: without = in COMP_WORDBREAKS: {line!r}: {found}, not {wanted}"


def read_texts(source):
    files = {
        "controllers": source / "src/decide/controller_policy.cpp",
        "points": source / "include/cginit/options.hpp",
        "kinds": source / "src/core/init_traits_text.cpp",
        "places": source / "src/handoff/init_lookup.cpp",
        "capabilities": CAPABILITIES,
    }
    return {name: file.read_text(encoding="utf-8") for name, file in files.items()}


def problems_of(mode, binary, source, folder):
    texts = read_texts(source)
    rows = help_rows(subprocess.run([binary, "--help"], check=True, capture_output=True, text=True).stdout)
    make_folder(folder)
    start, environment = start_of(mode, folder, source)
    with CompletingBash(folder, start, environment) as bash:
        yield from line_problems(bash)
        yield from option_problems(bash, rows, binary, texts)
        yield from init_problems(bash, texts)
    with CompletingBash(folder, start + "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}\n", environment) as bash:
        yield from whole_word_problems(bash)


def main(mode, binary, source):
    if mode == "loaded" and not BASH_COMPLETION.is_file():
        print(f"missing: {BASH_COMPLETION}")
        return 1 if os.environ.get("CGINIT_MUST_RUN") == "1" else 77
    with tempfile.TemporaryDirectory() as folder:
        problems = list(problems_of(mode, binary, Path(source).resolve(), Path(folder)))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
