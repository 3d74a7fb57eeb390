"""Whose word counts: an image's ENV looks like the operator's -e, so that what it weakens is told, whatever the log level."""

import pytest

from harness.boot import unchanged_machine
from harness.policy import CAP_SYS_ADMIN, sets_of

VIEWS = [pytest.param(view, marks=pytest.mark.view(view)) for view in ("v1", "unified")]
ENV = ["--env", "CGINIT_INNER=never", "--env", "CGINIT_LOG_LEVEL=off"]


def run(engine, *arguments, options=()):
    with unchanged_machine(engine.session):
        return engine.run("busybox", *arguments, "--", "/bin/sh", "-c", "env | grep CGINIT; sleep 0", options=options)


@pytest.mark.parametrize("view", VIEWS)
def test_what_weakens_is_told_with_its_source(session, view):
    engine = session.engine("docker", "runc", view)
    plain = run(engine)
    assert "weakened" not in plain.stderr and "guarded by an inner cgroup" in plain.stderr
    result = run(engine, options=ENV)
    line, = result.stderr.splitlines()
    assert result.returncode == 0 and line.startswith("cginit: info: "), line
    assert ", 0 guarded by an inner cgroup; weakened: inner=never (CGINIT_INNER);" in line
    # On v2 nothing limits the number of cgroups then, which is a warning beside it.
    line, = (said for said in run(engine, "--inner=never", "-q").stderr.splitlines() if said.startswith("cginit: info: "))
    assert "weakened: inner=never (command line);" in line
    line, = run(engine, "--dry-run", options=ENV).stderr.splitlines() or [""]
    assert not line


@pytest.mark.parametrize("view", VIEWS)
def test_whoever_starts_cginit_from_outside_can_ignore_them(session, view):
    engine = session.engine("docker", "runc", view)
    result = run(engine, "--ignore-variables", options=[*ENV, "--env", "CGINIT_METHOD=nonsense"])
    assert result.returncode == 0 and "weakened" not in result.stderr, result.stderr
    assert " 0 guarded" not in result.stderr and "guarded by an inner cgroup" in result.stderr, result.stderr
    # They are the init's as they were.
    assert result.stdout.split() == ["CGINIT_INNER=never", "CGINIT_LOG_LEVEL=off", "CGINIT_METHOD=nonsense"]


@pytest.mark.view("v1")
def test_a_fall_back_is_told_at_every_level(session):
    engine = session.engine("docker", "runc", "v1")
    with unchanged_machine(session):
        result = engine.run("busybox", "--", "/bin/true", sys_admin=False,
                            options=["--env", "CGINIT_ON_FAILURE=continue", "--env", "CGINIT_LOG_LEVEL=off"])
    line, = result.stderr.splitlines()
    assert result.returncode == 0 and "weakened: on-failure=continue (CGINIT_ON_FAILURE)" in line, line


# How an image's ENV weakens, and what the line says of it.
WEAKENING = [
    (["CGINIT_INNER=never", "CGINIT_METHOD=remount"], "inner=never (CGINIT_INNER), method=remount (CGINIT_METHOD)"),
    (["CGINIT_KEEP_MOUNT=/sys/fs/cgroup/pids"], "keep-mount=/sys/fs/cgroup/pids (CGINIT_KEEP_MOUNT)"),
    (["CGINIT_WRITABLE=blkio"], "writable=blkio (CGINIT_WRITABLE)"),
    (["CGINIT_ALLOW_HOST_CGROUP=1"], "allow-host-cgroup (CGINIT_ALLOW_HOST_CGROUP)"),
    (["CGINIT_ON_FAILURE=continue"], "on-failure=continue (CGINIT_ON_FAILURE)"),
]


@pytest.mark.view("v1")
def test_the_env_of_an_image(session, tmp_path):
    """Each is told, and what the operator says on the command line counts for more."""
    engine = session.engine("docker", "runc", "v1")
    engine.build("weakening", "ARG BASE\nFROM $BASE\nENV CGINIT_LOG_LEVEL=off CGINIT_INNER=never CGINIT_DROP_CAP=KILL\n",
                 "busybox", tmp_path)
    with unchanged_machine(session):
        weakened = engine.run("weakening", "--", "/bin/true").stderr
        assert "weakened: inner=never (CGINIT_INNER);" in weakened, weakened
        result = engine.run("weakening", "--inner=auto", "--drop-cap=SYS_ADMIN", "--", "/bin/cat", "/proc/self/status")
        assert result.returncode == 0 and "weakened" not in result.stderr, result.stderr
        assert not sets_of(result.stdout)["CapEff"] >> CAP_SYS_ADMIN & 1, result.stdout
        for variables, told in WEAKENING:
            options = [f"--env={variable}" for variable in (*variables, "CGINIT_LOG_LEVEL=off")]
            result = engine.run("busybox", "--", "/bin/true", options=options)
            assert f"weakened: {told};" in result.stderr, f"{variables}: {result.returncode} {result.stderr}"
