"""What must stay as it is while a container attacks, read from the machine: the oracle of the attacks."""

import contextlib
import ctypes
import os
import platform
import time
from pathlib import Path

from . import checks
from .mounts import cgroup_mounts, is_below, membership_of, parse_cgroup

# What a try got hold of with which it writes limits of the engine's, where it may.
RAISING = {"flat", "engine"}


def memberships(pid):
    return parse_cgroup(Path(f"/proc/{pid}/cgroup").read_text())


def outside(container, engine_paths):
    """(controllers, path) of processes that are not in the engine's cgroup or below: those that exec leaves elsewhere."""
    found = set()
    for pid in container.processes():
        with contextlib.suppress(OSError):
            # Who has ended is in no cgroup, which reads like the root.
            if not Path(f"/proc/{pid}/cmdline").read_text():
                continue
            for membership in memberships(pid):
                own = engine_paths.get(membership.controllers)
                if own is None or not is_below(membership.path, own):
                    found.add((membership.controllers, membership.path))
    return found


# bpf(2), by the kernel's tables.
_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
_BPF_PROG_QUERY = 16
# BPF_CGROUP_INET_INGRESS and EGRESS, SOCK_CREATE, SOCK_OPS and DEVICE
_ATTACH_TYPES = (0, 1, 2, 3, 6)


class _Query(ctypes.Structure):
    """The part of union bpf_attr that BPF_PROG_QUERY has."""

    _fields_ = [("target_fd", ctypes.c_uint32), ("attach_type", ctypes.c_uint32), ("query_flags", ctypes.c_uint32),
                ("attach_flags", ctypes.c_uint32), ("ids", ctypes.c_uint64), ("count", ctypes.c_uint32), ("_", ctypes.c_uint32)]


def _programs(directory):
    """The numbers of the BPF programs that are attached there; none in a v1 hierarchy."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd, found = os.open(directory, os.O_RDONLY | os.O_DIRECTORY), []
    try:
        for attach_type in _ATTACH_TYPES:
            ids = (ctypes.c_uint32 * 64)()
            query = _Query(fd, attach_type, 0, 0, ctypes.addressof(ids), len(ids))
            if libc.syscall(_BPF, _BPF_PROG_QUERY, ctypes.byref(query), ctypes.sizeof(query)) == 0:
                found += [(attach_type, number) for number in ids[:query.count]]
    finally:
        os.close(fd)
    return found


class Guard:
    """What must stay as it is while a container attacks: limits, places, and what belongs to the whole machine."""

    def __init__(self, container, view):
        self._container = container
        self._view = view
        self._engine_paths = container.cgroups()
        self._places = outside(self._container, self._engine_paths)
        self.limits = checks.limit_files(container, view)
        assert self.limits, "no limit of the engine's to be guarded"
        self._machine = self._settings()
        self._attached = self._attachments()

    def _settings(self):
        found = {}
        for mount in cgroup_mounts(self._view.mountinfo()):
            found[mount.point] = mount.options
            for name in ("release_agent", "cpuset.cpus.effective"):
                with contextlib.suppress(OSError):
                    found[f"{mount.point} {name}"] = Path(f"/proc/{self._view.pid}/root{mount.point}/{name}").read_text()
        return found

    def _attachments(self):
        """{directory: extended attributes, BPF programs} of the engine's cgroups and those above; where there is nothing to
        guard, the engine's is the init's own."""
        inside = parse_cgroup(self._container.proc("cgroup"))
        shared = {controllers for mount in self._container.cgroup_mounts() if mount.writable
                  for controllers in [membership_of(mount, inside).controllers] if mount.root == self._engine_paths[controllers]}
        found = {}
        for mount in cgroup_mounts(self._view.mountinfo()):
            for controllers, path in self._engine_paths.items():
                if path is None or not (controllers <= set(mount.options) if controllers else mount.kind == "cgroup2"):
                    continue
                for place in [*([] if controllers in shared else [Path(path)]), *Path(path).parents]:
                    directory = f"/proc/{self._view.pid}/root{mount.point}{place}"
                    found[f"{mount.point}{place}"] = sorted(os.listxattr(directory)), _programs(directory)
        return found

    def problems(self, reached, any_settings=False):
        """REACHED are the kinds that the last try was allowed to reach, and did."""
        limits = checks.limit_files(self._container, self._view)
        changed = sorted(name for name in self.limits | limits if self.limits.get(name) != limits.get(name))
        self.limits = limits
        if RAISING & reached:
            if not changed:
                yield "said to have raised a limit, but none is another"
        elif changed:
            yield f"V4: it changed {', '.join(changed)}"
        elsewhere = outside(self._container, self._engine_paths) - self._places
        if elsewhere:
            time.sleep(0.1)  # One that is just ending, or being put into the container by the engine.
            elsewhere &= outside(self._container, self._engine_paths)
        if elsewhere and "host" not in reached:
            yield f"V4: processes are above the engine's cgroup: {sorted(path for _, path in elsewhere)}"
        if self._settings() != self._machine and not any_settings:
            yield f"V5: the machine has other settings: {self._settings()}"
        attached = self._attachments()
        if attached != self._attached:
            yield "V4: attached to: " + ", ".join(
                f"{name} {value}" for name, value in attached.items() if value != self._attached.get(name))
        self._attached = attached


