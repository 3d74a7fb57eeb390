"""LXC, systemd-nspawn and Apptainer: what starts a system without a container engine."""

import contextlib
import json
import os
import re
import signal
import subprocess
import uuid
from pathlib import Path

import pytest

from harness import checks, host, unprivileged
from harness.boot import unchanged_machine
from harness.probe import probe
from harness.shell import PATIENCE, run, wait_for
from harness.userns import UID, Account

CGINIT = "/cginit"
_IN_CGROUP = 'echo $$ >"$1/cgroup.procs" || exit; shift; exec "$@"'
LXC_CONFIG = """
lxc.uts.name = box
lxc.net.0.type = empty
lxc.rootfs.path = dir:{root}
lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed
lxc.tty.max = 0
lxc.pty.max = 1024
lxc.console.path = none
lxc.console.logfile = {directory}/said
lxc.apparmor.profile = unconfined
lxc.cgroup.relative = 1
lxc.init.cmd = {command}
"""


def lxc(directory, root, command):
    """A privileged container, which LXC puts into a cgroup of its own below the one that it is started in."""
    (directory / "lxc").mkdir(exist_ok=True)
    (directory / "config").write_text(LXC_CONFIG.format(directory=directory, root=root, command=" ".join(command)))
    return ["lxc-start", "--foreground", "--name", "box", "--rcfile", directory / "config", "--lxcpath", directory / "lxc"]


def nspawn(directory, root, command):
    """As a unit of the host's runs it, but that nobody registers it."""
    return ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe", "--private-network", "--directory", root,
            *command]


def apptainer(directory, root, command):
    """By a user, who is root in a user namespace; the cgroup namespace is the host's."""
    return ["setpriv", "--reuid", UID, "--regid", UID, "--clear-groups", "--reset-env",
            "env", f"PATH={os.environ['PATH']}", f"HOME={directory}", "apptainer", "--silent", "exec", "--fakeroot", "--containall", "--no-init", "--writable-tmpfs", root, *command]


class Box:
    """What runs there; it has what engines.Container has, too."""

    sealed = False

    def __init__(self, process, directory, cgroup):
        self._process, self._directory, self._cgroup = process, directory, cgroup
        self.id = cgroup.name
        self.pid = wait_for("PID 1 of the container", self._first, timeout=30)

    def _first(self):
        """NSpid:	4711	1: the number here, and the one in there."""
        assert self._process.poll() is None, f"it ended:\n{self.logs()}"
        for pid in processes(self._cgroup):
            with contextlib.suppress(OSError):
                numbers = re.search(r"^NSpid:\t(.*)", Path(f"/proc/{pid}/status").read_text(), re.M)[1].split()
                if len(numbers) > 1 and numbers[-1] == "1":
                    return pid
        return None

    @property
    def root(self):
        return Path(f"/proc/{self.pid}/root")

    def proc(self, name):
        return Path(f"/proc/{self.pid}/{name}").read_text()

    def exec(self, *command, check=True, timeout=30):
        return run("nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--root", "--wd", *command,
                   check=check, timeout=timeout)

    def logs(self):
        return (self._directory / "said").read_text(errors="replace")


@contextlib.contextmanager
def own_cgroup(view, owner):
    """As a unit of the host's systemd has it, or a user who has Delegate=yes."""
    path = Path(f"/proc/{view.pid}/root/sys/fs/cgroup/{uuid.uuid4().hex * 2}")
    path.mkdir()
    for delegated in (path, *(path / name for name in Path("/sys/kernel/cgroup/delegate").read_text().split())):
        if delegated.exists():
            os.chown(delegated, owner, owner)
    try:
        yield path
    finally:
        end(path)


def processes(cgroup):
    """As the machine numbers them. What goes away meanwhile has none."""
    found = []
    for directory, _, _ in os.walk(cgroup):
        with contextlib.suppress(OSError):
            found += Path(directory, "cgroup.procs").read_text().split()
    return [int(pid) for pid in found]


