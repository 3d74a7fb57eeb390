"""Two containers in one PID namespace (a pod's shareProcessNamespace, --pid=container:): root in one gets at the cgroups of the
other through /proc/PID/root, unless each has a user namespace. SECURITY.md says so, and --explain recommends it."""

import contextlib
import json
import signal
from pathlib import Path

import pytest

from harness import host
from harness.boot import unchanged_machine
from harness.mounts import is_below, parse_cgroup
from harness.shell import wait_for
from harness.unprivileged import UNCONFINED

# Does as it is told, with what the init has.
OBEDIENT = ("/bin/sh", "-c", "while :; do [ ! -e /dev/shm/go ] || { rm /dev/shm/go; sh /dev/shm/try >/dev/shm/said 2>&1; "
            "touch /dev/shm/done; }; sleep 0.05; done")
VICTIM = ("/bin/sleep", "3600")
MOVED = "sleep\0007777\0"
DROPPED = {"arguments": ["--drop-cap=SYS_ADMIN"], "sys_admin": True, "options": ()}
IN_USERNS = {"arguments": ["--method=userns"], "sys_admin": False, "options": UNCONFINED}
VIEWS = [pytest.param(view, marks=pytest.mark.view(view)) for view in ("v1", "unified")]


def started(engine, how, init, *options):
    return engine.start("busybox", *how["arguments"], "--delegate=none", "--", *init, tty=False, sys_admin=how["sys_admin"],
                        options=[*how["options"], *options])


@contextlib.contextmanager
def pair(session, view, one, other):
    """Two containers, the second in the first one's PID namespace, and both inits there."""
    engine = session.engine("docker", "runc", view)
    with unchanged_machine(session):
        with started(engine, one, OBEDIENT) as attacker:
            wait_for("the first init", lambda: attacker.proc("comm") == "sh\n")
            with started(engine, other, VICTIM, f"--pid=container:{attacker.name}") as victim:
                wait_for("the second init", lambda: victim.proc("comm") == "sleep\n")
                yield attacker, victim


def moved(container):
    """The process that the attacker tries to move; its shell has others, which come and go."""
    for pid in container.processes():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_text() == MOVED:
                return pid
    raise AssertionError("there is no process to be moved")


def is_running(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def move_into(attacker, victim, view):
    """What the attacker says, and the cgroups of the process that it tried to move."""
    number = next(line for line in victim.proc("status").splitlines() if line.startswith("NSpid:")).split()[-1]
    # v1 has many hierarchies, of which one will do.
    directory = f"/proc/{number}/root/sys/fs/cgroup" + ("" if view == "unified" else "/pids")
    shm = attacker.root / "dev/shm"
    (shm / "try").write_text(f"sleep 7777 & echo $! >{directory}/cgroup.procs && echo moved\n")
    (shm / "go").touch()
    wait_for("the attacker", (shm / "done").exists)
    pid = moved(attacker)
    memberships = parse_cgroup(Path(f"/proc/{pid}/cgroup").read_text())
    # In the other's cgroup it would keep the engine from removing that.
    host.kill(pid, signal.SIGKILL)
    wait_for("its end", lambda: not is_running(pid))
    return (shm / "said").read_text(), memberships


def is_in(container, memberships, view):
    controllers = frozenset(() if view == "unified" else {"pids"})
    path = container.cgroups()[controllers]
    return any(membership.controllers == controllers and is_below(membership.path, path) for membership in memberships)


@pytest.mark.parametrize("one, other, reached", [
    pytest.param(DROPPED, DROPPED, True, id="both-dropped"),
    # Who made a user namespace, or is outside of it as the same user, has all capabilities in it.
    pytest.param(DROPPED, IN_USERNS, True, id="only-the-other-in-a-user-namespace"),
    pytest.param(IN_USERNS, DROPPED, False, id="only-the-attacker-in-a-user-namespace"),
    pytest.param(IN_USERNS, IN_USERNS, False, id="both-in-user-namespaces")])
@pytest.mark.parametrize("view", VIEWS)
def test_one_gets_into_the_cgroup_of_the_other(session, view, one, other, reached):
    with pair(session, view, one, other) as (attacker, victim):
        said, memberships = move_into(attacker, victim, view)
        assert is_in(victim, memberships, view) == reached, said
        assert is_in(attacker, memberships, view) != reached, said
        assert ("moved" in said) == reached and ("ermission denied" in said) != reached, said


def notes_of(engine, attacker, *arguments, **how):
    options = [f"--pid=container:{attacker.name}", *how.pop("options", ())]
    result = engine.run("busybox", "--explain=json", *arguments, "--", "/bin/sleep", "1", options=options, **how)
    told = json.loads(result.stdout)
    assert told["works"], told["missing"]
    return {note["code"]: [remedy["setting"] for remedy in note["remedies"]] for note in told["notes"]}


@pytest.mark.parametrize("view", VIEWS)
def test_the_explanation_recommends_user_namespaces(session, view):
    engine = session.engine("docker", "runc", view)
    with unchanged_machine(session):
        alone = json.loads(engine.run("busybox", "--explain=json", "--", "/bin/sleep", "1").stdout)
        assert "CG-SHAREDPID" not in [note["code"] for note in alone["notes"]]
        with started(engine, DROPPED, OBEDIENT) as first:
            wait_for("the first init", lambda: first.proc("comm") == "sh\n")
            settings = notes_of(engine, first, "--drop-cap=SYS_ADMIN")["CG-SHAREDPID"]
            assert any("CGINIT_METHOD=userns" in setting for setting in settings), settings
            assert "CG-SHAREDPID" not in notes_of(engine, first, "--method=userns", sys_admin=False, options=UNCONFINED)
