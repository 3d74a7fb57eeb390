"""An interactive bash in a terminal of its own, to press keys in: what is tested is what readline does, quoting included."""

import os
import pty
import select
import time
import tty

# A tab completes as far as it is clear; ALL puts every completion into the line.
TAB, ALL = "\t", "\x0f"
# Where the stand-in for the command writes its arguments.
ANSWER_FD = 9
SECONDS = 20
START = """
PS1= PS2= PROMPT_COMMAND=
unset HISTFILE
bind '"\\C-o": insert-completions' 'set bell-style none' 'set enable-bracketed-paste off'
cginit() { (IFS=$'\\x1f'; printf '%s\\n' "$*" >&9); }
"""


class CompletingBash:
    def __init__(self, folder, start, environment):
        rc_file = folder / "bashrc"
        rc_file.write_text(f"{START}{start}\ncginit ready\n", encoding="utf-8")
        self.answers, write_end = os.pipe()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            tty.setraw(0)
            os.dup2(write_end, ANSWER_FD)
            os.chdir(folder)
            os.execvpe("bash", ["bash", "--noprofile", "--rcfile", rc_file, "-i"],
                       {**environment, "TERM": "dumb", "INPUTRC": "/dev/null", "LC_ALL": "C.UTF-8"})
        os.close(write_end)
        self.shown = b""
        # From now on the terminal is raw, so that what is typed ahead is kept for readline as it is.
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
