"""No added capability on real hosts, with the profiles that the project ships in the place of the engine's own."""

from dataclasses import dataclass

import pytest

from cases import Case
from harness.boot import check_everything
from harness.images import ROOT
from harness.shell import run
from harness.unprivileged import booted, check_exec, check_privileges, check_sealed, unit_says
from real_host import VIEW

SHIPPED = ("--security-opt", "apparmor=cginit", "--security-opt", f"seccomp={ROOT / 'examples/seccomp/docker.json'}")


@dataclass(frozen=True)
class Boot:
    kinds: tuple
    image: str
    cgroupns: str = "private"

    def __str__(self):
        return f"{self.cgroupns}-{self.image}"


# 257 meets v1 mounts in the end-to-end tests.
BOOTS = [
    Boot(("v1",), "bookworm", "host"),
    Boot(("hybrid",), "busybox"),
    Boot(("v2",), "bookworm"),
    Boot(("v2",), "trixie"),
    Boot(("v2",), "newest"),
]


@pytest.mark.parametrize("boot", BOOTS, ids=str)
def test_boot(session, boot):
    run("apparmor_parser", "-r", ROOT / "examples/apparmor/cginit", timeout=120)
    case = Case(VIEW, "docker-runc", boot.cgroupns, boot.image)
    engine = session.engine("docker", "runc", VIEW)
    with engine.confined(), booted(session, case, permitted=SHIPPED) as container:
        assert container.proc("attr/current").strip() == "cginit (enforce)"
        check_everything(session, case, container)
        check_privileges(container)
        if boot.image == "bookworm":
            check_sealed(container, case)
        check_exec(container)
        if case.systemd:
            assert unit_says(container, "touch /tmp/here && echo good", "PrivateTmp=yes") == "good"
            assert not (container.root / "tmp/here").exists()
            # What Docker's profile is there for is still denied.
            assert unit_says(container, "mount -t proc none /mnt 2>/dev/null && echo mounted || echo good") == "good"
