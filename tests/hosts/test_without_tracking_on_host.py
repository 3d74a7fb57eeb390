"""A host that was not booted with systemd, and has no hierarchy name=systemd: Alpine, WSL2, NAS devices."""

import json
from pathlib import Path

import pytest

from harness.boot import unchanged_machine
from harness.probe import wait_for_boot
from harness.shell import run, wait_for
from real_host import VIEW

pytestmark = pytest.mark.kinds("v1-flat")

TRACKING = Path("/sys/fs/cgroup/systemd")
UNIFIED = Path("/sys/fs/cgroup/unified")


def is_there():
    return ":name=systemd:" in Path("/proc/self/cgroup").read_text()


def take_tracking_away():
    """The kernel drops a hierarchy that is not mounted and has no cgroup but its root."""
    for cgroup in sorted(TRACKING.glob("**/"), reverse=True):
        if cgroup != TRACKING:
            cgroup.rmdir()
    run("umount", TRACKING)
    TRACKING.rmdir()
    wait_for("name=systemd to be gone", lambda: not is_there())


def mount_tracking():
    TRACKING.mkdir()
    run("mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", TRACKING)


@pytest.fixture
def engine(session):
    engine = session.engine("docker", "runc", VIEW)
    engine.image("bookworm")
    take_tracking_away()
    yield engine
    if not is_there():
        mount_tracking()


def check_boot(session, engine, hierarchy):
    with unchanged_machine(session) as compare:
        with engine.start("bookworm", "/sbin/init", tty=False) as container:
            assert wait_for_boot(container, True) == "running"
            paths = dict(line.split(":", 2)[1:] for line in container.proc("cgroup").splitlines())
            assert paths[hierarchy].endswith("/init.scope"), paths
            compare(running=[container.id])


def test_the_first_cure_works(session, engine):
    said = engine.run("bookworm", "--explain=json", "--", "/sbin/init")
    missing, = json.loads(said.stdout)["missing"]
    first = missing["remedies"][0]
    assert (missing["code"], first["where"]) == ("CG-NOHIERARCHY", "host"), said.stdout
    run("sh", "-c", first["setting"])
    check_boot(session, engine, "name=systemd")


def test_a_v2_cgroup_of_its_own_does_as_well(session, engine):
    UNIFIED.mkdir()
    run("mount", "-t", "cgroup2", "cgroup2", UNIFIED)
    try:
        check_boot(session, engine, "")
    finally:
        for cgroup in UNIFIED.iterdir():
            if cgroup.is_dir():
                cgroup.rmdir()
        run("umount", UNIFIED)
        UNIFIED.rmdir()
