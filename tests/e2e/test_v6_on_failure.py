"""--on-failure=continue: the engine's own view, where that does no harm; else the refusal with both reasons."""

import json

import pytest

from harness.boot import unchanged_machine
from harness.from_above import boots_in_a_private_one, boots_there, falls_back_there
from harness.probe import wait_for_boot

CONTINUE = "--on-failure=continue"
FALLS_BACK = "cginit: warning: the init runs on the engine's own view ("
WILL_NOT_DO = "the engine's own view will not do either ("
EPERM = 1


def without_mount(session):
    """A seccomp profile that refuses mount(2), as Docker's does without the capability."""
    profile = session.directory / "no-mount.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM}]}))
    return ["--security-opt", f"seccomp={profile}"]


@pytest.mark.parametrize("view", ["hybrid", "unified"])
@pytest.mark.parametrize("cause", ["no capability", "a step that fails"])
def test_an_init_that_mounts_nothing_goes_on(session, view, cause):
    fails_late = cause == "a step that fails"
    engine = session.engine("docker", "runc", view)
    with unchanged_machine(session):
        result = engine.run("busybox", CONTINUE, "--", "/bin/sh", "-c", "cat /proc/self/mountinfo; echo came up",
                            options=without_mount(session) if fails_late else [], sys_admin=fails_late)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("came up\n")
    assert "/proc/driver" not in result.stdout, "V6: something of cginit's is left"
    told = result.stderr.strip().splitlines()
    assert len(told) == 1 and told[0].startswith(FALLS_BACK), result.stderr
    assert ("step " if fails_late else "--cap-add SYS_ADMIN") in told[0]


@pytest.mark.view("unified")
@pytest.mark.parametrize("way", [falls_back_there, boots_there, boots_in_a_private_one])
def test_a_cgroup_namespace_from_above(session, way):
    """To the engine's nobody could return from the init's. tests/hosts has it with nsdelegate."""
    way(session, "unified")


@pytest.mark.view("unified")
def test_systemd_goes_on_where_podman_made_a_view_for_it(session):
    """Podman's systemd mode needs no capability on v2, and cginit has no reason to be in its way."""
    engine = session.engine("podman", "crun", "unified")
    with unchanged_machine(session) as compare:
        with engine.start("bookworm", CONTINUE, "--method=namespace", "--", "/sbin/init", sys_admin=False,
                          tty=False, options=["--systemd=always"]) as container:
            assert wait_for_boot(container, True) == "running"
            assert FALLS_BACK in container.logs()
            compare(running=[container.id])


@pytest.mark.parametrize(("view", "writable", "reason"), [
    ("hybrid", False, "systemd does not boot on read-only cgroups"),
    # It would nest its tree in the machine's, set nsdelegate for all of it, and make hierarchies there.
    ("hybrid", True, "shows more than the own cgroup and is writable"),
    ("unified", True, "shows more than the own cgroup and is writable"),
])
def test_systemd_does_not_go_on_where_it_would_fail_or_do_harm(session, view, writable, reason):
    engine = session.engine("docker", "runc", view)
    options = ["--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--cgroupns=host", *without_mount(session)]
    with unchanged_machine(session):
        result = engine.run("bookworm", CONTINUE, "--", "/sbin/init", options=options if writable else [],
                            sys_admin=writable)
    said = result.stdout + result.stderr
    assert result.returncode == 125, said
    assert WILL_NOT_DO in said and reason in said, said
    assert len(said.strip().splitlines()) == 1, said
