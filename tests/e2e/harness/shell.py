"""Running commands: always with a time limit, always with what they said in the error."""

import os
import subprocess
import time

# How many times longer than on a machine of one's own everything may take: in a guest that is translated, say. Every time
# limit is stretched by it, here and nowhere else but where a command gets a limit as an argument.
PATIENCE = float(os.environ.get("CGINIT_PATIENCE", "1"))


class CommandFailed(AssertionError):
    """A command that had to succeed did not; the message holds its output."""


def describe(result):
    shown = " ".join(str(part) for part in result.args)
    text = f"$ {shown}\nexit status {result.returncode}"
    for name in ("stdout", "stderr"):
        output = getattr(result, name)
        if output:
            text += f"\n{name}:\n{output.rstrip()}"
    return text


def run(*args, timeout=60, check=True, **options):
    """subprocess.run with text output captured. A time-out is a failed assertion that names the command."""
    args = [str(arg) for arg in args]
    timeout *= PATIENCE
    try:
        result = subprocess.run(
            args, timeout=timeout, capture_output=True, text=True, errors="replace",
            stdin=options.pop("stdin", subprocess.DEVNULL), **options)
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"") + (error.stderr or b"")
        raise CommandFailed(f"$ {' '.join(args)}\nno answer within {timeout:.0f} s\n{output!r}") from None
    if check and result.returncode != 0:
        raise CommandFailed(describe(result))
    return result


def wait_for(what, probe, timeout=30.0, interval=0.1):
    """Polls until probe() is true and returns that value."""
    timeout *= PATIENCE
    end = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise CommandFailed(f"waited {timeout:.0f} s for {what}, in vain")
        time.sleep(interval)
