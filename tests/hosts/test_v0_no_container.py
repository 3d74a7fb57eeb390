"""V0 where there is no container: cginit refuses, in one line, and changes nothing. Nothing of this may run outside of a guest."""

import re
from pathlib import Path

import pytest

from harness.boot import unchanged_machine
from harness.shell import run
from real_host import KIND, VIEW

WAYS = ((), ("--dry-run",), ("--on-failure=continue",), ("--method=bind",), ("--allow-host-cgroup",))
WITH_SYSTEMD = pytest.mark.kinds("v1", "hybrid", "v2")
HOSTS = "this is no container: processes and mounts are the host's"
SERVICES = "is a login session's or a service's, and no container's"


def facts():
    """Of PID 1, which has the mounts that would change, and of this process."""
    return [Path(f"/proc/{pid}/{name}").read_text() for pid in ("1", "self") for name in ("mountinfo", "cgroup")]


def check_refused(session, reason, *before, ways=WAYS, init="/bin/true"):
    with unchanged_machine(session):
        for options in ways:
            seen = facts()
            result = run(*before, session.binary, *options, "--", init, check=False)
            errors = [line for line in result.stderr.splitlines() if line.startswith("cginit: error: ")]
            assert result.returncode == 125 and len(errors) == 1, f"{options}: {result.stdout}{result.stderr}"
            assert reason in errors[0] and errors[0].endswith("(CG-NOTCONTAINER)"), errors[0]
            assert facts() == seen, options


def test_on_the_host(session):
    """sudo cginit bash; and for an init that has to be PID 1 that is not what is said first."""
    check_refused(session, HOSTS)
    check_refused(session, HOSTS, init="/sbin/init", ways=WAYS[:2])
    told = run(session.binary, "--explain", "--", "/bin/true", check=False).stdout
    assert re.search("^missing\n  1[.] CG-NOTCONTAINER ", told, re.M), told


# SELinux refuses what systemd-run does in a guest.
@pytest.mark.kinds("v1", "hybrid", "v2", "v1-flat")
def test_in_a_mount_namespace_of_the_hosts_processes(session):
    """ip netns exec, a service with PrivateMounts=: the processes are the host's, and the cgroup a service's or the root."""
    if KIND == "v1-flat":
        with unchanged_machine(session):
            result = run("unshare", "--mount", session.binary, "--", "/bin/true", check=False)
            assert result.returncode == 125 and "the own cgroup is the host's root" in result.stderr, result.stderr
    else:
        check_refused(session, SERVICES, "systemd-run", "--quiet", "--wait", "--pipe", "--collect", "unshare", "--mount")


@WITH_SYSTEMD
@pytest.mark.parametrize("properties", [("PrivateMounts=yes",), ("PrivateTmp=yes", "Delegate=yes")], ids=" ".join)
def test_in_a_service(session, properties):
    check_refused(session, SERVICES, "systemd-run", "--quiet", "--wait", "--pipe", "--collect",
                  *(f"--property={value}" for value in properties))


@pytest.mark.kinds("v2")
def test_in_a_scope_of_its_own(session):
    """What the refusal tells those to do whose engine makes no cgroup."""
    with unchanged_machine(session):
        result = run("systemd-run", "--quiet", "--scope", "--property=Delegate=yes", "unshare", "--mount",
                     session.binary, "--delegate=none", "--", "/bin/sh", "-c", "echo up", check=False)
        assert result.returncode == 0 and result.stdout == "up\n", result.stdout + result.stderr
        assert "cgroups private" in result.stderr, result.stderr


def test_a_container_among_the_hosts_processes(session):
    """docker run --pid=host: it has mounts and a cgroup of its own."""
    engine = session.engine("docker", "runc", VIEW)
    with unchanged_machine(session):
        result = engine.run("busybox", "--delegate=none", "--", "/bin/sh", "-c", "echo up", options=["--pid=host"])
        assert result.returncode == 0 and result.stdout.endswith("up\n"), result.stdout + result.stderr
        # Beside its init nobody else is.
        with engine.start("busybox", "1000", entrypoint="/bin/sleep", options=["--pid=host"], tty=False) as container:
            result = container.exec("/cginit", "--", "/bin/true", check=False)
            assert "(sleep) was in this container first" in result.stderr, result.stderr
