"""What an engine changes while the container runs comes out as docs/limits.md says."""

import pytest

from harness import updates
from harness.boot import unchanged_machine
from harness.images import ROOT
from harness.shell import wait_for
from harness.tables import Tables

CASES = [("v1", "docker", "runc", "host"), ("hybrid", "docker", "runc", "private"), ("comount", "docker", "runc", "host")]


@pytest.mark.parametrize("view, kind, runtime, cgroupns", [
    pytest.param(*case, id="-".join(case), marks=pytest.mark.view(case[0])) for case in CASES])
def test_limits_that_the_engine_changes(session, view, kind, runtime, cgroupns):
    with updates.limited(session, session.engine(kind, runtime, view), cgroupns) as container:
        for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "pids.max", "cpuset.cpus"):
            limit, copy = updates.files_of(container, session.view, name)
            assert copy.read_text() == limit.read_text(), f"{name} inside is not the engine's"
        updates.hold(session, container, updates.CHANGES, "v1")


@pytest.mark.view("v1")
def test_a_throttle_that_the_engine_changes(session):
    with updates.limited(session, session.engine("podman", "crun", "v1"), "private", options=()) as container:
        updates.hold(session, container, updates.THROTTLES, "v1")


@pytest.mark.view("v1")
def test_a_quota_of_the_containers_own_is_in_the_way(session):
    """Root without a capability sets one at its own root; the host takes it away again."""
    engine = session.engine("docker", "runc", "v1")
    script = "echo 80000 >/sys/fs/cgroup/cpu/cpu.cfs_quota_us; exec sleep 3600"
    change = updates.Change("CPU time, below its own", "--cpus", "0.5", ("cpu.cfs_quota_us", "50000"), ())
    with unchanged_machine(session):
        with engine.start("busybox", "--drop-cap=SYS_ADMIN", "--delegate=none", "--", "/bin/sh", "-c", script, tty=False,
                          options=["--cpus", "0.8"]) as container:
            wait_for("the container's own quota", lambda: container.proc("comm") == "sleep\n")
            _, inner = updates.files_of(container, session.view, "cpu.cfs_quota_us")
            assert inner.read_text() == "80000\n"
            seen = updates.outcome(container, session.view, change, change.v1, "invalid argument")
            Tables(ROOT / "docs" / "limits.md").hold("What a running container is given", change.row, "v1", seen)
            inner.write_text("-1")
            assert updates.outcome(container, session.view, change, change.v1) == "at once"


@pytest.mark.view("v1")
def test_without_copies_a_raised_limit_counts_at_once(session):
    """Nothing below the engine's cgroup holds the old one."""
    options = (*updates.START, "--env", "CGINIT_COPY_LIMITS=never")
    with updates.limited(session, session.engine("docker", "runc", "v1"), "host", options=options) as container:
        container.engine.cli("update", "--memory", "900m", "--pids-limit", "1200", container.name)
        for name, raised in (("memory.limit_in_bytes", 900 << 20), ("pids.max", 1200)):
            engine, inner = updates.files_of(container, session.view, name)
            assert int(engine.read_text()) == raised
            assert inner != engine, "there is no inner level"
            assert (seen := inner.read_text().strip()) == "max" or int(seen) > 1 << 60, f"{name} inside is {seen}"
