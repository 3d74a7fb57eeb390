"""Limits: those of a unit take effect, those of the engine hold and can still be changed by the engine."""

import pytest

from cases import Case
from harness import checks
from harness.boot import booted
from harness.probe import probe
from harness.shell import wait_for

# The machine has memory and pids as v1 controllers: the views with them are where a limit can be exceeded.
WITH_LIMITS = [
    Case("hybrid", "docker-runc", "private", "bookworm"),
    Case("v1", "docker-crun", "host", "trixie"),
    Case("comount", "podman-runc", "host", "bookworm", method="bind"),
]


def by_title(case):
    return case.title


def unit_file(container, unit, names):
    """The content of the first of these files that the unit's cgroup has, in any hierarchy."""
    tests = " -o ".join(f"-name {name}" for name in names)
    command = f"find /sys/fs/cgroup -path '*/{unit}/*' \\( {tests} \\) -exec cat {{}} + 2>/dev/null"
    return container.exec("sh", "-c", command, check=False).stdout


@pytest.mark.parametrize("case", WITH_LIMITS, ids=by_title)
def test_a_unit_that_wants_more_memory_than_it_may_have(session, case):
    with booted(session, case) as container:
        container.exec("systemctl", "start", "e2e-hog.service")
        wait_for("the hog to be done", lambda: container.exec("test", "-s", "/dev/shm/e2e-hog", check=False).returncode == 0)
        limit = 32 << 20
        peak = int(unit_file(container, "e2e-hog.service", ["memory.max_usage_in_bytes", "memory.peak"]))
        assert peak <= limit, f"{peak} bytes in use, {limit} allowed"
        events = unit_file(container, "e2e-hog.service", ["memory.oom_control", "memory.events"]).split()
        killed = int(events[events.index("oom_kill") + 1])
        assert killed >= 1 or peak > limit // 2, f"not held at its limit: {peak} bytes, {killed} processes killed"
        assert container.exec("systemctl", "is-active", "e2e-hog.service").stdout.strip() == "active"
        assert container.exec("systemctl", "is-system-running", check=False).stdout.strip() == "running"


@pytest.mark.parametrize("case", WITH_LIMITS, ids=by_title)
def test_a_unit_that_wants_more_processes_than_it_may_have(session, case):
    with booted(session, case) as container:
        container.exec("systemctl", "start", "e2e-forks.service")
        # max 3: three forks were refused
        wait_for("a fork to be refused", lambda: int(unit_file(
            container, "e2e-forks.service", ["pids.events"]).split()[1]) >= 1, timeout=15)
        assert int(unit_file(container, "e2e-forks.service", ["pids.current"])) <= 17


@pytest.mark.parametrize("case", WITH_LIMITS, ids=by_title)
def test_the_engine_can_still_change_its_limits(session, case):
    if case.kind == "podman":
        case = Case(**{**vars(case), "engine": "docker-runc"})
    with booted(session, case) as container:
        # Up, then down below what the container was started with.
        for memory, pids in ((900 << 20, 1200), (500 << 20, 800)):
            container.engine.cli("update", "--memory", memory, "--memory-swap", "-1", "--pids-limit", pids, container.name)
            limits = checks.limit_files(container, session.view)
            values = {name.rsplit("/", 1)[1]: value.strip() for name, value in limits.items()}
            assert values["memory.limit_in_bytes"] == str(memory)
            assert values["pids.max"] == str(pids)
            # The probe tries to raise them from inside.
            probe(container, case.systemd)
            assert checks.limit_files(container, session.view) == limits
        assert container.exec("systemctl", "is-system-running").stdout.strip() == "running"
