"""On v2 root in the container can freeze the cgroup that exec'd processes are put into: what hangs then, and what the host
does about it, is in docs/limits.md."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import updates
from harness.boot import unchanged_machine
from harness.shell import wait_for

# PID 1, which exec'd processes follow, is in `in` and frozen by another process, which is not.
INIT = ("/bin/sh", "-c", "(until [ -e /dev/shm/go ]; do sleep 0.1; done; cd /sys/fs/cgroup; mkdir -p out in; echo 1 >in/cgroup.procs;"
        " sh -c 'echo $$ >out/cgroup.procs; echo 1 >in/cgroup.freeze; exec sleep 3600') & exec sleep 3600")
ENGINES = ["docker-runc", "podman-crun"]


def lines_of(path):
    return path.read_text().splitlines()


class Frozen:
    """A container that has frozen itself, and the engine's cgroup of it, seen from the machine."""

    def __init__(self, session, container):
        engine, inner = updates.files_of(container, session.view, "cgroup.freeze")
        self.engine, self.inside = engine.parent, inner.parent / "in"
        (container.root / "dev/shm/go").touch()
        wait_for("the init to be frozen", lambda: self.inside.exists() and "frozen 1" in lines_of(self.inside / "cgroup.events"))

    def thaw(self):
        for file in self.engine.rglob("cgroup.freeze"):
            file.write_text("0")

    def kill(self):
        (self.engine / "cgroup.kill").write_text("1")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cure", ["thaw", "kill"])
@pytest.mark.view("unified")
def test_an_execd_process_waits_until_the_host_frees_it(session, engine, cure):
    running = session.engine(*engine.split("-"), "unified")
    with unchanged_machine(session):
        with running.start("busybox", "--drop-cap=SYS_ADMIN", "--delegate=none", "--", *INIT, tty=False) as container:
            frozen = Frozen(session, container)
            with ThreadPoolExecutor(1) as executor:
                outcome = executor.submit(container.exec, "echo", "works", check=False)
                try:
                    # The runtime's own process, before it executes what was asked for.
                    wait_for("the exec'd process", lambda: len(lines_of(frozen.inside / "cgroup.procs")) > 1 or outcome.done())
                    assert not outcome.done(), outcome.result()
                finally:
                    getattr(frozen, cure)()
                result = outcome.result()
            if cure == "thaw":
                assert (result.returncode, result.stdout.strip()) == (0, "works"), result
            else:
                assert result.returncode != 0, result
                wait_for("the container to end", lambda: not container.running)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.view("unified")
def test_with_tracking_only_they_are_above_what_can_be_frozen(session, engine):
    """No controller is enabled in the engine's cgroup, which can then take processes."""
    running = session.engine(*engine.split("-"), "unified")
    with unchanged_machine(session):
        with running.start("busybox", "--drop-cap=SYS_ADMIN", "--delegate=none", "--writable=tracking", "--", *INIT,
                           tty=False) as container:
            frozen = Frozen(session, container)
            try:
                assert container.exec("echo", "works").stdout.strip() == "works"
                assert "frozen 1" in lines_of(frozen.inside / "cgroup.events")
            finally:
                frozen.thaw()
