"""Root in a container against the limits of its engine: what it tries, what may come of it, and what did.

The program attack (programs/attack) tries; this side decides. After each try it reads the engine's limits and the cgroups
of all the container's processes from the machine, and holds what the program got hold of against ALLOWED: what CAP_SYS_ADMIN
allows whatever cginit does, as SECURITY.md has it. Each entry is exact: a try that reaches more is a hole, one that reaches
less makes SECURITY.md untrue.
"""

import contextlib
import os
import re
import select
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import checks
from .guard import RAISING, Guard, memberships, outside
from .images import HERE
from .mounts import cgroup_mounts, membership_of, parse_cgroup
from .probe import INITIAL_CGROUP_NAMESPACE
from .shell import CommandFailed, wait_for
from .shell import run as run_command

PROGRAM = "/e2e/attack"
# In the container; the machine reaches it by /proc/PID/root.
DIRECTORY = "/dev/shm/attack"
# An init that attacks when it is told to, for containers without systemd.
INIT = ("/bin/sh", "-c", f"while :; do ! rm {DIRECTORY}/go 2>/dev/null || {PROGRAM} {DIRECTORY}; sleep 0.05; done")
# What run() leaves out: whether limits bite, what takes time or another's help, what stops the attacker, and what is no limit.
APART = ("bite-pids", "bite-memory", "bite-read", "watch-newcomers", "many", "deep", "freeze", "kill-all",
         "neighbours", "oomd-attributes")


def compile_program(directory):
    """DIRECTORY/attack. Not one of the programs that are in every image: it takes longer than all of them."""
    sources = sorted((HERE / "programs" / "attack").glob("*.cpp"))
    with tempfile.TemporaryDirectory(dir=directory) as objects, ThreadPoolExecutor(os.cpu_count()) as compilers:
        compiled = list(compilers.map(lambda source: _compile(source, Path(objects)), sources))
        run_command("g++", "-static", "-o", directory / "attack", *compiled)
    return directory / "attack"


def _compile(source, directory):
    target = directory / f"{source.stem}.o"
    run_command("g++", "-std=c++20", "-Wall", "-Wextra", "-c", "-o", target, source, timeout=120)
    return target


def options(session):
    """For the engine: the program, where the attacks expect it."""
    program = session.directory / "attack"
    if not program.exists():
        compile_program(session.directory)
    return ["--volume", f"{program}:{PROGRAM}:ro"]


@dataclass(frozen=True)
class Conditions:
    """What decides on what an attacker may reach."""

    by: str  # service: a process of the init's; exec: one that the engine put into the running container
    sys_admin: bool  # whether the attacker has it: one by exec always has, --drop-cap is for the init
    searches: bool  # CAP_DAC_READ_SEARCH, which no engine gives by itself
    host_namespace: bool  # exec'd processes are in the host's cgroup namespace
    above: bool  # they sit in the engine's cgroup, above the inner level
    astray: bool  # or in another one, where the engine has no limits: podman exec leaves name=systemd as it is
    host_roots: frozenset  # of controllers: hierarchies in which the engine left the container at the host's root
    flat: bool  # blkio, net_cls or net_prio are limited on v1
    flat_shown: bool  # and are in the init's view, read-only
    v1: bool  # there are v1 hierarchies
    v1_shown: bool  # and the init's view has some
    reckless: bool = False
    unprivileged: bool = False  # the engine gave no CAP_SYS_ADMIN: a service has it in a user namespace only
    joined: bool = False  # who is exec'd is in that user namespace, too, without the capability: crun's

    @property
    def initial(self):
        """The attacker's own cgroup namespace is the host's."""
        return self.by == "exec" and self.host_namespace


