"""A v1 memory hierarchy whose limits do not hold for children: test_boot_on_host.py sees that it stays read-only."""

import re

import pytest

from harness.boot import unchanged_machine
from real_host import VIEW

pytestmark = pytest.mark.kinds("v1-flat")


def test_the_plan_says_why_memory_is_read_only(session):
    assert "memory" in session.view.flat_controllers(), "this host's memory hierarchy is not flat"
    engine = session.engine("docker", "runc", VIEW)
    with unchanged_machine(session):
        result = engine.run("busybox", "--dry-run", "--", "/sbin/init")
    assert re.search(r"^ +memory +read-only +limits of it do not hold for children$", result.stdout, re.M), result.stdout
