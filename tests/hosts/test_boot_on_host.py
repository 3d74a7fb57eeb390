"""Real inits come up on a real host, in each engine as Debian sets it up, and everything that must hold does."""

from dataclasses import dataclass

import pytest

from cases import Case
from harness.boot import booted, check_everything
from harness.policy import DROPPED, LISTED, TRACKING, check_boot
from real_host import VIEW


@dataclass(frozen=True)
class Boot:
    kinds: tuple
    engine: str
    cgroupns: str
    image: str
    tree: str = "engine"
    init: str = ""

    @property
    def case(self):
        return Case(VIEW, self.engine, self.cgroupns, self.image, tree=self.tree, init=self.init)

    def __str__(self):
        return self.case.title


# 257 and 262 meet a v2 host in test_userns_on_host.py.
# An engine that starts a container with --cgroupns=host on a v2 host takes nsdelegate from the whole host, whatever runs in
# it: test_v4_without_nsdelegate.py has those.
BOOTS = [
    Boot(("v1",), "podman-crun", "private", "trixie", tree="podman-systemd"),
    Boot(("hybrid",), "podman-crun", "private", "trixie"),
    Boot(("hybrid",), "docker-runc", "host", "newest"),
    Boot(("v1",), "docker-runc", "private", "newest", init="systemd, newest"),
    # An image's VOLUME /sys/fs/cgroup: /proc/self/cgroup names v2 alone.
    Boot(("v2",), "docker-runc", "private", "bookworm", tree="volume"),
]


@pytest.mark.parametrize("boot", BOOTS, ids=str)
def test_boot(session, boot):
    with booted(session, boot.case) as container:
        check_everything(session, boot.case, container)


LIVES = [
    Boot(("v1", "v1-flat"), "docker-runc", "host", "bookworm"),
    Boot(("hybrid", "v2-stable"), "docker-runc", "private", "bookworm"),
    Boot(("v2-today",), "docker-runc", "private", "newest"),
    Boot(("v2-today",), "podman-crun", "private", "trixie"),
    Boot(("v2-today",), "podman-runc", "private", "bookworm"),
]


@pytest.mark.parametrize("boot", LIVES, ids=str)
def test_boot_use_and_stop(session, boot):
    """With all that users do with it, on one boot."""
    with booted(session, boot.case, tty=False) as container:
        check_everything(session, boot.case, container)
        container.engine.cli("pause", container.name)
        container.engine.cli("unpause", container.name)
        assert container.exec("systemctl", "is-system-running").stdout.strip() == "running"
        # Killed after the time-out it would be 137, ended by the signal itself 165.
        assert container.stop() in (0, 129, 130), container.logs()[-2000:]


@dataclass(frozen=True)
class Policy:
    kinds: tuple
    engine: str
    image: str
    options: tuple

    def __str__(self):
        return "-".join([self.engine, self.image, *self.options])


# With an init that is up soon; systemd meets them in the end-to-end tests, which have no controllers on v2.
POLICIES = [
    Policy(("v1-flat",), "docker-runc", "busybox", (TRACKING, DROPPED)),
    Policy(("v2",), "podman-crun", "busybox", (LISTED,)),
]


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_boot_with_less(session, policy):
    engine = session.engine(*policy.engine.split("-"), VIEW)
    check_boot(session, engine, policy.image, policy.options, ["--memory", "700m", "--cgroupns=private"], systemd=False)
