"""A container in the container on a v2 host, which has all controllers there: runc finds those that it wants to use."""

import pytest

from harness import nested
from real_host import KIND, VIEW


@pytest.mark.kinds("v2")
def test_runc_in_the_container(session):
    engine = session.engine("docker", "runc", VIEW)
    controllers = ["pids", "memory", "cpuset"]
    assert set(controllers) <= set(session.view.v2_controllers())
    # The host's own, and what it is linked with: of the same Debian as the image. Linux 6.1 lets nobody else ask which
    # programs of BPF a cgroup has, which runc does for the devices.
    image = "newest" if KIND == "today" else "bookworm"
    nested.check_runc(session, engine, image, controllers, ["--volume=/usr:/usr:ro", "--cap-add=NET_ADMIN"])
