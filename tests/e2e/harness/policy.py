"""--writable and --drop-cap: systemd boots with less, and has no more than that."""

from pathlib import Path

from . import checks
from .boot import unchanged_machine
from .probe import probe, wait_for_boot
from .shell import wait_for

CAP_SYS_ADMIN = 21
TRACKING, LISTED, DROPPED = "--writable=tracking", "--writable=memory,pids", "--drop-cap=SYS_ADMIN"
# What a controller's hierarchy takes under each policy; cgroup2 and name=systemd track services and always take children.
WRITABLE = {TRACKING: set(), LISTED: {"memory", "pids"}}


def check_mounts(seen, writable):
    children = seen.children()
    for mount in seen.mounts:
        tracks = mount.kind == "cgroup2" or any(option.startswith("name=") for option in mount.options)
        takes = tracks or writable & set(mount.options)
        assert children[mount.point] == ("made" if takes else "Read-only file system"), mount.point


def sets_of(status):
    """CapBnd: 00000000a80425fb"""
    return {line.split(":")[0]: int(line.split()[1], 16) for line in status.splitlines() if line.startswith("Cap")}


def service_can_mount(container):
    """Asked of a unit: what is exec'd has the engine's capabilities."""
    container.exec("systemd-run", "--quiet", "--collect", "/bin/sh", "-c",
                   "mount -t tmpfs none /mnt; echo $? >/dev/shm/e2e-mount")
    said = Path(f"/proc/{container.pid}/root/dev/shm/e2e-mount")
    return wait_for("the unit", lambda: said.exists() and said.read_text()) == "0\n"


def check_boot(session, engine, image, policies, options, systemd=True):
    """Boots IMAGE with POLICIES, which are options of cginit's, and OPTIONS, the engine's."""
    engine.image(image)
    with unchanged_machine(session) as compare:
        with engine.start(image, *policies, "/sbin/init", options=options) as container:
            assert wait_for_boot(container, systemd) == "running"
            limits = checks.limit_files(container, session.view)
            seen = probe(container, systemd)
            checks.check_private(seen, container)
            checks.check_consistent(seen)
            if DROPPED in policies:
                assert not any(held >> CAP_SYS_ADMIN & 1 for held in sets_of(container.proc("status")).values())
            if systemd:
                assert service_can_mount(container) == (DROPPED not in policies)
            for policy in set(policies) & WRITABLE.keys():
                check_mounts(seen, WRITABLE[policy])
                if systemd and checks.layout_of(seen) == "unified":
                    enabled = container.exec("cat", "/sys/fs/cgroup/cgroup.controllers").stdout.split()
                    assert set(enabled) <= WRITABLE[policy]
            assert limits == checks.limit_files(container, session.view)
            compare(running=[container.id])
