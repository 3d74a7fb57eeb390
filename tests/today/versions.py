"""Which engines these are, which no test depends on: they move."""

import re

from harness.shell import run


def _version(program):
    said = run(program, "--version").stdout
    return f"{program} {re.search(r'[0-9]+([.][0-9]+)+', said).group()}"


VERSIONS = ", ".join(map(_version, ("docker", "podman", "containerd", "runc", "crun")))
