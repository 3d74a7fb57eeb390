"""What the probe inside the container found out."""

import re
from dataclasses import dataclass
from pathlib import Path

from .mounts import cgroup_mounts, is_below, membership_of, parse_cgroup
from .shell import wait_for

INITIAL_CGROUP_NAMESPACE = "cgroup:[4026531835]"


@dataclass
class Probe:
    sections: dict
    sealed: bool = False  # what the engine mounted is covered in a user namespace

    @property
    def mounts(self):
        return cgroup_mounts(self.sections["mountinfo"], self.sealed)

    @property
    def memberships(self):
        return parse_cgroup(self.sections["cgroup"])

    @property
    def cgroup_namespace(self):
        return next(line.split()[1] for line in self.sections["namespaces"].splitlines() if line.startswith("cgroup "))

    @property
    def environ(self):
        return dict(line.split("=", 1) for line in self.sections["environ"].splitlines() if "=" in line)

    def init_directories(self):
        """mount point of each hierarchy -> where PID 1 has to be: mount point + path of /proc/1/cgroup.

        A mount of a hierarchy inside itself (the bind method makes PID 1's literal path exist that way) is no other one.
        """
        points = {}
        for mount in sorted(self.mounts, key=lambda mount: len(mount.point)):
            membership = membership_of(mount, self.memberships)
            if not any(is_below(mount.point, point) for point, other in points.items() if other == membership):
                points[mount.point] = membership
        return {point: (point + membership.path).rstrip("/") for point, membership in points.items()}

    def children(self):
        """mount point -> "made", or the error that mkdir or rmdir gave."""
        return dict(line.split(" ", 1) for line in self.sections["child"].splitlines())


def parse_probe(text, sealed=False):
    found = re.split(r"^== (\S+)\n", text, flags=re.M)
    sections = dict(zip(found[1::2], found[2::2]))
    assert "end" in sections, f"the probe did not come to its end:\n{text}"
    return Probe(sections, sealed)


# One exec each: it costs more than what it runs.
_RUN_UNIT = "systemctl start e2e-probe.service && cat /dev/shm/e2e-probe"
_ASK_SERVICE = "touch /dev/shm/e2e-again && while [ -e /dev/shm/e2e-again ]; do sleep 0.02; done; cat /dev/shm/e2e-probe"
_AWAIT_SERVICE = "until grep -q '^== end' /dev/shm/e2e-probe 2>/dev/null; do sleep 0.05; done"


def probe(container, systemd):
    said = container.exec("sh", "-c", _RUN_UNIT if systemd else _ASK_SERVICE, timeout=40).stdout
    return parse_probe(said, container.sealed)


def wait_for_boot(container, systemd, timeout=90):
    if not systemd:
        container.exec("sh", "-c", _AWAIT_SERVICE, timeout=timeout)
        return "running"

    # Made when systemd is ready to answer; looked for from outside, since an exec costs it time.
    process = Path(f"/proc/{container.pid}")
    socket = process / "root/run/systemd/private"

    def state():
        if not socket.exists():
            assert process.exists(), f"the init ended:\n{container.logs()}"
            return None
        said = container.exec("systemctl", "is-system-running", "--wait", check=False, timeout=timeout).stdout.strip()
        return said if said in ("running", "degraded", "maintenance", "stopping") else None

    return wait_for("systemd to finish its start-up", state, timeout)
