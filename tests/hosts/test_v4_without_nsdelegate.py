"""A v2 host whose cgroup2 lost nsdelegate, as any container can make it: the engine's limits hold all the same."""

import pytest

from cases import Case
from harness.boot import booted, check_everything
from harness.host import set_v2_options
from harness.mounts import cgroup_mounts
from real_host import VIEW

pytestmark = pytest.mark.kinds("v2")


def v2_options(view):
    return next(mount.options for mount in cgroup_mounts(view.mountinfo()))


@pytest.fixture
def undelegated(session):
    """Until the test is over; the limits of everybody else are the host's, not ours."""
    session.use_view(VIEW)
    before = v2_options(session.view)
    assert "nsdelegate" in before, "Debian's systemd mounts cgroup2 with it"
    set_v2_options([])
    assert "nsdelegate" not in v2_options(session.view)
    yield
    set_v2_options(before)


def test_boot(session, undelegated):
    # Docker itself takes nsdelegate away with this one, so that it has its place here.
    case = Case(VIEW, "docker-runc", "host", "bookworm")
    with booted(session, case) as container:
        check_everything(session, case, container)