def conditions(container, by, dropped=False, searches=False, reckless=False, unprivileged=False, joined=False):
    """From what the machine sees of the container; to be asked while an exec'd process runs there."""
    paths = container.cgroups()
    shown = [mount for mount in container.cgroup_mounts() if mount.kind == "cgroup"]
    guarded = [membership.controllers for membership in parse_cgroup(container.proc("cgroup"))
               if membership.path not in ("/", paths[membership.controllers])]
    namespaces, above = set(), False
    for pid in container.processes():
        with contextlib.suppress(OSError):
            namespaces.add(os.readlink(f"/proc/{pid}/ns/cgroup"))
            above = above or any(membership.path == paths[membership.controllers] for membership in memberships(pid)
                                 if membership.controllers in guarded)
    return Conditions(
        by=by, sys_admin=by == "exec" or not dropped, searches=searches, above=above,
        astray=any(paths[controllers] is not None and path != "/" for controllers, path in outside(container, paths)),
        host_namespace=INITIAL_CGROUP_NAMESPACE in namespaces,
        host_roots=frozenset(controllers for controllers, path in paths.items() if path is None),
        flat=any(checks.FLAT & controllers and path is not None for controllers, path in paths.items()),
        flat_shown=any(checks.FLAT & set(mount.options) for mount in shown),
        v1=any(paths), v1_shown=bool(shown), reckless=reckless, unprivileged=unprivileged, joined=joined)


def _fresh_mounts(c):
    """A fresh mount in a namespace of the container's shows the inner level, and what has none."""
    return ({"flat"} if c.flat else set()) | ({"host"} if c.host_roots else set())


def _in_initial_namespace(c):
    """Nothing that would change this machine is tried there, but on machines made for it."""
    return {"namespace"} if not c.reckless else set()


def _mount_again(c):
    if c.initial:
        return _in_initial_namespace(c) | ({"host"} if c.v1 or c.reckless else set())
    return _fresh_mounts(c)


def _new_namespace(c):
    """Its root is the attacker's cgroup, which for an exec'd process may be the engine's own, or its caller's."""
    if c.by != "exec":
        return _fresh_mounts(c)
    return _fresh_mounts(c) | ({"engine"} if c.above else set()) | ({"outside"} if c.astray else set())


def _new_mount_api(c):
    if c.initial and not c.reckless:
        return {"namespace"}
    return {"host"} if c.initial or any(not checks.FLAT & controllers for controllers in c.host_roots) else set()


def _enter_namespaces(c):
    if c.by == "exec" or not c.host_namespace:
        return set()
    return {"namespace"} | ({"host"} if c.v1_shown else set())


# What a process with CAP_SYS_ADMIN reaches. Whatever is not here is refused, or leads nowhere; without it, all is.
ALLOWED = {
    "remount-bind": lambda c: {"flat"} if c.flat_shown else set(),
    "mount-setattr": lambda c: {"flat"} if c.flat_shown else set(),
    "remount-superblock": lambda c: _in_initial_namespace(c) if c.initial else set(),
    "new-hierarchy": lambda c: (_in_initial_namespace(c) or {"host"}) if c.initial else set(),
    "new-mount-api": _new_mount_api,
    "mount-again": _mount_again,
    "new-cgroup-namespace": _new_namespace,
    "new-user-namespace": _new_namespace,
    "enter-cgroup-namespaces": _enter_namespaces,
    "enter-user-namespaces": _new_namespace,
    "trace": lambda c: {"process"} if c.by == "service" and (c.above or c.host_namespace) else set(),
    "host-settings": lambda c: {"sysctl"},
}
# The same where the engine gave none. A service has it in the init's user namespace: nothing from before that can be remounted
# there, no process of the engine's be traced. Who is exec'd has none, but may make a user namespace as cginit may. By runc he is
# in the engine's user namespace, and as the one who made the init's he may mount there; by crun 1.8.7 and later he is in the
# init's, where he has no capability for it.
ALLOWED_TO_UNPRIVILEGED = {
    "service": {name: ALLOWED[name] for name in ("new-mount-api", "mount-again", "new-cgroup-namespace", "new-user-namespace")},
    "exec": {name: ALLOWED[name] for name in (
        "new-mount-api", "new-user-namespace", "enter-user-namespaces", "remount-superblock", "new-hierarchy")},
    "joined": {name: ALLOWED[name] for name in ("new-user-namespace", "enter-user-namespaces")},
}
# What a service reaches that --drop-cap left without it: who is the same user has all capabilities in a user namespace that an
# exec'd process made.
ALLOWED_TO_OWNERS = {"trace": ALLOWED["trace"]}
# And one with CAP_DAC_READ_SEARCH.
ALLOWED_TO_SEARCHERS = {"cgroup-handles": {"engine", "host", "outside"}}


