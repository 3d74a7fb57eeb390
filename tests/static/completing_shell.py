"""A bash or zsh in a terminal of its own, to press keys in, and a fish to ask: what is tested is what the shells do, quoting
included. A cginit that is called there says its arguments."""

import os
import pty
import select
import shlex
import subprocess
import time
import tty

# A tab completes as far as it is clear; ALL puts every completion into the line.
TAB, ALL = "\t", "\x0f"
# Where the stand-in for the command writes its arguments.
ANSWER_FD = 9
SECONDS = 20
BASH_START = """
PS1= PS2= PROMPT_COMMAND=
unset HISTFILE
bind '"\\C-o": insert-completions' 'set bell-style none' 'set enable-bracketed-paste off'
cginit() { (IFS=$'\\x1f'; printf '%s\\n' "$*" >&9); }
"""
ZSH_START = """
PS1= PS2=
unsetopt beep
bindkey -e
zle -C all-matches complete-word _generic
bindkey '^O' all-matches
zstyle ':completion:all-matches:*' insert true
zstyle ':completion:all-matches::::' completer _all_matches _complete
cginit() { print -r -- "${(pj:\\x1f:)@}" >&9 }
"""
FISH_LOOP = """
while read -l line
    complete -C "$line"
    echo
end
"""


def offers_of(line, words):
    """Of the words of a line with every completion: those in the place of its last word, without `--option=` before them."""
    last = line.rsplit(" ", 1)[-1]
    given = shlex.split(line.removesuffix(last))
    option = last[:last.find("=") + 1] if last.startswith("--") else ""
    # What nothing completes stays as it is. A directory ends in a slash or not.
    return [word.removeprefix(option).removesuffix("/") for word in words[len(given):] if word not in ("", last)]


class TypingShell:
    def __init__(self, command, folder, environment):
        self.answers, write_end = os.pipe()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            tty.setraw(0)
            os.dup2(write_end, ANSWER_FD)
            os.chdir(folder)
            os.execvpe(command[0], command, {**environment, "TERM": "dumb", "INPUTRC": "/dev/null", "LC_ALL": "C.UTF-8"})
        os.close(write_end)
        self.shown = b""
        # From now on the terminal is raw, so that what is typed ahead is kept for the line editor as it is.
        self.answer_to("start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.terminal)
        os.close(self.answers)
        os.waitpid(self.pid, 0)

    def type(self, line):
        """The arguments that `cginit LINE` is called with."""
        os.write(self.terminal, f"cginit {line}\n".encode())
        return self.answer_to(line)

    def offered(self, line):
        """What completes the last word of `cginit LINE`, in order."""
        return offers_of(line, self.type(f"{line}{ALL}"))

    def answer_to(self, line):
        answer, end = b"", time.monotonic() + SECONDS
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([self.answers, self.terminal], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no answer to {line!r}; the terminal shows {self.shown[-2000:]!r}")
            if self.answers in ready:
                answer += os.read(self.answers, 65536)
            if self.terminal in ready:
                self.shown += os.read(self.terminal, 65536)
        text = answer.decode().removesuffix("\n")
        return text.split("\x1f") if text else []


class CompletingBash(TypingShell):
    def __init__(self, folder, start, environment):
        rc_file = folder / "bashrc"
        rc_file.write_text(f"{BASH_START}{start}\ncginit ready\n", encoding="utf-8")
        super().__init__(["bash", "--noprofile", "--rcfile", rc_file, "-i"], folder, environment)


class CompletingZsh(TypingShell):
    def __init__(self, folder, start, environment):
        (folder / ".zshrc").write_text(f"{ZSH_START}{start}\ncginit ready\n", encoding="utf-8")
        # -d: nothing of /etc but zshenv.
        super().__init__(["zsh", "-d", "-i"], folder, {**environment, "ZDOTDIR": str(folder)})


class CompletingFish:
    """It completes what it is given as text, in the same way as what is typed."""

    def __init__(self, folder, environment):
        self.process = subprocess.Popen(["fish", "-c", FISH_LOOP], cwd=folder, encoding="utf-8", stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env={**environment, "LC_ALL": "C.UTF-8"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()

    def offered(self, line):
        self.process.stdin.write(f"cginit {line}\n")
        self.process.stdin.flush()
        words = []
        while (answer := self.process.stdout.readline()) != "\n":
            if not answer:
                raise EOFError(f"fish ended at {line!r}")
            words.append(answer.rstrip("\n").split("\t")[0])
        return offers_of(line.split(" ")[-1], words)
