"""Incus: a daemon that starts LXC's containers, in a user namespace unless told otherwise."""

import contextlib
import functools
import json
import os
import subprocess
from pathlib import Path

import pytest

from harness import checks, unprivileged
from harness.boot import unchanged_machine
from harness.probe import probe
from harness.shell import run, wait_for

LIBEXEC = "/usr/libexec/incus"
METADATA = "architecture: x86_64\ncreation_date: 1\nproperties: {}\n"
NAME = "box"
_REMOVE_PIVOT = "! [ -d /sys/fs/cgroup/lxc.pivot ] || rmdir /sys/fs/cgroup/lxc.pivot"


class Incus:
    """A daemon of its own in the session's view, with the bookworm image, and without a network."""

    def __init__(self, session):
        self.session = session
        self.directory = session.directory / "incus"
        self.directory.mkdir()
        # Users of a container's user namespace go through it.
        session.directory.chmod(0o711)
        self._environment = {**os.environ, "HOME": str(self.directory), "INCUS_DIR": str(self.directory),
                             "INCUS_CONF": str(self.directory / "client"), "PATH": f"{os.environ['PATH']}:{LIBEXEC}"}
        with open(self.directory / "daemon.log", "wb") as log:
            self._daemon = subprocess.Popen([*session.view.prefix, f"{LIBEXEC}/incusd", "--group", "root"],
                                            env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        try:
            self.cli("admin", "waitready", "--timeout", "60", timeout=70)
            self.cli("storage", "create", "default", "dir")
            (self.directory / "metadata.yaml").write_text(METADATA)
            run("tar", "-C", self.directory, "-cf", self.directory / "metadata.tar", "metadata.yaml")
            self.cli("image", "import", self.directory / "metadata.tar", session.tarball("bookworm"), "--alias", "bookworm")
        except BaseException:
            self.close()
            raise

    def cli(self, *arguments, **options):
        return run(*self.session.view.prefix, "incus", "--quiet", *arguments, env=self._environment, **options)

    @contextlib.contextmanager
    def started(self, *command, privileged):
        """An instance with that command as its PID 1."""
        config = {"security.privileged": str(privileged).lower(), "raw.lxc": f"lxc.init.cmd = {' '.join(command)}"}
        self.cli("init", "bookworm", NAME, "-s", "default", "--no-profiles",
                 *(f"--config={key}={value}" for key, value in config.items()))
        try:
            self.cli("start", NAME)
            yield Instance(self)
        finally:
            # Of one that is about to end Incus says that it still runs.
            wait_for("the instance to go", lambda: self.cli("delete", "--force", NAME, check=False).returncode == 0)
            # Where LXC goes to remove the instance's own.
            wait_for("LXC's last cgroup to go", lambda: run(*self.session.view.prefix, "sh", "-c", _REMOVE_PIVOT,
                                                            check=False).returncode == 0)

    def said(self):
        return (self.directory / "logs" / NAME / "console.log").read_text(errors="replace")

    def close(self):
        self._daemon.terminate()
        self._daemon.wait(timeout=60)


class Instance:
    """What engines.Container has, too."""

    sealed = False
    id = f"lxc.payload.{NAME}"

    def __init__(self, incus):
        self._incus = incus

    @functools.cached_property
    def pid(self):
        """Of one that is still running: there is no state of another."""
        return json.loads(self._incus.cli("list", "--format", "json").stdout)[0]["state"]["pid"]

    @property
    def root(self):
        return Path(f"/proc/{self.pid}/root")

    def proc(self, name):
        return Path(f"/proc/{self.pid}/{name}").read_text()

    def exec(self, *command, check=True, timeout=30):
        return self._incus.cli("exec", NAME, "--", *command, check=check, timeout=timeout)

    def logs(self):
        return self._incus.said()


@pytest.fixture(scope="module")
def incus(session):
    session.use_view("unified")
    with contextlib.closing(Incus(session)) as daemon:
        yield daemon


def explained(incus, privileged):
    """What --explain says there; the console is a terminal."""
    with incus.started("/cginit", "--explain=json", "/sbin/init", privileged=privileged):
        said = wait_for("all that --explain says", lambda: "\n}" in (text := incus.said().replace("\r", "")) and text)
    return json.loads(said[said.index("{"):said.rindex("}") + 1])


@pytest.mark.parametrize("privileged", [False, True], ids=["unprivileged", "privileged"])
@pytest.mark.view("unified")
def test_systemd_comes_up(session, incus, privileged):
    with unchanged_machine(session):
        told = explained(incus, privileged)
        assert told["works"] and told["facts"]["place"] == "lxc", (told["facts"]["place"], told["missing"])
        with incus.started("/cginit", "/sbin/init", privileged=privileged) as instance:
            assert (state := unprivileged.state_of(instance)) == "running", state
            seen = probe(instance, True)
            checks.check_complete(seen, "unified", {"unified"})
            checks.check_consistent(seen)
            checks.check_writable(seen, set())
            incus.cli("stop", NAME, "--timeout", "20")
