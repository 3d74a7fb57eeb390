"""What an engine changes while the container runs comes out as docs/limits.md says, where v2 has all controllers; with today's
engines as docs/engines.md says."""

from pathlib import Path

import pytest

from harness import updates
from harness.images import ROOT
from harness.shell import run
from harness.tables import Tables
from real_host import VIEW

pytestmark = pytest.mark.kinds("v2")


@pytest.fixture
def second_processor():
    switch = Path("/sys/devices/system/cpu/cpu1/online")
    switch.write_text("1")
    # Newer ones count them when they start.
    run("systemctl", "try-restart", "docker")
    yield
    switch.write_text("0")


@pytest.mark.kinds("v2-stable")
@pytest.mark.parametrize("engine, options, changes", [
    ("docker-runc", updates.START, updates.CHANGES),
    ("podman-crun", (), updates.THROTTLES)], ids=["docker", "podman"])
def test_limits_that_the_engine_changes(session, second_processor, engine, options, changes):
    with updates.limited(session, session.engine(*engine.split("-"), VIEW), "private", options) as container:
        updates.hold(session, container, changes, "v2")


@pytest.mark.kinds("v2-today")
@pytest.mark.parametrize("column, engine, changes", [
    ("Docker", "docker-runc", updates.CHANGES),
    ("Podman, crun", "podman-crun", updates.CHANGES + updates.THROTTLES),
    ("Podman, runc", "podman-runc", updates.CHANGES)], ids=["docker", "podman_crun", "podman_runc"])
def test_limits_that_todays_engines_change(session, second_processor, column, engine, changes):
    table = Tables(ROOT / "docs" / "engines.md")
    with updates.limited(session, session.engine(*engine.split("-"), VIEW), "private") as container:
        seen = {change.row: updates.outcome(container, session.view, change, change.v2) for change in changes}
    said = {row: cells[column] for row, cells in table.rows("What a running container is given on v2").items() if cells[column]}
    assert seen == said
