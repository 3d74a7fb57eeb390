"""What root in a container does with the cgroups that are its own stays there: the engine gets rid of the container all the
same."""

import contextlib
from pathlib import Path

import pytest

from harness import attacks
from harness.boot import unchanged_machine
from harness.mounts import cgroup_mounts
from harness.shell import wait_for
from test_v4_attacks import Attacked

ON_V2 = Attacked("unified", "docker-runc", "private", dropped=True)


def by_title(case):
    return case.title


@contextlib.contextmanager
def attacked(session, case):
    running = session.engine(*case.engine.split("-"), case.view)
    with unchanged_machine(session):
        with running.start("busybox", *case.command(), tty=False, options=case.options(session)) as container:
            attacks.wait_for_init(container)
            yield container


def thaw(directory):
    """What is still frozen would outlive the test."""
    for name, value in (("cgroup.freeze", "0"), ("freezer.state", "THAWED")):
        for path in directory.rglob(name):
            with contextlib.suppress(OSError):
                path.write_text(value)


@pytest.mark.parametrize("case", [ON_V2, Attacked("unified", "podman-crun", "private", dropped=True)], ids=by_title)
def test_a_container_that_froze_itself_is_killed(session, case):
    with attacked(session, case) as container:
        directory = attacks.engine_directory(container, session.view)
        frozen = directory / "cginit" / "frozen"
        running = attacks.Attacker(container, attacks.start_as_service(container, False))
        try:
            result, detail = running.ask("freeze", 30)
            assert result == "harmless", f"{result} {detail}"
            # populated 1, frozen 1
            wait_for("it to be frozen", lambda: "frozen 1" in (frozen / "cgroup.events").read_text())
            assert str(container.pid) in (frozen / "cgroup.procs").read_text().split()
            container.engine.cli("kill", container.name)
            assert container.wait() == 137
        finally:
            running.close()
            thaw(directory)


@pytest.mark.view("unified")
def test_whoever_kills_all_of_the_own_cgroup_kills_himself(session):
    """cgroup.kill of the own root, which only nsdelegate keeps from who is in it. An init takes no SIGKILL from inside."""
    with attacked(session, ON_V2) as container:
        running = attacks.Attacker(container, attacks.start_as_service(container, False))
        running.ask("list", 30)
        running.tell("kill-all")
        wait_for("the attacker to be killed", lambda: attacks.PROGRAM not in attacks.commands(container))
        running.close()
        assert container.running


@pytest.mark.parametrize("case", [
    Attacked("v1", "docker-runc", "private", dropped=True), Attacked("v1", "podman-crun", "host", dropped=True)], ids=by_title)
def test_nothing_is_frozen_on_v1(session, case):
    """What is frozen there takes no SIGKILL, and a runtime thaws its own cgroup only."""
    with attacked(session, case) as container:
        running = attacks.Attacker(container, attacks.start_as_service(container, False))
        try:
            result, detail = running.ask("freeze", 30)
            assert result in ("refused", "absent"), f"{result} {detail}"
        finally:
            for mount in cgroup_mounts(session.view.mountinfo()):
                if "freezer" in mount.options:
                    thaw(Path(f"/proc/{session.view.pid}/root{mount.point}{container.cgroups()[frozenset({'freezer'})]}"))
            running.close()
