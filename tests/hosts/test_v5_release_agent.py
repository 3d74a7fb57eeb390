"""What root in a container has the host start on v1: a helper for each cgroup of name=systemd that empties. docs/limits.md says
so, and why cginit cannot keep it from it."""

from pathlib import Path

import pytest

from harness.boot import unchanged_machine
from harness.mounts import parse_cgroup
from harness.shell import wait_for
from real_host import VIEW

pytestmark = pytest.mark.kinds("v1")

HIERARCHY = Path("/sys/fs/cgroup/systemd")
AGENT = """#!/bin/sh
case $1 in
*/emptied) { echo "$1"; cat /proc/self/cgroup; } >%s.part && mv %s.part %s ;;
esac
"""
# A cgroup that a process enters and leaves.
INIT = ("/bin/sh", "-c", "cd /sys/fs/cgroup/systemd; mkdir emptied; echo 1 >emptied/notify_on_release; "
        "sh -c 'echo $$ >emptied/cgroup.procs'; exec sleep 3600")


@pytest.fixture
def said(tmp_path):
    """What a helper of ours says in the place of systemd's."""
    agent, said = tmp_path / "agent", tmp_path / "said"
    agent.write_text(AGENT % (said, said, said))
    agent.chmod(0o755)
    file = HIERARCHY / "release_agent"
    before = file.read_text().strip()
    file.write_text(str(agent))
    yield said
    file.write_text(before)


def test_the_helper_runs_on_the_host(session, said):
    engine = session.engine("docker", "runc", VIEW)
    with unchanged_machine(session):
        with engine.start("busybox", "--drop-cap=SYS_ADMIN", "--delegate=none", "--", *INIT, tty=False) as container:
            wait_for("the helper", said.exists)
            emptied, *memberships = said.read_text().splitlines()
            assert emptied.endswith(f"{container.id}/emptied")
            assert {membership.path for membership in parse_cgroup("\n".join(memberships))} == {"/"}, "not in the host's root"
