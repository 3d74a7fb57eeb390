"""No added capability on real hosts, with the profiles that the project ships in the place of the engine's own."""

from dataclasses import dataclass

import pytest

from cases import Case
from harness.boot import check_everything
from harness.images import ROOT
from harness.shell import run
from harness.unprivileged import (booted, check_exec, check_pod, check_privileges, check_rootless, check_sealed,
                                  unit_says)
from real_host import VIEW

APPARMOR = ("--security-opt", "apparmor=cginit")
# Podman's own filter permits user namespaces.
SHIPPED = {"docker": (*APPARMOR, "--security-opt", f"seccomp={ROOT / 'examples/seccomp/docker.json'}"), "podman": APPARMOR}


@dataclass(frozen=True)
class Boot:
    kinds: tuple
    engine: str
    image: str
    cgroupns: str = "private"

    def __str__(self):
        return f"{self.engine}-{self.cgroupns}-{self.image}"


# 257 meets v1 mounts in the end-to-end tests.
BOOTS = [
    Boot(("v1",), "docker-runc", "bookworm", "host"),
    Boot(("v1",), "podman-crun", "busybox"),
    Boot(("hybrid",), "docker-runc", "busybox"),
    Boot(("hybrid",), "podman-crun", "busybox", "host"),
    Boot(("v2",), "podman-crun", "bookworm"),
    Boot(("v2-stable",), "docker-runc", "trixie"),
    Boot(("v2",), "docker-runc", "newest"),
]


@pytest.fixture(scope="module", autouse=True)
def profile():
    run("apparmor_parser", "-r", ROOT / "examples/apparmor/cginit", timeout=120)


@pytest.mark.parametrize("boot", BOOTS, ids=str)
def test_boot(session, boot):
    case = Case(VIEW, boot.engine, boot.cgroupns, boot.image)
    engine = session.engine(case.kind, case.runtime, VIEW)
    with engine.confined(), booted(session, case, permitted=SHIPPED[case.kind]) as container:
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


@pytest.mark.kinds("v1", "hybrid", "v2")
@pytest.mark.parametrize("no_new_privileges", [False, True], ids=["", "no_new_privileges"])
def test_in_a_pod(session, no_new_privileges):
    check_pod(session, VIEW, no_new_privileges, profile="cginit")


@pytest.mark.kinds("v2")
def test_rootless(session):
    """With an init that is small: unpacking the image takes the user's engine longest. systemd meets it in the end-to-end
    tests."""
    check_rootless(session, "busybox", systemd=False)
