#!/usr/bin/env python3
"""The completions offer what the rows of src/cli/options.toml have, in real shells.

    check_completion.py alone SOURCE_DIR     bash, where the file is sourced, without bash-completion
    check_completion.py loaded SOURCE_DIR    bash, where bash-completion finds it, by the command's name
    check_completion.py zsh SOURCE_DIR
    check_completion.py fish SOURCE_DIR

Exit status: 0 they do, 1 they do not, 77 there is no such shell or no bash-completion (1 with CGINIT_MUST_RUN=1).
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from completing_shell import ALL, TAB, CompletingBash, CompletingFish, CompletingZsh
from option_rows import rows_module

BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
FILES = {"alone": "cginit.bash", "loaded": "cginit.bash", "zsh": "_cginit", "fish": "cginit.fish"}
# Paths that begin with fo, by what an option takes.
PATHS = {"directories": ["folder"], "files": ["folded", "folder"]}

# What is typed after `cginit `, and what is offered in the place of the last word.
OFFERS = [
    ("--ver", ["--verbose", "--version"]),
    ("--layout=h", ["host", "hybrid"]),
    ("--layout h", ["host", "hybrid"]),
    ("--layout=nonsense", []),
    ("--nonsense=", []),
    ("--dry-run=", []),
    ("--writable=memory,c", ["memory,cpu", "memory,cpuacct", "memory,cpuset"]),
    ("--writable memory,pids,m", ["memory,pids,misc"]),
    ("--writable=memory,memo", []),
    ("--writable=tracking,", []),
    ("--delegate=cpu,pi", ["cpu,pids"]),
    ("--tmpfs=/run,", ["/run,/run/lock", "/run,/tmp", "/run,/var/log/journal"]),
    ("--tmpfs /tmp,/run/", ["/tmp,/run/lock"]),
    ("--drop-cap SYS_AD", ["SYS_ADMIN"]),
    ("--init-traits=sys", ["systemd", "sysvinit"]),
    ("--capture=rep", ["report.tar"]),
    ("--capture=with", ["with a blank"]),
    ("-v --layout=host --inn", ["--inner"]),
    # INIT and its arguments.
    ("folder/in", ["folder/init"]),
    ("-- folder/in", ["folder/init"]),
    ("an-init-in-p", ["an-init-in-path"]),
    ("rep", ["report.tar"]),
    ("-- --lay", []),
    ("folder/init --lay", []),
    ("folder/init rep", ["report.tar"]),
    ("folder/init an-init-in-p", []),
    ("-- folder/init --lay", []),
    ("-- folder/init rep", ["report.tar"]),
    ("--explain rep", ["report.tar"]),
    ("--explain folder/init rep", ["report.tar"]),
    ("-v --layout host --root=/x:y folder/in", ["folder/init"]),
]

# What is typed, and the arguments that come of it, where keys can be pressed. X tells what stands behind the cursor then: a
# blank or not.
LINES = [
    (f"--dry{TAB}X", ["--dry-run", "X"]),
    (f"--lay{TAB}unified", ["--layout=unified"]),
    (f"--layout=leg{TAB}X", ["--layout=legacy", "X"]),
    (f"--layout leg{TAB}X", ["--layout", "legacy", "X"]),
    (f"--explain=j{TAB}X", ["--explain=json", "X"]),
    (f"--writable=memo{TAB},pid{TAB},pids", ["--writable=memory,pids,pids"]),
    (f"--drop-cap=MKN{TAB}X", ["--drop-cap=MKNOD", "X"]),
    (f"--drop-cap=MKNOD --drop-c{TAB}CHOW{TAB}X", ["--drop-cap=MKNOD", "--drop-cap=CHOWN", "X"]),
    (f"--init-traits=systemd{TAB}:252 --inn{TAB}never", ["--init-traits=systemd:252", "--inner=never"]),
    (f"--init-traits=runi{TAB}X", ["--init-traits=runit", "X"]),
    (f"--keep-mount=fo{TAB}X", ["--keep-mount=folder/X"]),
    (f"--keep-mount fo{TAB}X", ["--keep-mount", "folder/X"]),
    (f"--capture=rep{TAB}X", ["--capture=report.tar", "X"]),
    (f"--capture=with{TAB}X", ["--capture=with a blank", "X"]),
    (f"--capture=a@b:c=d --inn{TAB}never", ["--capture=a@b:c=d", "--inner=never"]),
    (f"--capture=\"a b\":c --inn{TAB}never", ["--capture=a b:c", "--inner=never"]),
    (f"folder/in{TAB}X", ["folder/init", "X"]),
    (f"an-init-in-p{TAB}X", ["an-init-in-path", "X"]),
    (f"-- folder/in{TAB}X", ["--", "folder/init", "X"]),
    (f"folder/init --lay{TAB}X", ["folder/init", "--layX"]),
    (f"folder/init rep{TAB}X", ["folder/init", "report.tar", "X"]),
]
BASH_LINES = [
    (f"--explain{ALL}", ["--explain", "--explain="]),
]
ZSH_LINES = [
    # The blank or the comma goes where another character follows.
    (f"--explain{TAB} X", ["--explain", "X"]),
    (f"--writable=memo{TAB}pid{TAB} X", ["--writable=memory,pids", "X"]),
    # Options that exclude each other, and those that can be repeated.
    (f"--dry-run --exp{TAB}X", ["--dry-run", "--expX"]),
    (f"--verbose --qui{TAB}X", ["--verbose", "--quiX"]),
]
# Inits that have a completion of their own, in shells that have a way to ask for it.
OWN = {
    "zsh": ["an-init-in-path dee", "-- an-init-in-path dee", "-v --layout host an-init-in-path dee"],
    "fish": ["an-init-in-path dee", "-- an-init-in-path dee", "-v --layout host an-init-in-path dee", "'an init' dee"],
}
OWN_ZSH = "compdef 'compadd deep-word' an-init-in-path"
OWN_FISH = "complete -c '{0}' -f -a deep-word\n"


def make_folder(folder):
    """Files to be found, some by their kind only."""
    (folder / "folder").mkdir()
    (folder / "bin").mkdir()
    # fish completes a command only that is there.
    for program in ("folder/init", "bin/an-init-in-path", "bin/an init", "bin/cginit"):
        (folder / program).write_text("#!/bin/sh\n")
        (folder / program).chmod(0o755)
    for name in ("report.tar", "folded", "with a blank"):
        (folder / name).touch()


def installed(folder, source, name, place):
    target = folder / place
    target.parent.mkdir(parents=True)
    target.write_bytes((source / "completions" / name).read_bytes())
    return target


def start_shell(mode, folder, source, after=""):
    """The shell, with the completion where an installation puts it (alone: sourced)."""
    environment = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder)}
    share = {"XDG_DATA_DIRS": f"{folder}/share:/usr/local/share:/usr/share"}
    name = FILES[mode]
    if mode == "alone":
        return CompletingBash(folder, f". '{source / 'completions' / name}'\n{after}", environment)
    if mode == "loaded":
        return CompletingBash(folder, f". {BASH_COMPLETION}\n{after}", {**environment, **share})
    if mode == "zsh":
        start = f"fpath=('{folder}/share/zsh/site-functions' $fpath)\nautoload -Uz compinit\ncompinit -u -D\n{after}"
        return CompletingZsh(folder, start, environment)
    return CompletingFish(folder, {**environment, **share})


def install(mode, folder, source):
    places = {"loaded": "bash-completion/completions/cginit", "zsh": "zsh/site-functions/_cginit",
              "fish": "fish/vendor_completions.d/cginit.fish"}
    if mode in places:
        target = installed(folder, source, FILES[mode], f"share/{places[mode]}")
        if mode == "fish":
            for name in ("an-init-in-path", "an init"):
                (target.parent / f"{name}.fish").write_text(OWN_FISH.format(name))


def compared(line, found, wanted):
    if found != wanted:
        yield f"`cginit {line!r}`: {found}, not {wanted}"


def line_problems(shell, lines):
    for line, wanted in lines:
        yield from compared(line, shell.type(line), wanted)


def offer_problems(shell, lines):
    for line, wanted in lines:
        # bash and fish say whether a value is to come.
        yield from compared(line, [word.removesuffix("=") for word in shell.offered(line)], wanted)


def option_problems(shell, rows):
    wanted = {name for option in rows.options for name in option.names}
    offered = {name.removesuffix("=") for name in shell.offered("-")}
    yield from (f"{name} is not offered" for name in sorted(wanted - offered))
    yield from (f"{name} is not an option" for name in sorted(offered - wanted))


def value_problems(shell, rows):
    for option in rows.options:
        starts = [f"{option.name}=", f"{option.name} "] if option.values else []
        for start in starts[:1] if option.optional_value else starts:
            if option.offers in PATHS:
                yield from compared(f"{start}fo", shell.offered(f"{start}fo"), PATHS[option.offers])
            else:
                yield from compared(start, shell.offered(start), list(rows.offered(option)))
        if option.optional_value:
            both = set(shell.offered(f"{option.name} ")) & set(rows.offered(option))
            yield from compared(f"{option.name} ", sorted(both), [])
        # Whether the next word is its value, or could be the init.
        word = " x" if option.values and not option.optional_value else ""
        if not option.parser:
            line = f"{option.name}{word} --vers"
            yield from compared(line, shell.offered(line), ["--version"])


def init_problems(shell, rows):
    """Without a word there are the places where cginit looks, if a program is there."""
    wanted = [place for place in rows.words["init_places"] if os.access(place, os.X_OK)]
    for line in ("", "-- ") if wanted else ():
        yield from compared(line, shell.offered(line), wanted)


def whole_word_problems(bash):
    """Who takes = out of the characters that end a word has readline replace the whole one."""
    return line_problems(bash, [(f"--layout=leg{TAB}X", ["--layout=legacy", "X"]),
                                (f"--tmpfs=/run,/t{TAB}X", ["--tmpfs=/run,/tmpX"])])


def shell_problems(mode, shell, rows):
    yield from offer_problems(shell, OFFERS)
    yield from option_problems(shell, rows)
    yield from value_problems(shell, rows)
    yield from init_problems(shell, rows)
    if mode != "fish":
        yield from line_problems(shell, LINES)
        yield from line_problems(shell, ZSH_LINES if mode == "zsh" else BASH_LINES)
    yield from offer_problems(shell, [(line, ["deep-word"]) for line in OWN.get(mode, ())])


def problems_of(mode, source, folder):
    rows = rows_module(source).read_rows(source)
    make_folder(folder)
    install(mode, folder, source)
    with start_shell(mode, folder, source, OWN_ZSH if mode == "zsh" else "") as shell:
        yield from shell_problems(mode, shell, rows)
    if mode in ("alone", "loaded"):
        with start_shell(mode, folder, source, "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}\n") as bash:
            yield from whole_word_problems(bash)


def missing(mode):
    if mode == "loaded" and not BASH_COMPLETION.is_file():
        return str(BASH_COMPLETION)
    return mode if mode in ("zsh", "fish") and shutil.which(mode) is None else None


def main(mode, source):
    if missing(mode):
        print(f"missing: {missing(mode)}")
        return 1 if os.environ.get("CGINIT_MUST_RUN") == "1" else 77
    with tempfile.TemporaryDirectory() as folder:
        problems = list(problems_of(mode, Path(source).resolve(), Path(folder)))
    for problem in problems:
        print(f"completions/{FILES[mode]}: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
