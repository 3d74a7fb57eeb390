"""No capability is added: the view is built in a user namespace, and systemd boots to `running` there."""

import json
import os
import re

import pytest

from cases import Case
from harness import attacks, tally, unprivileged, updates
from harness.boot import check_everything, check_foreseen, stop_cleanly, unchanged_machine
from harness.bundles import Runtime, like_a_pod
from harness.policy import CAP_SYS_ADMIN
from harness.unprivileged import (UNCONFINED, booted, check_exec, check_privileges, check_sealed, sandboxes_that_do_nothing,
                                  state_of, unit_says)
from test_v4_attacks import in_directory

CASES = [
    Case("hybrid", "docker-runc", "host", "bookworm", secret="file"),
    Case("hybrid", "podman-runc", "private", "newest"),
    Case("hybrid", "docker-runc", "private", "trixie"),
    Case("hybrid", "podman-runc", "host", "busybox"),
    Case("v1", "docker-runc", "private", "bookworm"),
    Case("v1", "podman-crun", "host", "trixie"),
    Case("v1", "docker-crun", "host", "busybox"),
    Case("v1", "docker-runc", "private", "newest", init="systemd, newest"),
    Case("unified", "docker-runc", "private", "bookworm", rootfs="read-only"),
    Case("unified", "docker-runc", "host", "trixie", secret="file"),
    Case("unified", "docker-runc", "private", "newest"),
    Case("unified", "podman-crun", "private", "bookworm"),
    Case("unified", "podman-runc", "host", "busybox"),
    Case("hybrid", "podman-runc", "private", "bookworm", tree="volume"),
]


def by_title(case):
    return case.title


@pytest.mark.parametrize("case", CASES, ids=by_title)
def test_boot(session, case):
    check_foreseen(session, case, UNCONFINED if case.kind == "docker" else (), sys_admin=False)
    with booted(session, case) as container:
        check_everything(session, case, container)
        check_privileges(container)
        check_sealed(container, case)
        check_exec(container)


@pytest.mark.parametrize("case", [CASES[4], CASES[9]], ids=by_title)
def test_services_are_kept_apart(session, case):
    """What silently does nothing without CAP_SYS_ADMIN does something with that of the user namespace."""
    with booted(session, case) as container:
        wrong = sandboxes_that_do_nothing(container)
        assert not wrong, wrong
        assert not (container.root / "tmp/private").exists()
        assert unit_says(container, "hostname e2e-renamed && hostname") == "e2e-renamed"
        assert container.exec("hostname").stdout.strip() == "e2e-renamed"


@pytest.mark.parametrize("case", [CASES[0], CASES[11]], ids=by_title)
def test_what_the_engine_does_while_it_runs(session, case):
    """As with the capability: test_lifecycle.py and test_v4_updates.py."""
    with booted(session, case) as container:
        engine = container.engine
        first = check_everything(session, case, container)
        engine.cli("pause", container.name)
        engine.cli("unpause", container.name)
        container.restart()
        assert (state := state_of(container)) == "running", state
        again = check_everything(session, case, container)
        assert [(mount.point, mount.kind, mount.root) for mount in again.mounts] == [
            (mount.point, mount.kind, mount.root) for mount in first.mounts]
        assert again.environ["container"] == first.environ["container"]
        if case.view != "unified":
            updates.hold(session, container, updates.MEMORY, "v1")
        stop_cleanly(container)


@pytest.mark.view("unified")
def test_the_capability_is_gone_where_it_was_given(session):
    """Who asks for a user namespace has less after the boot than before."""
    case = Case("unified", "docker-runc", "private", "bookworm")
    with booted(session, case, options=["--cap-add", "SYS_ADMIN"], arguments=["--method=userns", "--"]) as container:
        check_everything(session, case, container)
        check_privileges(container)
        check_sealed(container, case)


@pytest.mark.view("unified")
def test_a_second_one_finds_nothing_to_do(session):
    case = Case("unified", "docker-runc", "private", "bookworm", chain="two")
    with booted(session, case, tty=False) as container:
        assert "an earlier cginit made the view private and writable" in container.logs()
        check_everything(session, case, container)


