"""An image's HEALTHCHECK is an exec that the image wrote: it has what the engine gave, whatever the init dropped. README.md,
SECURITY.md and docs/drop-cap.md say so, and what to do about it."""

import os

import pytest

from harness.boot import unchanged_machine
from harness.mounts import parse_cgroup
from harness.policy import CAP_SYS_ADMIN, sets_of
from harness.shell import wait_for

DOCKERFILE = """
ARG BASE
FROM $BASE
HEALTHCHECK --interval=1s CMD [ -e /dev/shm/cgroup ] || { cat /proc/self/status >/dev/shm/status; \
readlink /proc/self/ns/user >/dev/shm/user; cat /proc/self/cgroup >/dev/shm/part; mv /dev/shm/part /dev/shm/cgroup; }
"""
VIEWS = [pytest.param(view, marks=pytest.mark.view(view)) for view in ("v1", "unified")]


def has_sys_admin(status):
    return bool(sets_of(status)["CapEff"] >> CAP_SYS_ADMIN & 1)


@pytest.fixture
def engine(session, request, tmp_path):
    running = session.engine("docker", "runc", request.getfixturevalue("view"))
    running.build("health-check", DOCKERFILE, "busybox", tmp_path)
    return running


def started(engine, *arguments, **how):
    return engine.start("health-check", *arguments, "--delegate=none", "--", "/bin/sleep", "3600", tty=False, **how)


@pytest.mark.parametrize("view", VIEWS)
def test_it_has_the_capability_that_the_init_dropped(session, engine, view):
    with unchanged_machine(session):
        with started(engine, "--drop-cap=SYS_ADMIN", options=["--cgroupns=host"]) as container:
            wait_for("the health check", (container.root / "dev/shm/cgroup").exists)
            assert has_sys_admin((container.root / "dev/shm/status").read_text())
            assert not has_sys_admin(container.proc("status"))
            if view == "v1":
                # And it is in the engine's own cgroup, where the limits are.
                paths = container.cgroups()
                seen = {membership.controllers: membership.path
                        for membership in parse_cgroup((container.root / "dev/shm/cgroup").read_text())}
                controllers = frozenset({"memory"})
                assert seen[controllers] == paths[controllers]


@pytest.mark.parametrize("view", VIEWS)
def test_without_a_capability_it_has_none_and_is_outside_of_the_inits_user_namespace(session, engine, view):
    """runc's; crun 1.8.7 and later join the init's."""
    with unchanged_machine(session):
        with started(engine, sys_admin=False, options=["--security-opt", "seccomp=unconfined"]) as container:
            wait_for("the health check", (container.root / "dev/shm/cgroup").exists)
            assert not has_sys_admin((container.root / "dev/shm/status").read_text())
            assert (container.root / "dev/shm/user").read_text().strip() == os.readlink("/proc/self/ns/user")
            assert os.readlink(f"/proc/{container.pid}/ns/user") != os.readlink("/proc/self/ns/user")


@pytest.mark.parametrize("view", VIEWS)
def test_the_operator_can_switch_it_off(session, engine, view):
    template = "{{json .Config.Healthcheck.Test}} {{if .State.Health}}checked{{end}}"
    with unchanged_machine(session):
        with started(engine, "--drop-cap=SYS_ADMIN") as container:
            assert container.inspect(template).endswith("checked")
        with started(engine, "--drop-cap=SYS_ADMIN", options=["--no-healthcheck"]) as container:
            assert container.inspect(template).strip() == '["NONE"]'
