"""V0: cginit changes nothing but in a container of its own. What runs on a host is in tests/hosts/test_v0_no_container.py."""

import json
import re
import shlex

import pytest

from cases import Case
from harness import nested, races
from harness.boot import booted, unchanged_machine
from harness.bundles import Runtime
from harness.shell import wait_for

VIEWS = [pytest.param(view, marks=pytest.mark.view(view)) for view in ("hybrid", "v1", "unified")]
SHELL = ("/cginit", "--delegate=none", "--", "/bin/sh", "-c")
LOOK = "grep -c ' cginit' /proc/self/mountinfo; echo done"
BY_A_SHELL = f"{shlex.join((*SHELL, LOOK))}; exit $?"


def errors_of(text):
    return [line for line in text.splitlines() if line.startswith("cginit: error: ")]


def check_refused(result):
    """One error, with its code, and nothing but that."""
    errors = errors_of(result.stdout + result.stderr)
    assert result.returncode == 125 and len(errors) == 1, f"{result.returncode}: {result.stdout}{result.stderr}"
    assert errors[0].endswith("(CG-NOTCONTAINER)"), errors[0]
    return errors[0]


@pytest.mark.parametrize("view", VIEWS)
def test_beside_an_init_that_runs(session, view):
    """docker exec box cginit bash: the mounts are those of whatever runs there."""
    engine = session.engine("docker", "runc", view)
    with unchanged_machine(session) as compare:
        with engine.start("busybox", "1000", entrypoint="/bin/sleep", tty=False) as container:
            mounts, cgroup = container.proc("mountinfo"), container.proc("cgroup")
            for options in ((), ("--on-failure=continue",), ("--method=bind",), ("--dry-run",), ("--allow-host-cgroup",)):
                result = container.exec("/cginit", *options, "--", "/bin/sh", "-c", LOOK, check=False)
                assert "process 1 (sleep) was in this container first" in check_refused(result)
            # An init that has to be PID 1 hears of that first, too.
            assert "was in this container first" in check_refused(container.exec("/cginit", "/sbin/init", check=False))
            told = json.loads(container.exec("/cginit", "--explain=json", "--", "/bin/sh", check=False).stdout)
            assert [finding["code"] for finding in told["missing"]] == ["CG-NOTCONTAINER"] and not told["works"]
            assert (container.proc("mountinfo"), container.proc("cgroup")) == (mounts, cgroup)
            compare(running=[container.id])


@pytest.mark.parametrize("view", VIEWS)
def test_the_view_that_is_there_may_be_used(session, view):
    with booted(session, Case(view, "docker-runc", "private", "busybox"), tty=False) as container:
        mounts = container.proc("mountinfo")
        result = container.exec(*SHELL, LOOK)
        assert result.stdout.endswith("done\n") and "nothing to do" in result.stderr, result.stdout + result.stderr
        assert "was in this container first" in check_refused(container.exec(
            "/cginit", "--tmpfs=/tmp", "--", "/bin/true", check=False))
        assert container.proc("mountinfo") == mounts


def check_runs(result):
    assert result.returncode == 0 and result.stdout.endswith("done\n"), result.stdout + result.stderr
    assert re.search("^cginit: info: .* private", result.stderr, re.M), result.stderr


@pytest.mark.parametrize("view", VIEWS)
def test_behind_an_init_of_the_engines(session, view):
    """docker run --init, whose entrypoint is cginit, or a shell that starts it."""
    engine = session.engine("docker", "runc", view)
    with unchanged_machine(session):
        check_runs(engine.run("busybox", *SHELL[1:], LOOK, options=["--init"]))
        check_runs(engine.run("busybox", "-c", BY_A_SHELL, entrypoint="/bin/sh", options=["--init"]))
        check_runs(engine.run("busybox", "-c", BY_A_SHELL, entrypoint="/bin/sh"))


