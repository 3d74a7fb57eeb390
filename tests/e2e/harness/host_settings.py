"""Root in a container that looks for the host's settings: programs/host-settings.c."""

from .images import HERE
from .shell import run

PROGRAM = "/e2e/host-settings"


def compile_program(directory):
    """DIRECTORY/host-settings. Not one of the programs that are in every image: it is for hosts with a security module."""
    run("gcc", "-O2", "-Wall", "-Wextra", "-static", "-o", directory / "host-settings", HERE / "programs/host-settings.c")


def found(said):
    """{way: what could be opened by it}, of what the program said."""
    lines = (line.partition(":") for line in said.splitlines() if ":" in line and not line.startswith("cginit:"))
    return {way: set(names.split()) for way, _, names in lines}
