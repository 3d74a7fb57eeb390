"""Real inits come up in every engine, view and variant, and everything that must hold does."""

import pytest

from cases import Case
from harness import checks
from harness.boot import booted, check_everything, check_foreseen, unchanged_machine
from harness.probe import probe, wait_for_boot


def test_boot(session, boot_case):
    check_foreseen(session, boot_case)
    with booted(session, boot_case) as container:
        check_everything(session, boot_case, container)


# An empty volume over the view, and no cgroups mounted: what /proc/self/cgroup names is. On this machine it names v1 hierarchies, so
# that a v2 host is for tests/hosts.
VOLUMES = [
    Case("hybrid", "docker-runc", "private", "trixie", tree="volume"),
    Case("v1", "docker-runc", "host", "bookworm", tree="volume"),
    Case("comount", "podman-crun", "private", "busybox", tree="volume"),
]


@pytest.mark.parametrize("case", VOLUMES, ids=lambda case: case.title)
def test_boot_with_a_volume_over_the_view(session, case):
    with booted(session, case) as container:
        check_everything(session, case, container)


@pytest.mark.view("v1")
def test_v1_nothing_is_left_of_the_volume_that_an_image_has_at_the_view(session, tmp_path):
    """Docker mounts an empty, writable volume there, and no cgroups: what the most copied images for systemd declare."""
    engine = session.engine("docker", "runc", "v1")
    engine.build("volume", "ARG BASE\nFROM ${BASE}\nVOLUME /sys/fs/cgroup\n", "bookworm", tmp_path)
    with unchanged_machine(session) as compare:
        with engine.start("volume", "/sbin/init", tty=False) as container:
            assert wait_for_boot(container, True) == "running"
            seen = probe(container, True)
            checks.check_private(seen, container)
            checks.check_inner_level(container)
            assert {mount.kind for mount in seen.mounts} == {"cgroup"}
            assert "/volumes/" in container.inspect("{{json .Mounts}}"), "the engine mounted no volume"
            assert "/volumes/" not in container.proc("mountinfo"), "the volume is within reach"
            compare(running=[container.id])
