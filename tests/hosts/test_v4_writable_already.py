"""A view that the engine made writable, without a capability and without user namespaces: nsdelegate is the guard, or nothing is."""

from pathlib import Path

import pytest

from harness.boot import unchanged_machine
from harness.host import set_v2_options
from harness.probe import wait_for_boot
from real_host import VIEW
from test_v4_without_nsdelegate import v2_options

pytestmark = pytest.mark.kinds("v2")

MAX_USER_NAMESPACES = Path("/proc/sys/user/max_user_namespaces")
# Podman's systemd mode mounts the container's own cgroup writable, and tmpfs on /run, /run/lock and /tmp.
WRITABLE = ["--systemd=always", "--cgroupns=private", "--memory", "500m"]


@pytest.fixture
def engine(session):
    """Of a host that lets nobody make user namespaces."""
    before = MAX_USER_NAMESPACES.read_text()
    MAX_USER_NAMESPACES.write_text("0\n")
    yield session.engine("podman", "crun", VIEW)
    MAX_USER_NAMESPACES.write_text(before)


def test_it_boots_and_says_what_its_limits_hang_on(session, engine):
    engine.image("bookworm")
    with unchanged_machine(session) as compare:
        with engine.start("bookworm", "/sbin/init", sys_admin=False, tty=False, options=WRITABLE) as container:
            assert wait_for_boot(container, True) == "running"
            assert "only while the host mounts cgroup2 with nsdelegate" in container.logs()
            raised = container.exec("sh", "-c", "echo max > /sys/fs/cgroup/memory.max", check=False)
            assert raised.returncode != 0, "the engine's limit was raised"
            assert container.exec("cat", "/sys/fs/cgroup/memory.max").stdout.strip() == str(500 * 1024 * 1024)
            compare(running=[container.id])


def test_without_nsdelegate_it_is_refused(session, engine):
    engine.image("bookworm")
    before = v2_options(session.view)
    set_v2_options([])
    try:
        result = engine.run("bookworm", "/sbin/init", sys_admin=False, options=WRITABLE)
    finally:
        set_v2_options(before)
    assert result.returncode == 125 and "(CG-NOSYSADMIN)" in result.stderr, result.stderr


def test_where_somebody_can_make_a_user_namespace_it_is_refused(session):
    """cginit cannot map ids without CAP_SETFCAP. Whoever needs no map writes the limits from a cgroup namespace below."""
    engine = session.engine("podman", "crun", VIEW)
    result = engine.run("bookworm", "/sbin/init", sys_admin=False, options=[*WRITABLE, "--cap-drop=SETFCAP"])
    assert result.returncode == 125 and "(CG-NOSYSADMIN)" in result.stderr, result.stderr