def allowed(name, c):
    if c.unprivileged:
        table = ALLOWED_TO_UNPRIVILEGED["joined" if c.joined else c.by]
    else:
        table = ALLOWED if c.sys_admin else ALLOWED_TO_OWNERS
    found = table[name](c) if name in table else set()
    return found | (ALLOWED_TO_SEARCHERS.get(name, set()) if c.searches else set())


class Attacker:
    """A running attack program, told by two pipes in the container what to try."""

    def __init__(self, container, start):
        self._directory = Path(f"/proc/{container.pid}/root{DIRECTORY}")
        self._directory.mkdir(exist_ok=True)
        self._pipes = []
        for name in ("in", "out"):
            path = self._directory / name
            path.unlink(missing_ok=True)
            os.mkfifo(path)
            # For both directions: opening must not wait for the other side.
            self._pipes.append(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        self._rest = b""
        start(self._directory)

    def tell(self, name):
        os.write(self._pipes[0], f"{name}\n".encode())

    def ask(self, name, timeout):
        """(result, detail)"""
        self.tell(name)
        return self.answer(name, timeout)

    def answered(self):
        return bool(select.select([self._pipes[1]], [], [], 0)[0])

    def answer(self, name, timeout):
        end = time.monotonic() + timeout
        while b"\n" not in self._rest:
            readable, _, _ = select.select([self._pipes[1]], [], [], max(0, end - time.monotonic()))
            if not readable:
                raise CommandFailed(f"the attack {name} gave no answer within {timeout} s: {self._rest!r}")
            self._rest += os.read(self._pipes[1], 65536)
        line, self._rest = self._rest.split(b"\n", 1)
        said, result, detail = [*line.decode(errors="replace").split("\t", 2), ""][:3]
        assert said == name, f"{name}: {line!r}"
        return result, detail

    def close(self):
        self.tell("quit")
        for pipe in self._pipes:
            os.close(pipe)


def start_as_service(container, systemd):
    """As a unit of systemd's, or by the init INIT."""
    if systemd:
        return lambda _: container.exec("systemd-run", "--quiet", "--collect", PROGRAM, DIRECTORY)
    return lambda directory: (directory / "go").touch()


def start_by_exec(container):
    return lambda _: container.exec(PROGRAM, DIRECTORY, options=["--detach"])


def exec_as_crun_does(container, view):
    """Into the init's user namespace, with the capabilities that the engine gave: on v1 in the engine's cgroups, on v2 in PID 1's.
    For machines whose crun cannot yet."""
    paths, own = container.cgroups(), parse_cgroup(container.proc("cgroup"))
    container.entrance = ["nsenter", "--target=1", "--user", "setpriv", "--bounding-set=-sys_admin"]
    for mount in cgroup_mounts(view.mountinfo()):
        membership = membership_of(mount, own)
        path = membership.path if mount.kind == "cgroup2" else paths[membership.controllers]
        if path is not None:
            container.places.append(Path(f"/proc/{view.pid}/root{mount.point}{path}/cgroup.procs"))


@contextlib.contextmanager
def attacker(container, by, systemd):
    """What runs as PROGRAM is killed with its last child; the container goes on."""
    running = Attacker(container, start_by_exec(container) if by == "exec" else start_as_service(container, systemd))
    try:
        yield running
    finally:
        running.close()
        wait_for("the attacker to end", lambda: PROGRAM not in commands(container))


def commands(container):
    found = set()
    for pid in container.processes():
        with contextlib.suppress(OSError):
            found.add(Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0])
    return found


