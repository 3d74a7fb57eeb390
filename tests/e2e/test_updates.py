"""What an engine changes while the container runs comes out as docs/limits.md says."""

import pytest

from harness import updates

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