def end(cgroup):
    """Whatever is in it, and then itself."""
    for pid in processes(cgroup):
        host.kill(pid, signal.SIGKILL)
    wait_for("the container's processes to end", lambda: not processes(cgroup))
    wait_for("the container's cgroups to go", lambda: run(
        "find", cgroup, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+", check=False).returncode == 0)


def unpacked(session, image):
    root = session.directory / f"root-{image}"
    if not root.exists():
        root.mkdir()
        run("tar", "-C", root, "-xf", session.tarball(image), timeout=120)
    return root


class Start:
    """How one of the managers starts things: in the session's view, apptainer for a user whom that view's accounts have."""

    def __init__(self, session, manager):
        self.session, self.manager = session, manager
        self.account = Account(session.view, session, "apptainer") if manager is apptainer else None
        self.owner = UID if self.account else 0
        self._prefix = self.account.prefix if self.account else session.view.prefix

    def __call__(self, cgroup, directory, *command):
        os.chown(directory, self.owner, self.owner)
        self.session.containers.add(cgroup.name)
        words = [*self._prefix, "sh", "-c", _IN_CGROUP, "sh", f"/sys/fs/cgroup/{cgroup.name}",
                 *self.manager(directory, unpacked(self.session, "bookworm"), command)]
        with open(directory / "said", "ab") as log:
            return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                    start_new_session=True)

    def close(self):
        if self.account:
            self.account.close()


@contextlib.contextmanager
def started(start, directory):
    with own_cgroup(start.session.view, start.owner) as cgroup:
        process = start(cgroup, directory, CGINIT, "/sbin/init")
        yield Box(process, directory, cgroup)


def run_to_its_end(start, directory, *command):
    """The exit status, and what was said."""
    with own_cgroup(start.session.view, start.owner) as cgroup:
        status = start(cgroup, directory, *command).wait(timeout=30 * PATIENCE)
    return status, (directory / "said").read_text(errors="replace")


def explained(start, directory):
    """What --explain says there."""
    directory.mkdir()
    status, said = run_to_its_end(start, directory, CGINIT, "--explain=json", "/sbin/init")
    assert "{" in said, f"{status}: {said}"
    return json.loads(said[said.index("{"):said.rindex("}") + 1])


@pytest.mark.parametrize("manager", [lxc, nspawn], ids=lambda manager: manager.__name__)
@pytest.mark.view("unified")
def test_systemd_comes_up(session, manager):
    session.use_view("unified")
    directory = session.directory / manager.__name__
    directory.mkdir()
    with contextlib.closing(Start(session, manager)) as start, unchanged_machine(session) as compare:
        told = explained(start, directory / "explained")
        assert told["works"], told["missing"]
        assert told["facts"]["place"] == manager.__name__
        with started(start, directory) as box:
            assert (state := unprivileged.state_of(box)) == "running", state
            seen = probe(box, True)
            checks.check_complete(seen, "unified", {"unified"})
            checks.check_consistent(seen)
            checks.check_writable(seen, set())
            compare(running=[box.id])
            os.kill(box.pid, signal.SIGRTMIN + 3)
            wait_for("the init to end", lambda: not Path(f"/proc/{box.pid}").exists(), timeout=30)


@pytest.mark.view("unified")
def test_what_comes_along_with_the_hosts_sys_is_locked(session):
    """Apptainer's root of a user namespace can take nothing of it away; nothing is left of the try, and the cure is Apptainer's."""
    session.use_view("unified")
    directory = session.directory / "apptainer"
    directory.mkdir()
    with contextlib.closing(Start(session, apptainer)) as start, unchanged_machine(session):
        told = explained(start, directory / "explained")
        first = told["missing"][0]
        assert (told["facts"]["place"], first["code"]) == ("apptainer", "CG-LOCKED"), told["missing"]
        assert [remedy["where"] for remedy in first["remedies"]] == ["apptainer"], first["remedies"]
        status, said = run_to_its_end(start, directory, CGINIT, "/sbin/init")
        assert status == 125 and said.rstrip().endswith("(CG-LOCKED)") and "roll-back" not in said, said