@pytest.mark.parametrize("image", ["bookworm", "newest"])
@pytest.mark.view("unified")
def test_no_new_privileges(session, image):
    case = Case("unified", "docker-runc", "private", image)
    with booted(session, case, options=["--security-opt", "no-new-privileges"]) as container:
        check_everything(session, case, container)


@pytest.mark.parametrize("no_new_privileges", [False, True], ids=["", "no_new_privileges"])
@pytest.mark.parametrize("view", [pytest.param(view, marks=pytest.mark.view(view)) for view in ("v1", "unified")])
def test_in_a_pod(session, view, no_new_privileges):
    unprivileged.check_pod(session, view, no_new_privileges)


@pytest.mark.parametrize("image, no_new_privileges", [("bookworm", False), ("newest", True)],
                         ids=["bookworm", "newest-no_new_privileges"])
@pytest.mark.view("unified")
def test_systemd_in_a_pod(session, image, no_new_privileges):
    case = Case("unified", "runc", "private", image)
    runtime = Runtime(session, "runc", case.view)
    with unchanged_machine(session) as compare:
        with runtime.started(["/cginit", "/sbin/init"], image,
                             lambda config: like_a_pod(config, no_new_privileges)) as pod:
            state = unprivileged.state_of(pod)
            assert state == "running", state
            assert "(userns)" in pod.logs()
            check_sealed(pod, case)
            wrong = sandboxes_that_do_nothing(pod)
            assert not wrong, wrong
            compare(running=[pod.id])


BOOTS = 25


@pytest.mark.view("unified")
def test_boots_in_a_row_leave_nothing(session):
    runtime = Runtime(session, "runc", "unified")
    with unchanged_machine(session):
        config = runtime.config(["/cginit", "--", "/bin/true"])
        like_a_pod(config)
        bundles = [runtime.bundle(config)]
        statuses, said = runtime.loop(bundles, BOOTS, 1, timeout=60)
        assert statuses == [0], "\n".join(said)
        assert said[0].count("(userns)") == BOOTS
        left = session.leaks.left()
        assert not left, "\n".join(left)
    tally.add("boots in a loop", boots=BOOTS)


