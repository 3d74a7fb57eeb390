"""What an engine leaves of a container in the host's cgroup trees, and the program that removes it."""

import contextlib
import os
import subprocess
from pathlib import Path

from .images import HERE, ROOT
from .mounts import cgroup_mounts
from .shell import PATIENCE, run, wait_for

REMOVE = ROOT / "examples" / "remove-cgroups.py"
PROGRAM = "/e2e/deep"
DROPPED = ("--drop-cap=SYS_ADMIN", "--delegate=none")


def compile_program(directory):
    run("gcc", "-O2", "-Wall", "-static", "-o", directory / "deep", HERE / "programs" / "deep.c")


def program(session):
    """For the engine: what makes deep cgroups, where the tests expect it. On a guest every program is there."""
    if hasattr(session, "programs"):
        return []
    path = session.directory / "deep"
    if not path.exists():
        compile_program(session.directory)
    return ["--volume", f"{path}:{PROGRAM}:ro"]


def start(session, engine, script, *more, options=()):
    """A container without CAP_SYS_ADMIN whose init is a script, and the program. It may make as deep cgroups as the kernel
    lets it."""
    mode = ["--systemd=false"] if engine.kind == "podman" else []
    return engine.start("busybox", *DROPPED, *more, "--", "/bin/sh", "-c", f"{script}; sleep 10000", tty=False,
                        options=["--cgroupns=private", "--env=CGINIT_MAX_DEPTH=max", *mode, *program(session), *options])


def says(container, text):
    wait_for(f"the container to say {text}", lambda: text in container.logs().splitlines() or not container.running,
             timeout=60)
    assert text in container.logs().splitlines(), container.logs()


def remove(*arguments, check=True, before=()):
    return run(*before, REMOVE, *arguments, f"--timeout={30 * PATIENCE}", check=check, timeout=120)


@contextlib.contextmanager
def removed_at_last(request):
    """Whatever a test's containers left is removed after it, so that those that follow find the machine as it was."""
    session = request.getfixturevalue("session") if "session" in request.fixturenames else None
    before = set(session.containers) if session is not None else set()
    yield
    for container_id in (session.containers - before if session is not None else ()):
        if cgroups_of(container_id, 4):
            remove(container_id, "--kill")


def _below(directory, path, levels):
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            found = f"{path}/{entry.name}"
            yield found
            if levels > 1:
                with contextlib.suppress(FileNotFoundError):
                    below = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
                    try:
                        yield from _below(below, found, levels - 1)
                    finally:
                        os.close(below)


def cgroups_of(container_id, levels=8):
    """The cgroups of the machine that carry the id, and those below them: however long their paths are, but not deeper."""
    found = []
    for mount in cgroup_mounts(Path("/proc/self/mountinfo").read_text()):
        if mount.root == "/":
            directory = os.open(mount.point, os.O_RDONLY | os.O_DIRECTORY)
            try:
                found += [path for path in _below(directory, mount.point, levels) if container_id in path]
            finally:
                os.close(directory)
    return sorted(found)


def fixed(path, text):
    """Whether a control file says so; of a cgroup that is gone it says nothing."""
    try:
        return text in Path(path).read_text().split()
    except FileNotFoundError:
        return False


def is_alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def called(pids, name):
    """The one of these processes that has this name."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                found.append(pid)
    pid, = found
    return pid


def check_in_use(container_id, name, *more):
    """Without --kill it says why it does nothing."""
    before = cgroups_of(container_id)
    result = remove(container_id, *more, check=False)
    assert result.returncode == 1 and "is in use" in result.stderr and name in result.stderr, result.stdout + result.stderr
    assert result.stdout == "" and len(result.stderr.splitlines()) == 1, result.stderr
    assert cgroups_of(container_id) == before


def check_dry_run(container_id, name, *pids):
    """It says what it would do, and does not."""
    before = cgroups_of(container_id)
    said = remove(container_id, "--kill", "--dry-run").stdout
    assert f"({name})" in said and "would remove " in said, said
    assert cgroups_of(container_id) == before and all(is_alive(pid) for pid in pids)
    return said


@contextlib.contextmanager
def sleeper(cgroup):
    """A process in this cgroup."""
    with subprocess.Popen(["sleep", "10000"]) as process:
        try:
            wait_for("the program", lambda: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n")
            (cgroup / "cgroup.procs").write_text(str(process.pid))
            yield process
        finally:
            process.kill()
