"""V4 against somebody who tries, on real hosts: with what would change the whole machine, too."""

from dataclasses import dataclass

import pytest

from harness import attacks
from harness.boot import unchanged_machine
from harness.host import set_v2_options
from harness.mounts import cgroup_mounts
from real_host import VIEW
from test_v4_without_nsdelegate import v2_options

LIMITS = ["--memory", "200m", "--memory-swap", "200m", "--pids-limit", "200", "--cpus", "0.8", "--cpu-shares", "512"]
THROTTLE = ["--device-read-bps", "/dev/vda:1mb"]
# What a process starts in, it holds.
WORKDIR = ["--workdir", "/sys/fs/cgroup"]


def start(session, engine, cgroupns, dropped, more=()):
    command = [*(["--drop-cap=SYS_ADMIN"] if dropped else []), "--delegate=none", "--", *attacks.INIT]
    mode = ["--systemd=false"] if engine.kind == "podman" else []
    return engine.start("busybox", *command, options=[*LIMITS, f"--cgroupns={cgroupns}", *mode, *more], tty=False)


def attack(session, container, by, dropped):
    attacks.run(session, container, attacks.conditions(container, by, dropped, reckless=True), timeout=120)


@pytest.mark.kinds("v1", "hybrid", "v2")
def test_without_the_capability(session):
    """Nothing is reached, and the limits bite before and after; on v2 also when the host loses nsdelegate meanwhile."""
    bite = {"pids": 200, "megabytes": 200, "milliseconds": 1000}
    with unchanged_machine(session):
        with start(session, session.engine("docker", "runc", VIEW), "private", True, [*THROTTLE, *WORKDIR]) as container:
            attacks.bite(container, **bite)
            attacks.let_one_in(container)
            attack(session, container, "service", dropped=True)
            if VIEW == "unified":
                before = next(mount.options for mount in cgroup_mounts(session.view.mountinfo()))
                assert "nsdelegate" in before
                result, detail = attacks.ask(container, "kill-all", timeout=120)["kill-all"]
                assert result == "refused" and "EPERM" in detail, f"{result} {detail}"
                set_v2_options([])
                attack(session, container, "service", dropped=True)
                set_v2_options(before)
            attacks.bite(container, **bite)


@dataclass(frozen=True)
class Kept:
    kinds: tuple
    engine: str
    cgroupns: str
    by: str

    def __str__(self):
        return f"{self.engine}-{self.cgroupns}-{self.by}"


@pytest.mark.parametrize("case", [Kept(("v1", "v2"), "podman-crun", "private", "service"),
                                  Kept(("hybrid",), "podman-crun", "private", "exec")], ids=str)
def test_with_the_capability(session, case):
    with unchanged_machine(session):
        with start(session, session.engine(*case.engine.split("-"), VIEW), case.cgroupns, False, WORKDIR) as container:
            attacks.let_one_in(container)
            attack(session, container, case.by, dropped=False)


@pytest.mark.last
@pytest.mark.kinds("v2")
def test_with_the_capability_in_the_hosts_namespace(session):
    """The engine takes nsdelegate from the whole host when it starts this one, and the attacker can set what he likes."""
    session.use_view(VIEW)
    before = v2_options(session.view)
    with start(session, session.engine("docker", "runc", VIEW), "host", False) as container:
        attacks.let_one_in(container)
        attack(session, container, "exec", dropped=False)
    set_v2_options(before)