@pytest.mark.view("unified")
@pytest.mark.parametrize("dropped", ["SYS_ADMIN", "KILL:SYS_ADMIN", "SETPCAP"])
def test_capabilities_go_without_the_one_that_takes_them(session, dropped):
    """--drop-cap where the engine gave no CAP_SETPCAP: in a user namespace of its own cginit has it until the end."""
    engine = session.engine("docker", "runc", "unified")
    given = ("SETUID", "SETGID", "SETFCAP", "KILL")
    with unchanged_machine(session):
        result = engine.run("busybox", "--delegate=none", "--", "/bin/cat", "/proc/self/status", sys_admin=False,
                            options=[*UNCONFINED, f"--env=CGINIT_DROP_CAP={dropped}", "--cap-drop=ALL", *(f"--cap-add={name}" for name in given)])
    assert result.returncode == 0 and "(userns)" in result.stderr, result.stderr
    bits = {"KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8, "SYS_ADMIN": 21, "SETFCAP": 31}
    left = sum(1 << bits[name] for name in {*given, "SYS_ADMIN"} - set(dropped.split(":")))
    sets = unprivileged.sets_of(result.stdout)
    assert (sets["CapEff"], sets["CapBnd"]) == (left, left), result.stdout


@pytest.mark.parametrize("view, image, cgroupns, workdir", [
    pytest.param(*row, marks=pytest.mark.view(row[0])) for row in (
        ("hybrid", "bookworm", "private", ""), ("v1", "busybox", "private", ""), ("unified", "bookworm", "private", ""),
        ("v1", "busybox", "host", "/sys/fs/cgroup/pids"), ("unified", "busybox", "host", "/sys/fs/cgroup"),
        ("unified", "busybox", "private", "/hostcg"))])
def test_limits_stay_out_of_reach(session, view, image, cgroupns, workdir):
    """V4 as in test_v4_attacks.py; with a CAP_SYS_ADMIN that is none outside."""
    case = Case(view, "docker-runc", cgroupns, image)
    arguments = [] if case.systemd else ["--delegate=none", "--"]
    options = [*attacks.options(session), *in_directory(workdir)]
    if view != "unified":
        options += ["--memory-swap", "700m", "--cpus", "1.5", "--cpuset-cpus", "0"]
    init = None if case.systemd else attacks.INIT
    with booted(session, case, options=options, arguments=arguments, init=init) as container:
        for by in ("service", "exec"):
            attacks.let_one_in(container)
            c = attacks.conditions(container, by, unprivileged=True)
            attacks.run(session, container, c, case.systemd)


@pytest.mark.parametrize("view, engine", [
    pytest.param("v1", "docker-crun", marks=pytest.mark.view("v1")),
    pytest.param("unified", "podman-crun", marks=pytest.mark.view("unified"))])
def test_limits_stay_out_of_reach_of_who_joins_the_user_namespace(session, view, engine):
    """crun 1.8.7 and later have exec'd processes join it; where crun is older, the test does as they do."""
    case = Case(view, engine, "private", "bookworm")
    with booted(session, case, options=attacks.options(session)) as container:
        if container.closed:
            attacks.exec_as_crun_does(container, session.view)
        attacks.let_one_in(container)
        own, effective = container.exec(
            "sh", "-c", "readlink /proc/self/ns/user; sed -n 's/^CapEff:.//p' /proc/self/status").stdout.split()
        assert own == os.readlink(f"/proc/{container.pid}/ns/user")
        assert not int(effective, 16) >> CAP_SYS_ADMIN & 1
        c = attacks.conditions(container, "exec", unprivileged=True, joined=True)
        assert c.above == (view == "v1"), "on v1 exec'd processes are in the engine's own cgroup"
        attacks.run(session, container, c, case.systemd)


@pytest.mark.view("unified")
def test_rootless(session):
    unprivileged.check_rootless(session, "bookworm")


@pytest.mark.parametrize("sys_admin", [False, True], ids=["", "sys_admin"])
@pytest.mark.view("unified")
def test_rootless_in_the_hosts_network(session, sys_admin):
    """The engine's view covers the host's, which came along with /sys and cannot be taken away."""
    unprivileged.check_rootless(session, "bookworm", options=["--network=host", "--systemd=always"], sys_admin=sys_admin)


def commands_of(told):
    """What is to be run on the host, of the explanation's first problem."""
    return [remedy["setting"] for remedy in told["missing"][0]["remedies"]
            if remedy["where"] == "host" and "chown" in remedy["setting"]]


@pytest.mark.view("unified")
def test_a_cgroup_that_is_delegated_by_hand(session):
    """Its owner is the host's root, until the command that cginit names has been run; then nothing has to be mounted."""
    engine = session.engine("podman", "runc", "unified")
    engine.image("bookworm")
    mapped = ["--uidmap", "0:100000:65536", "--systemd=always"]
    with unchanged_machine(session):
        result = engine.run("bookworm", "--explain=json", "/sbin/init", options=mapped, sys_admin=False)
    told = json.loads(result.stdout)
    assert told["missing"][0]["code"] == "CG-NOTDELEGATED", told["missing"]
    command, = commands_of(told)
    with unchanged_machine(session) as compare:
        with engine.created("bookworm", "/sbin/init", tty=False, options=mapped, sys_admin=False) as container:
            # Which engine's container it is knows the test better.
            unprivileged.run_on_host(engine, re.sub(r"^pid=.*$", f"pid={container.pid}", command, flags=re.M))
            engine.cli("start", container.name)
            assert unprivileged.state_of(container) == "running"
            assert "the engine delegated the container's cgroup" in container.logs()
            limit = container.exec("sh", "-c", "echo max >/sys/fs/cgroup/cgroup.max.depth", check=False)
            assert limit.returncode != 0 and "ermission denied" in limit.stderr
            compare(running=[container.id])
