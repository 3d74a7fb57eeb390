"""What may be left of containers that are gone: cgroups that the kernel cannot free, namespaces, descriptors, mounts."""

import contextlib
import os
import time
from pathlib import Path

from .mounts import cgroup_mounts
from .shell import PATIENCE

# A removed memory cgroup stays until the last page that was charged to it is given back, which may be never asked for: each
# page of a program that was read from the disk is such a one. So these are bounded and not forbidden.
LINGERING = "memory"
# How many may come with one test: those of the units of several systemds.
MOST_LINGERING = 400
# An engine and the kernel finish what they remove a moment later.
_PATIENCE_SECONDS = 10


def _processes():
    return [f"/proc/{pid}" for pid in os.listdir("/proc") if pid.isdigit()]


def _links(directory):
    """What the links in it lead to; a process that has ended has none."""
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            with contextlib.suppress(OSError):
                yield os.readlink(f"{directory}/{name}")


def _started(process):
    """Seconds since the machine's start. 2573 (sleep 1) S 1 ... the 22nd field is in ticks."""
    try:
        fields = Path(f"{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return float("inf")
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _directories(view, mount):
    top = f"/proc/{view.pid}/root{mount.point}"
    return 1 + sum(len(names) for _, names, _ in os.walk(top))


def zombies(view):
    """{controller: cgroups that were removed and are not freed}"""
    # memory	4	118	1: controller, hierarchy, number of cgroups, enabled
    rows = [line.split() for line in Path("/proc/cgroups").read_text().splitlines()[1:]]
    found = {}
    for mount in cgroup_mounts(view.mountinfo()):
        if mount.root != "/" or mount.kind != "cgroup":
            continue
        directories = _directories(view, mount)
        for name, _, count, _ in rows:
            if name in mount.options:
                found[name] = int(count) - directories
    for mount in cgroup_mounts(view.mountinfo()):
        # nr_dying_descendants 0
        if mount.root == "/" and mount.kind == "cgroup2":
            with open(f"/proc/{view.pid}/root{mount.point}/cgroup.stat", encoding="ascii") as stat:
                name = LINGERING if LINGERING in view.v2_controllers() else "unified"
                found[name] = int(dict(line.split() for line in stat)["nr_dying_descendants"])
    return found


class Leaks:
    """What the containers of one test had, to be looked for when they are gone."""

    def __init__(self, session):
        self._session = session
        self.forget()

    def forget(self):
        self._ids = set()
        self._namespaces = set()
        self._lingering = self._zombies().get(LINGERING, 0)

    def _zombies(self):
        return zombies(self._session.view or self._session.machine)

    def note(self, container_id, pids, engines=()):
        """To be called while the container is there: the namespaces of its processes are the ones that must go. ENGINES are
        processes that hold namespaces for more than one container."""
        view = [self._session.view.pid] if self._session.view is not None else []
        shared = set()
        for process in ("self", 1, *view, *engines):
            shared |= set(_links(f"/proc/{process}/ns"))
        self._ids.add(container_id)
        for pid in pids:
            self._namespaces |= set(_links(f"/proc/{pid}/ns")) - shared

    def _holders(self, before):
        """Of a namespace by living in it or by a descriptor; of anything else that has a container's name. A namespace that
        came after may have the number of one that went: who started later holds none of these."""
        for process in _processes():
            if _started(process) > before:
                continue
            for target in _links(f"{process}/ns"):
                if target in self._namespaces:
                    yield f"{process} is in {target}"
            for target in _links(f"{process}/fd"):
                if target in self._namespaces or self._is_theirs(target):
                    yield f"{process} has {target} open"

    def _is_theirs(self, path):
        """What an engine keeps open in its own directory is its own affair: Docker does so with pipes of terminals."""
        own = tuple(f"{directory}/" for directory in self._session.engine_directories)
        return not path.startswith(own) and any(name in path for name in self._ids)

    def _mounts(self):
        """In every mount namespace of the machine."""
        seen = set()
        for process in _processes():
            with contextlib.suppress(OSError):
                namespace = os.readlink(f"{process}/ns/mnt")
                if namespace in seen:
                    continue
                seen.add(namespace)
                for line in Path(f"{process}/mountinfo").read_text().splitlines():
                    if any(name in line for name in self._ids):
                        yield f"{process} has the mount {line}"

    def _dying(self):
        for controller, count in self._zombies().items():
            most = self._lingering + MOST_LINGERING if controller == LINGERING else 0
            # Less than none: somebody else's directory came while they were counted.
            if count > most:
                yield f"{count} removed cgroups of {controller} are not freed"

    def left(self):
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        end = time.monotonic() + _PATIENCE_SECONDS * PATIENCE
        while True:
            found = [*self._dying(), *self._holders(now), *self._mounts()] if self._ids else list(self._dying())
            if not found or time.monotonic() > end:
                return sorted(set(found))
            time.sleep(0.1)


@contextlib.contextmanager
def none_left(session):
    """Around one test."""
    session.leaks.forget()
    yield
    left = session.leaks.left()
    assert not left, "V5: left of containers that are gone:\n" + "\n".join(left)
