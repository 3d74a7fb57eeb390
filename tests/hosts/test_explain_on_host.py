"""--explain of containers that only a real host can have: the first cure is the right one."""

import pytest

from harness.explain import cure_and_boot
from real_host import VIEW

pytestmark = pytest.mark.kinds("hybrid")


def test_a_container_in_the_cgroup_of_who_started_it(session):
    """Not at the host's root, where a machine without systemd has whoever starts a container."""
    cure_and_boot(session.engine("podman", "crun", VIEW), ["--cap-add", "SYS_ADMIN", "--cgroups=disabled"], "CG-NOCGROUP", image="newest")
