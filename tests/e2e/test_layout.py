"""The layout that the user asks for, where it is not the one that the engine shows."""

from harness import checks
from harness.boot import unchanged_machine
from harness.probe import probe, wait_for_boot

LIMIT = 700 * 1024 * 1024

# As whoever has CAP_SYS_ADMIN in the init's namespaces: the hidden hierarchy, mounted once more.
MOUNT_MEMORY = """
mount -t tmpfs none /mnt && mkdir /mnt/memory && mount -t cgroup -o memory none /mnt/memory || exit 1
cat /mnt/memory/memory.limit_in_bytes
umount /mnt/memory && umount /mnt
"""


def test_unified_on_a_hybrid_host(session):
    engine = session.engine("docker", "runc", "hybrid")
    engine.image("bookworm")
    options = ["--cgroupns=host", "--memory", str(LIMIT)]
    with unchanged_machine(session) as compare:
        with engine.start("bookworm", "--layout=unified", "/sbin/init", tty=False, options=options) as container:
            assert wait_for_boot(container, True) == "running"
            limits = checks.limit_files(container, session.view)
            seen = probe(container, True)
            checks.check_private(seen, container)
            checks.check_consistent(seen)
            mounts = [(mount.point, mount.kind) for mount in seen.mounts if mount.kind.startswith("cgroup")]
            assert mounts == [("/sys/fs/cgroup", "cgroup2")]
            assert "controllers on v1" in container.logs()
            hidden = container.exec("nsenter", "-t", "1", "-C", "--", "sh", "-c", MOUNT_MEMORY).stdout
            assert int(hidden) > LIMIT, "V4: the engine's own cgroup can be mounted, with its limit in it"
            assert limits == checks.limit_files(container, session.view)
            compare(running=[container.id])
