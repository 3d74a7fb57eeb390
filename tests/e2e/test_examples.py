"""Images as users make them, after the examples."""

import re

import pytest

from cases import Case
from harness.boot import unchanged_machine
from harness.engines import Container
from harness.images import ROOT
from harness.probe import wait_for_boot
from harness.shell import wait_for

CASE = Case("hybrid", "docker-runc", "private", "bookworm")


@pytest.fixture
def engine(session):
    return session.engine(CASE.kind, CASE.runtime, CASE.view)


def boots_and_stops(session, engine, image, options):
    with unchanged_machine(session):
        engine.cli("run", "--name", "built", "--detach", "--network", "none", *options, image)
        with Container(engine, "built") as container:
            assert wait_for_boot(container, systemd=True) == "running"
            assert container.exec("cat", "/proc/1/comm").stdout.strip() == "systemd"
            assert container.stop() in (0, 129, 130)
            wait_for("the log", lambda: "Exiting container" in container.logs())


@pytest.mark.view("hybrid")
def test_dockerfile(session, engine, tmp_path):
    """It gives an image that boots with the run line in its head."""
    dockerfile = (ROOT / "examples" / "Dockerfile").read_text()
    run_line = re.search(r"docker run (.*) systemd$", dockerfile, re.M).group(1).split()
    boots_and_stops(session, engine, engine.build("built", dockerfile, CASE.image, tmp_path), run_line)


def test_compose_file_says_the_same():
    """There may be no compose here: that the settings of the run line stand in the file is what can be held."""
    text = (ROOT / "examples" / "compose.yaml").read_text()
    for setting in ("cap_add: [SYS_ADMIN]", "cgroup: private", 'stop_signal: "37"', "tty: true", "apparmor=unconfined"):
        assert setting in text
    assert "privileged: true" not in text
