"""`docker update` and `podman update`: what comes of each limit that the engine changes while the container runs."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from .boot import unchanged_machine
from .images import ROOT
from .mounts import cgroup_mounts, membership_of, parse_cgroup
from .shell import wait_for
from .tables import Tables

_MIB = 1 << 20


def device():
    """A disk of the machine."""
    return next((f"/dev/{path.name}" for path in sorted(Path("/sys/block").iterdir()) if (path / "device").exists()), "no disk")


@dataclass(frozen=True)
class Change:
    row: str         # in the table of docs/limits.md
    option: str
    value: str       # as the engine wants it
    v1: tuple        # file, what it has then, or a word of it
    v2: tuple


# In this order, on a container that was started with START: a set of CPUs can shrink only once it has grown.
START = ("--memory", "700m", "--memory-swap", "2g", "--pids-limit", "1000", "--cpus", "0.8", "--cpuset-cpus", "0")
CHANGES = (
    Change("memory, lowered", "--memory", "500m",
           ("memory.limit_in_bytes", str(500 * _MIB)), ("memory.max", str(500 * _MIB))),
    Change("memory, raised", "--memory", "900m",
           ("memory.limit_in_bytes", str(900 * _MIB)), ("memory.max", str(900 * _MIB))),
    Change("pids, lowered", "--pids-limit", "800", ("pids.max", "800"), ("pids.max", "800")),
    Change("pids, raised", "--pids-limit", "1200", ("pids.max", "1200"), ("pids.max", "1200")),
    Change("CPU time, lowered", "--cpus", "0.5", ("cpu.cfs_quota_us", "50000"), ("cpu.max", "50000 100000")),
    Change("CPU time, raised", "--cpus", "0.9", ("cpu.cfs_quota_us", "90000"), ("cpu.max", "90000 100000")),
    Change("set of CPUs, grown", "--cpuset-cpus", "0-1", ("cpuset.cpus", "0-1"), ("cpuset.cpus", "0-1")),
    Change("set of CPUs, shrunk", "--cpuset-cpus", "1", ("cpuset.cpus", "1"), ("cpuset.cpus", "1")),
)
MEMORY = CHANGES[:2]
# What only `podman update` with crun can change; Docker has no option for it, runc forgets it.
THROTTLES = tuple(
    Change(f"reads from a device, {how}", "--device-read-bps", f"{device()}:{mib}mb",
           ("blkio.throttle.read_bps_device", str(mib * _MIB)), ("io.max", f"rbps={mib * _MIB}"))
    for how, mib in (("raised", 8), ("lowered", 2)))
_NO_LIMIT = ("", "-1", "max")


def files_of(container, view, name):
    """The limit in the engine's cgroup, and in the one that is the root of what the init sees: an inner level, or the
    same."""
    paths = container.cgroups()
    for mount in cgroup_mounts(view.mountinfo()):
        membership = membership_of(mount, parse_cgroup(container.proc("cgroup")))
        path, parts = paths[membership.controllers], membership.path.split("/")
        engine = Path(f"/proc/{view.pid}/root{mount.point}{path}/{name}")
        if path is not None and engine.exists():
            inner = "/".join(parts[:parts.index("cginit") + 1]) if "cginit" in parts else path
            return engine, Path(f"/proc/{view.pid}/root{mount.point}{inner}/{name}")
    raise AssertionError(f"the container has no {name}")


@contextlib.contextmanager
def limited(session, engine, cgroupns, options=START):
    """A container with limits, in which nobody touches them."""
    engine.image("busybox")
    with unchanged_machine(session) as compare:
        with engine.start("busybox", "/bin/sleep", "3600", options=[f"--cgroupns={cgroupns}", *options]) as container:
            wait_for("the init to run", lambda: container.proc("comm") == "sleep\n")
            yield container
            compare(running=[container.id])


def outcome(container, view, change, files, refusal="device or resource busy"):
    """Makes the change and tells, in the words of docs/limits.md, what came of it. REFUSAL is what the kernel says where it does
    not permit it."""
    name, value = files
    engine, inner = files_of(container, view, name)
    old, copy = engine.read_text().strip(), inner.read_text().strip()
    result = container.engine.cli("update", change.option, change.value, container.name, check=False)
    new, seen = engine.read_text().strip(), inner.read_text().strip()
    if result.returncode != 0:
        assert new == old, f"{change.row}: refused, but {name} went from {old} to {new}"
        assert refusal in result.stderr, result.stderr
        return "refused by the kernel"
    assert new == value or value in new.split(), f"{change.row}: {name} is {new}: {result.stderr}"
    if seen == new or seen in _NO_LIMIT:
        return "at once"
    assert seen == copy, f"{change.row}: {name} inside went from {copy} to {seen}"
    stricter = change.row.endswith(("lowered", "shrunk"))
    return "at once; programs read the old value" if stricter else "when the container starts again"


def hold(session, container, changes, column):
    """Makes the changes and holds what comes of them against docs/limits.md."""
    table = Tables(ROOT / "docs" / "limits.md")
    for change in changes:
        files = change.v2 if column == "v2" else change.v1
        table.hold("What a running container is given", change.row, column,
                   outcome(container, session.view, change, files))
