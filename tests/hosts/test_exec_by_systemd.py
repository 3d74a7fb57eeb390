"""exec where the runtime asks the host's systemd to put the process into the container's cgroup, as runc does since 1.5. No suite
of Debian's has such a runc: what it would ask for is asked for here. systemd is refused, as a runtime is that writes
cgroup.procs itself, and both go on to PID 1's cgroup then."""

import subprocess
from pathlib import Path

import pytest

from harness import updates
from harness.shell import run
from real_host import VIEW

pytestmark = pytest.mark.kinds("v2")

MANAGER = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")


def cgroup_of(pid):
    return Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::")


@pytest.mark.parametrize("engine", ["docker-runc", "podman-crun"])
def test_systemd_is_refused_and_nothing_moves(session, engine):
    with updates.limited(session, session.engine(*engine.split("-"), VIEW), "private") as container:
        scope = next(part for part in container.cgroups()[frozenset()].split("/") if part.endswith(".scope"))
        before = cgroup_of(container.pid)
        with subprocess.Popen(["sleep", "600"]) as process:
            own = cgroup_of(process.pid)
            asked = run("busctl", "call", *MANAGER, "AttachProcessesToUnit", "ssau", scope, "/", "1", process.pid, check=False)
            now = cgroup_of(process.pid)
            process.kill()
        assert asked.returncode != 0 and "Device or resource busy" in asked.stderr, asked.stdout + asked.stderr
        assert now == own and cgroup_of(container.pid) == before
        # What is exec'd is beside PID 1.
        assert container.read("/proc/self/cgroup") == container.read("/proc/1/cgroup")