def exec_user_namespaces(container):
    """Those of the processes that were let in."""
    found = set()
    for pid in container.processes():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_text().startswith("sleep\0"):
                found.add(os.readlink(f"/proc/{pid}/ns/user"))
    return found


def wait_for_init(container):
    wait_for("the init", lambda: not container.proc("comm").startswith(("cginit", "runc", "crun")))


def let_one_in(container):
    """Exec'd processes that others can find: a user's shell, say, and one in a user namespace that it made. One that comes
    before cginit is done keeps the engine's own namespaces, which is another story."""
    wait_for_init(container)
    container.exec("sleep", "10000", options=["--detach"])
    container.exec("unshare", "--user", "--map-root-user", "sleep", "10000", options=["--detach"])
    wait_for("the exec'd processes", lambda: len(exec_user_namespaces(container)) > 1)


def run(session, container, c, systemd=False, timeout=60):
    """Tries everything but what is APART; returns {name: (result, detail)}, or fails with all that is wrong."""
    guard = Guard(container, session.view)
    seen, problems = {}, []
    with attacker(container, c.by, systemd) as running:
        if c.reckless:
            running.ask("reckless", timeout)
        names = [name for name in running.ask("list", timeout)[1].split() if name not in APART]
        # What may raise limits comes when the others are through; then nobody needs an exec'd process to be where it was.
        for name in sorted(names, key=lambda name: (name == "move-up", bool(RAISING & allowed(name, c)))):
            result, detail = seen[name] = running.ask(name, timeout)
            reached = set(result.removeprefix("reached:").split(",")) if result.startswith("reached:") else set()
            wrong = list(guard.problems(reached & allowed(name, c), c.initial and c.reckless))
            if result == "broken" or reached != allowed(name, c):
                wrong.append(f"reached {sorted(reached)}, allowed {sorted(allowed(name, c))}")
            problems += [f"{name}: {text}\n    {result} {detail}" for text in wrong]
    assert not problems, f"{c}\n" + "\n".join(problems)
    return seen


def ask(container, *names, by="service", systemd=False, timeout=60):
    """Single ones, by name: {name: (result, detail)}"""
    with attacker(container, by, systemd) as running:
        return {name: running.ask(name, timeout) for name in names}


def bite(container, pids, megabytes, milliseconds=0):
    """The limits bite: forks are refused, who wants more memory is killed, and to read 2 MB from the disk takes time."""
    names = ["bite-pids", "bite-memory", *(["bite-read"] if milliseconds else [])]
    said = ask(container, *names)
    # fork after 281: Resource temporarily unavailable
    result, detail = said["bite-pids"]
    assert result == "refused" and "EAGAIN" in detail, f"no fork was refused: {result} {detail}"
    assert int(re.search(r"fork after (\d+)", detail).group(1)) < pids, detail
    result, detail = said["bite-memory"]
    assert result == "refused", f"nobody was killed: {result} {detail}"
    assert int(re.search(r"killed at (\d+) MB", detail).group(1)) < megabytes, detail
    if milliseconds:
        result, detail = said["bite-read"]
        assert result == "harmless", detail
        assert int(re.search(r"(\d+) ms", detail).group(1)) >= milliseconds, detail


def engine_directory(container, view):
    """The engine's own v2 cgroup, as the host sees it."""
    point = next(mount.point for mount in cgroup_mounts(view.mountinfo()) if mount.kind == "cgroup2")
    return Path(f"/proc/{view.pid}/root{point}{container.cgroups()[frozenset()]}")


def watch(container, meanwhile, timeout=60):
    """(result, detail) of watching what enters the container, for as long as that is done again and again."""
    with attacker(container, "service", False) as running:
        running.ask("list", timeout)  # Now it is there.
        running.tell("watch-newcomers")
        while not running.answered():
            meanwhile()
        return running.answer("watch-newcomers", timeout)


