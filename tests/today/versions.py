"""Which engines these are, which no test depends on: they move."""

import re

from harness.shell import run

# By the name of the program: how it says its version.
_SAYS = {"docker": "--version", "podman": "--version", "containerd": "--version", "runc": "--version", "crun": "--version"}


def _version(program):
    said = run(program, _SAYS[program]).stdout
    return f"{program} {re.search(r'[0-9]+([.][0-9]+)+', said).group()}"


VERSIONS = {program: _version(program) for program in _SAYS}
