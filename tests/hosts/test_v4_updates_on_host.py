"""What an engine changes while the container runs comes out as docs/limits.md says, where v2 has all controllers."""

from pathlib import Path

import pytest

from harness import updates
from real_host import VIEW

pytestmark = pytest.mark.kinds("v2")


@pytest.fixture
def second_processor():
    switch = Path("/sys/devices/system/cpu/cpu1/online")
    switch.write_text("1")
    yield
    switch.write_text("0")


@pytest.mark.parametrize("engine, options, changes", [
    ("docker-runc", updates.START, updates.CHANGES),
    ("podman-crun", (), updates.THROTTLES)], ids=["docker", "podman"])
def test_limits_that_the_engine_changes(session, second_processor, engine, options, changes):
    with updates.limited(session, session.engine(*engine.split("-"), VIEW), "private", options) as container:
        updates.hold(session, container, changes, "v2")