@pytest.mark.view("v1")
def test_a_sibling_has_the_mounts_that_would_change(session):
    engine = session.engine("docker", "runc", "v1")
    with unchanged_machine(session):
        result = engine.run("busybox", "-c", f"sleep 100 & {BY_A_SHELL}", entrypoint="/bin/sh",
                            options=["--init"])
    # The shell's child may not have become sleep yet.
    assert re.search(r"process \d+ \(\w+\) was in this container first", check_refused(result))


@pytest.mark.view("v1")
def test_a_health_check_during_the_start(session):
    """Of an init that is not PID 1; the engine brings it in while cginit is at work."""
    engine = session.engine("docker", "runc", "v1")
    entrypoint, *arguments = races.waiting(["--delegate=none", "--", "/bin/sleep", "1000"])
    with unchanged_machine(session):
        with engine.start("busybox", *arguments, entrypoint=entrypoint, tty=False,
                          options=["--init", "--health-cmd", "sleep 100", "--health-interval", "1s"]) as container:
            wait_for("the health check", lambda: any(races.name_of(pid) == "sleep" for pid in container.processes()))
            races.let_go(container)
            wait_for("cginit", lambda: re.search("^cginit: (info|error): ", container.logs(), re.M))
            assert not errors_of(container.logs()), container.logs()


@pytest.mark.parametrize("view", VIEWS)
def test_in_a_shared_pid_namespace(session, view):
    """A pod with shareProcessNamespace: every container has mounts of its own, and so a view of its own."""
    engine = session.engine("podman", "runc", view)
    with unchanged_machine(session) as compare:
        with engine.start("busybox", "1000", entrypoint="/bin/sleep", tty=False) as first:
            before = first.proc("mountinfo")
            with engine.start("busybox", *SHELL[1:], "echo up; sleep 1000", tty=False,
                              options=["--pid", f"container:{first.name}", "--systemd=false"]) as second:
                wait_for("the second", lambda: "up\n" in second.logs() or errors_of(second.logs()))
                assert not errors_of(second.logs()), second.logs()
                assert first.proc("mountinfo") == before
                # But beside its init it is not PID 1 that was first.
                mounts = second.proc("mountinfo")
                third = second.exec("/cginit", "--method=namespace", "--", "/bin/true", check=False)
                assert "was in this container first" in check_refused(third)
                assert second.proc("mountinfo") == mounts
                compare(running=[first.id, second.id])


def hidden_processes(config):
    config["mounts"] = [{**mount, "options": [*mount["options"], "hidepid=2"]} if mount["type"] == "proc" else mount
                        for mount in config["mounts"]]


@pytest.mark.view("v1")
def test_where_processes_are_hidden(session):
    """Unknown is not no."""
    runtime = Runtime(session, "runc", "v1")
    command = ["/bin/sh", "-c", BY_A_SHELL]
    with unchanged_machine(session):
        outcome = runtime.run(command, change=hidden_processes)
        assert outcome.status == 125 and "processes are hidden here" in outcome.said, outcome.said
        assert runtime.run([*SHELL, LOOK], change=hidden_processes).status == 0, "PID 1 was there first"


@pytest.mark.parametrize("view", VIEWS)
def test_the_outer_containers_view_is_no_view_of_ones_own(session, view):
    """A container in a container, with its cgroup namespace and its tree: the mounts say cginit, which proves nothing."""
    nested.check_cginit(session, session.engine("docker", "runc", view))


@pytest.mark.view("unified")
def test_in_the_cgroup_of_an_outer_container(session):
    """A PID and a mount namespace make no container: others are in the cgroup, too."""
    engine = session.engine("docker", "runc", "unified")
    script = f"exec unshare --fork --pid --mount-proc {shlex.join((*SHELL, LOOK))}"
    with unchanged_machine(session):
        for before in ("", "/cginit --delegate=none -- ", "/cginit -- "):
            result = engine.run("bookworm", "-c", f"{before}/bin/sh -c {shlex.quote(script)}", entrypoint="/bin/sh")
            errors = errors_of(result.stderr)
            assert result.returncode == 125 and len(errors) == 1, result.stdout + result.stderr
            assert "the container has no cgroup of its own" in errors[0], errors[0]
