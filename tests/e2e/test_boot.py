"""Real inits come up in every engine, view and variant, and everything that must hold does."""

from harness import checks
from harness.boot import booted, check_everything, unchanged_machine
from harness.probe import probe, wait_for_boot


def test_boot(session, boot_case):
    with booted(session, boot_case) as container:
        check_everything(session, boot_case, container)


def test_v1_nothing_is_left_of_the_volume_that_an_image_has_at_the_view(session, tmp_path):
    """Docker mounts an empty, writable volume there, and no cgroups: what the most copied images for systemd declare."""
    engine = session.engine("docker", "runc", "unified")
    engine.build("volume", "ARG BASE\nFROM ${BASE}\nVOLUME /sys/fs/cgroup\n", "bookworm", tmp_path)
    with unchanged_machine(session) as compare:
        with engine.start("volume", "/sbin/init", tty=False) as container:
            assert wait_for_boot(container, True) == "running"
            seen = probe(container, True)
            checks.check_private(seen, container)
            checks.check_inner_level(container)
            checks.check_descendants(container, session.view)
            assert [mount.kind for mount in seen.mounts if mount.point == "/sys/fs/cgroup"] == ["cgroup2"]
            assert "/volumes/" in container.inspect("{{json .Mounts}}"), "the engine mounted no volume"
            assert "/volumes/" not in container.proc("mountinfo"), "the volume is within reach"
            compare(running=[container.id])
