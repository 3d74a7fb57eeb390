"""What cannot work ends with one error that names the cure, and leaves everything as it was."""

import json
from dataclasses import dataclass

import pytest

from harness.boot import unchanged_machine

SECCOMP = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": None}]}
EPERM, EACCES = 1, 13


@dataclass(frozen=True)
class Refusal:
    """A container that must not come up."""

    title: str
    status: int
    says: tuple
    command: tuple = ("/sbin/init",)
    options: tuple = ()
    sys_admin: bool = True
    image: str = "bookworm"
    view: str = "hybrid"
    mount_errno: int = 0


REFUSALS = [
    Refusal("no SYS_ADMIN", 125, ("--cap-add SYS_ADMIN",), sys_admin=False),
    Refusal("no SYS_ADMIN, v1", 125, ("--cap-add SYS_ADMIN",), sys_admin=False, view="v1"),
    Refusal("no SYS_ADMIN, unified", 125, ("--cap-add SYS_ADMIN",), sys_admin=False, view="unified"),
    Refusal("systemd is not PID 1", 125, ("--init",), options=("--init",)),
    Refusal("mount refused by seccomp", 125, ("mount", "not permitted", "seccomp"), mount_errno=EPERM),
    Refusal("mount refused by AppArmor", 125, ("mount", "ermission denied", "AppArmor", "apparmor=unconfined"),
            mount_errno=EACCES),
    Refusal("writable cgroup mounts elsewhere", 125, ("/host/sys", "--keep-mount"),
            options=("--volume", "/sys:/host/sys")),
    Refusal("no such init", 127, ("/sbin/nothing",), command=("/sbin/nothing",)),
    Refusal("a directory as init", 126, ("/etc",), command=("/etc",)),
    Refusal("an init without the x bit", 126, ("/e2e/not-executable",), command=("/e2e/not-executable",)),
    Refusal("a text file as init", 126, ("/e2e/no-program",), command=("/e2e/no-program",)),
    Refusal("unknown option", 125, ("--no-such-option",), command=("--no-such-option", "--", "/sbin/init")),
    Refusal("unknown value", 125, ("--method", "sideways"), command=("--method=sideways", "--", "/sbin/init")),
    Refusal("unknown value in the environment", 125, ("CGINIT_LAYOUT", "upright"),
            options=("--env", "CGINIT_LAYOUT=upright")),
    Refusal("a bind of what cannot be told", 125, ("--method=namespace",), command=("--method=bind", "--", "/sbin/init"),
            options=("--cgroupns=private", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:ro")),
    Refusal("contradiction", 125, ("--layout=legacy",), view="unified",
            command=("--layout=legacy", "--method=none", "--", "/sbin/init")),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.title.replace(" ", "-"))
def test_refusal(session, refusal):
    engine = session.engine("docker", "runc", refusal.view)
    options = list(refusal.options)
    if refusal.mount_errno:
        SECCOMP["syscalls"][0]["errnoRet"] = refusal.mount_errno
        profile = session.directory / "seccomp.json"
        profile.write_text(json.dumps(SECCOMP))
        options += ["--security-opt", f"seccomp={profile}"]
    with unchanged_machine(session):
        result = engine.run(refusal.image, *refusal.command, options=options, sys_admin=refusal.sys_admin)
    said = result.stdout + result.stderr
    assert result.returncode == refusal.status, said
    for part in refusal.says:
        assert part.lower() in said.lower(), f"nothing about {part}:\n{said}"
    errors = [line for line in said.splitlines() if "error" in line.lower()]
    assert len(errors) == 1, f"one error, not {len(errors)}:\n{said}"


@pytest.mark.view("hybrid")
def test_an_init_that_is_not_systemd_need_not_be_pid_1(session):
    engine = session.engine("docker", "runc", "hybrid")
    with unchanged_machine(session):
        result = engine.run("busybox", "/bin/echo", "came up", options=["--init"])
    assert result.returncode == 0, result.stderr
    assert "came up" in result.stdout


@pytest.mark.view("hybrid")
def test_an_unknown_variable_is_a_warning(session):
    engine = session.engine("docker", "runc", "hybrid")
    result = engine.run("busybox", "/bin/echo", "came up", options=["--env", "CGINIT_SERVICE_HOST=10.0.0.1"])
    assert result.returncode == 0, result.stderr
    assert "came up" in result.stdout
    warnings = [line for line in result.stderr.splitlines() if "CGINIT_SERVICE_HOST" in line]
    assert len(warnings) == 1 and warnings[0].rstrip().endswith(", ignoring"), result.stderr


@pytest.mark.view("hybrid")
def test_the_exit_status_is_the_inits(session):
    engine = session.engine("docker", "runc", "hybrid")
    assert engine.run("busybox", "/bin/sh", "-c", "exit 7").returncode == 7


@pytest.mark.view("v1")
def test_a_read_only_cgroup_mount_elsewhere_is_detached_with_a_warning(session):
    engine = session.engine("docker", "runc", "v1")
    options = ["--volume", "/sys/fs/cgroup/memory:/host/memory:ro"]
    with unchanged_machine(session):
        result = engine.run("busybox", "/bin/sh", "-c", "grep cgroup /proc/self/mountinfo", options=options)
        kept = engine.run("busybox", "--keep-mount", "/host/memory", "--", "/bin/sh", "-c",
                          "grep cgroup /proc/self/mountinfo", options=options)
    assert result.returncode == 0, result.stderr
    assert "/host/memory" not in result.stdout
    assert "/host/memory" in result.stderr
    assert kept.returncode == 0, kept.stderr
    assert "/host/memory" in kept.stdout
