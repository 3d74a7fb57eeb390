"""--writable and --drop-cap: systemd boots with less, and has no more than that."""

import pytest

from harness import checks
from harness.boot import unchanged_machine
from harness.probe import probe, wait_for_boot

CAP_SYS_ADMIN = 21
POLICIES = {"tracking": "--writable=tracking", "list": "--writable=memory,pids", "drop": "--drop-cap=SYS_ADMIN"}
# What a controller's hierarchy takes under each policy; cgroup2 and name=systemd track services and always take children.
WRITABLE = {"tracking": set(), "list": {"memory", "pids"}}
# Every policy meets every view, and each of the three kinds of systemd; the newest has no v2 on a v1 host.
CASES = [
    ("hybrid", "bookworm", "tracking"), ("v1", "trixie", "tracking"), ("unified", "newest", "tracking"),
    ("hybrid", "newest", "list"), ("v1", "bookworm", "list"), ("unified", "trixie", "list"),
    ("hybrid", "newest", "drop"), ("v1", "trixie", "drop"), ("unified", "bookworm", "drop"),
]


def check_mounts(seen, policy):
    children = seen.children()
    for mount in seen.mounts:
        tracks = mount.kind == "cgroup2" or any(option.startswith("name=") for option in mount.options)
        takes = tracks or WRITABLE[policy] & set(mount.options)
        assert children[mount.point] == ("made" if takes else "Read-only file system"), mount.point


def sets_of(status):
    """CapBnd: 00000000a80425fb"""
    return {line.split(":")[0]: int(line.split()[1], 16) for line in status.splitlines() if line.startswith("Cap")}


@pytest.mark.parametrize("view, image, policy", [pytest.param(*case, id="-".join(case), marks=pytest.mark.view(case[0]))
                                                 for case in CASES])
def test_systemd_boots(session, view, image, policy):
    engine = session.engine("docker", "runc", view)
    engine.image(image)
    with unchanged_machine(session) as compare:
        options = ["--memory", "700m"] if view != "unified" else []
        with engine.start(image, POLICIES[policy], "/sbin/init", options=options) as container:
            assert wait_for_boot(container, True) == "running"
            limits = checks.limit_files(container, session.view)
            seen = probe(container, True)
            checks.check_private(seen, container)
            checks.check_consistent(seen)
            if policy == "drop":
                assert not any(held >> CAP_SYS_ADMIN & 1 for held in sets_of(container.proc("status")).values())
                mount = ["/bin/mount", "-t", "tmpfs", "none", "/mnt"]
                assert container.exec("systemd-run", "--wait", "--quiet", *mount, check=False).returncode != 0
            else:
                check_mounts(seen, policy)
                if checks.layout_of(seen) == "unified":
                    enabled = container.exec("cat", "/sys/fs/cgroup/cgroup.controllers").stdout.split()
                    assert set(enabled) <= WRITABLE[policy]
            assert limits == checks.limit_files(container, session.view)
            compare(running=[container.id])
