"""Controllers that are ready for whoever starts containers in the container."""

import contextlib
from pathlib import Path

import pytest

from harness import checks, nested
from harness.boot import unchanged_machine
from harness.shell import wait_for

VIEWS = ("hybrid", "v1", "comount", "unified")


@pytest.mark.parametrize("cgroupns", ["host", "private"])
@pytest.mark.parametrize("view", [pytest.param(view, marks=pytest.mark.view(view)) for view in VIEWS])
def test_runc_in_the_container(session, view, cgroupns):
    engine = session.engine("docker", "runc", view)
    v2 = set(engine.view.v2_controllers() or ()) if view == "unified" else set()
    controllers = [name for name in nested.LIMITS if name in v2] if v2 else ["pids", "memory", "cpuset"]
    nested.check_runc(session, engine, "inits", controllers, [f"--cgroupns={cgroupns}"])


@pytest.mark.view("unified")
@pytest.mark.parametrize("value, subtree", [("auto", True), ("none", False), ("nosuch", False)])
def test_what_is_enabled(session, value, subtree):
    engine = session.engine("docker", "runc", "unified")
    controllers = engine.view.v2_controllers()
    command = "cat /sys/fs/cgroup/cgroup.subtree_control; echo -- $(cat /proc/self/cgroup | grep ^0::)"
    with unchanged_machine(session):
        result = engine.run("busybox", f"--delegate={value}", "--", "/bin/sh", "-c", command)
    assert result.returncode == 0, result.stderr
    enabled, own = result.stdout.split("-- ")
    assert (set(enabled.split()) == set(controllers)) == subtree, result.stdout
    assert own.strip() == ("0::/" if value == "none" else "0::/init.scope")
    warned = "the init cannot use the controller nosuch" in result.stderr
    assert warned == (value == "nosuch"), result.stderr


V2 = "sys/fs/cgroup/unified"


def root_of(view):
    return Path(f"/proc/{view.pid}/root")


@contextlib.contextmanager
def handed_down(view):
    """The v2 controllers of a hybrid host are enabled for the children of Docker's parent, as systemd enables them for its own."""
    place = root_of(view) / V2
    controllers = (place / "cgroup.controllers").read_text().split()
    before = {}
    (place / "docker").mkdir(exist_ok=True)
    for control in (place / "cgroup.subtree_control", place / "docker" / "cgroup.subtree_control"):
        before[control] = control.read_text().split()
        for controller in controllers:
            control.write_text(f"+{controller}")
    yield controllers
    for control, enabled in reversed(before.items()):
        for controller in set(controllers) - set(enabled):
            control.write_text(f"-{controller}")


@pytest.mark.view("hybrid")
@pytest.mark.parametrize("delegate", [False, True], ids=["", "delegate"])
def test_exec_where_the_engine_has_its_limits_on_v1(session, delegate):
    """It writes what it brings in to its v2 cgroup as well: EBUSY, once controllers are enabled there for children."""
    engine = session.engine("docker", "runc", "hybrid")
    arguments = ["--delegate=all"] if delegate else []
    with unchanged_machine(session), handed_down(engine.view) as controllers:
        with engine.start("newest", *arguments, "--", "/sbin/init") as container:
            wait_for("the init", lambda: not container.proc("comm").startswith(("cginit", "runc")))
            own = container.cgroups()[frozenset()]
            enabled = (root_of(engine.view) / f"{V2}{own}/cgroup.subtree_control").read_text().split()
            result = container.exec("true", check=False)
            warned = "what it brings in by exec (docker exec, health checks) fails with EBUSY" in container.logs()
            assert warned == delegate
            if delegate and controllers:
                assert enabled == controllers and "busy" in result.stdout + result.stderr, (enabled, result)
            else:
                assert not enabled and result.returncode == 0, (enabled, result)


@pytest.mark.view("v1")
def test_a_cpuset_takes_processes_at_once(session):
    engine = session.engine("docker", "runc", "v1")
    command = "mkdir /sys/fs/cgroup/cpuset/a && echo $$ >/sys/fs/cgroup/cpuset/a/cgroup.procs && echo usable"
    with unchanged_machine(session):
        result = engine.run("busybox", "/bin/sh", "-c", command)
        without = engine.run("busybox", "--delegate=none", "--", "/bin/sh", "-c", command)
    assert "usable" in result.stdout, result.stderr
    assert "usable" not in without.stdout


@pytest.mark.view("unified")
def test_processes_that_keep_appearing_are_moved_too(session):
    """What `docker exec` does while cginit works, many times over."""
    engine = session.engine("docker", "runc", "unified")
    command = ("(while :; do /bin/true; done) & (while :; do /bin/true; done) & "
               "exec /cginit -- /bin/sh -c 'cat /sys/fs/cgroup/cgroup.subtree_control; cat /sys/fs/cgroup/cgroup.procs; echo end'")
    with unchanged_machine(session):
        for _ in range(5):
            result = engine.run("busybox", "-c", command, entrypoint="/bin/sh")
            assert result.returncode == 0, result.stderr
            assert result.stdout.split() == [*engine.view.v2_controllers(), "end"], result.stderr


DOCKERD = ("dockerd", "--host=unix:///run/nested.sock", "--data-root=/var/lib/nested", "--exec-root=/run/nested",
           "--storage-driver=vfs", "--exec-opt=native.cgroupdriver=cgroupfs", "--bridge=none", "--iptables=false",
           "--ip6tables=false", "--ip-forward=false", "--ip-masq=false")
NESTED_DOCKER = ("docker", "--host=unix:///run/nested.sock")
SAY_LIMITS = "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/memory/memory.limit_in_bytes"
NESTED_LIMITS = {"pids": 23, "memory": 64 << 20}


@pytest.mark.view("hybrid")
def test_dockerd_in_the_container(session):
    """As docker:dind has it: dockerd for the init, here the machine's own, which starts a container with limits."""
    engine = session.engine("docker", "runc", "hybrid")
    engine.image("bookworm")
    options = ["--volume=/usr:/usr:ro", f"--volume={session.tarball('busybox')}:/busybox.tar:ro",
               "--tmpfs=/run", "--cap-add=NET_ADMIN", "--security-opt=seccomp=unconfined"]
    with unchanged_machine(session) as compare:
        with engine.start("bookworm", "--", *DOCKERD, tty=False, options=options) as container:
            wait_for("the nested dockerd", lambda: container.exec(*NESTED_DOCKER, "version", check=False).returncode == 0)
            assert "; dockerd next" in container.logs()
            limits = checks.limit_files(container, session.view)
            container.exec(*NESTED_DOCKER, "import", "/busybox.tar", "nested")
            limited = [f"--pids-limit={NESTED_LIMITS['pids']}", f"--memory={NESTED_LIMITS['memory']}"]
            said = container.exec(*NESTED_DOCKER, "run", "--rm", "--network=none", *limited, "nested", "/bin/sh", "-c", SAY_LIMITS,
                                  timeout=60).stdout
            assert said.split() == [str(value) for value in NESTED_LIMITS.values()]
            assert limits == checks.limit_files(container, session.view), "V4"
            compare(running=[container.id])
