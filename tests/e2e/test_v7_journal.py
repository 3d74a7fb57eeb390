"""The journal that systemd 259 and newer keep by default goes to memory, and covers none that is there."""

import pytest

from harness.boot import unchanged_machine
from harness.mounts import parse_mountinfo
from harness.probe import wait_for_boot

JOURNAL = "/var/log/journal"


@pytest.mark.view("unified")
@pytest.mark.parametrize("there, in_memory", [("", True), (f"{JOURNAL}/kept", False)], ids=["empty", "in use"])
def test_the_journal_does_not_fill_up_the_writable_layer(session, there, in_memory):
    engine = session.engine("docker", "runc", "unified")
    engine.image("newest")
    script = f"mkdir -p {JOURNAL} {there} && exec /cginit -- /sbin/init"
    with unchanged_machine(session):
        with engine.start("newest", "-c", script, entrypoint="/bin/sh", tty=False) as container:
            assert wait_for_boot(container, True) == "running"
            tops = {mount.point: mount for mount in parse_mountinfo(container.proc("mountinfo"))}
            assert (JOURNAL in tops and tops[JOURNAL].kind == "tmpfs") == in_memory
            files = container.exec("sh", "-c", f"ls -d {JOURNAL}/*/system.journal {there}").stdout.split()
            assert len(files) == (1 if in_memory else 2), files
