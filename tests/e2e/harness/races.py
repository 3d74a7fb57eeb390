"""A cginit that takes a second or two for what takes milliseconds, so that others can come in between."""

import contextlib
import functools
import os
import signal
import subprocess
import threading
from pathlib import Path

from . import host
from .mounts import parse_cgroup
from .shell import CommandFailed, wait_for

# In the container: what lets a waiting cginit go.
GO = "/dev/shm/go"
WORKBENCH = "/proc/driver"
# What cginit changes the system with. Each call waits at its entry, and with it all that comes after.
CALLS = "mkdir,mkdirat,rmdir,mount,umount2,unshare,setns,write,symlink"


def waiting(command=(), go=GO, before=""):
    """The command line of a shell that becomes cginit when it is told to."""
    script = f'{before} until [ -e {go} ]; do sleep 0.01; done; exec /cginit "$@"'
    return "/bin/sh", "-c", script, "sh", *command


def let_go(container, go=GO):
    (Path(f"/proc/{container.pid}/root") / go.lstrip("/")).touch()


def waiting_at(container, go):
    """The process that waits there to become cginit, as the machine numbers it."""
    for pid in container.processes():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if words[0] == "/bin/sh" and go in words[2]:
                return pid
    return None


def name_of(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def place_of(pid):
    """{controllers: path}"""
    return {membership.controllers: membership.path
            for membership in parse_cgroup(Path(f"/proc/{pid}/cgroup").read_text())}


def mount_points(pid):
    try:
        lines = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    except OSError:
        return []
    return [line.split()[4] for line in lines]


class TooLate(AssertionError):
    """cginit was faster than those that were to come in between; on a busy machine these are late."""


def until_in_time(test):
    """Runs a test again, with a cginit that is three times as slow, where the others came too late."""
    @functools.wraps(test)
    def patient(*args, **kwargs):
        for factor in (1, 3, 9):
            Slowed.factor = factor
            try:
                return test(*args, **kwargs)
            except TooLate:
                if factor == 9:
                    raise
            finally:
                Slowed.factor = 1
    return patient


class Slowed:
    """Process PID under strace, until it is no cginit any more."""

    factor = 1

    def __init__(self, pid, milliseconds, calls=CALLS):
        self.pid = pid
        self.milliseconds = milliseconds = milliseconds * self.factor
        self._strace = subprocess.Popen(
            ["strace", "-qq", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={calls}", "-e", "signal=none", "-e",
             f"inject={calls}:delay_enter={milliseconds * 1000}"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            wait_for("strace to be there", self._attached, interval=0.01)
        except CommandFailed:
            self.close()
            raise

    def _attached(self):
        if self._strace.poll() is not None:
            raise CommandFailed(f"strace: {self._strace.stderr.read().decode()}")
        # TracerPid:	4711
        return f"TracerPid:\t{self._strace.pid}\n" in Path(f"/proc/{self.pid}/status").read_text()

    def wait_until(self, what, timeout=60):
        """For a moment in the middle: WHAT is a function of the mount points that it has."""
        def there():
            if name_of(self.pid) not in ("cginit", "sh"):
                raise TooLate("cginit was done before")
            return what(mount_points(self.pid))
        wait_for("cginit to come that far", there, timeout, interval=0.002)

    @contextlib.contextmanager
    def standing_still(self):
        """It does not go on for as long as this takes: what happens meanwhile happens in the middle."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def wait_for_init(self, timeout=90):
        """Lets it go when it has become the init, which needs its speed, or has ended."""
        wait_for("cginit to be done", lambda: name_of(self.pid) not in ("cginit", "sh"), timeout, interval=0.01)
        self.close()

    def close(self):
        if self._strace.poll() is None:
            # It lets the process go.
            self._strace.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._strace.wait(timeout=5)
        if self._strace.poll() is None:
            host.kill(self._strace.pid, signal.SIGKILL)
            self._strace.wait()
        self._strace.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def at_work(points):
    return WORKBENCH in points


def view_moved_away(points):
    """The moment that matters most: nothing is at /sys/fs/cgroup."""
    return WORKBENCH in points and "/sys/fs/cgroup" not in points


class Storm:
    """Commands that are run in the container again and again, by several at once, for as long as it lasts."""

    def __init__(self, container, command=("true",), at_once=2):
        self._container = container
        self._command = command
        self._over = threading.Event()
        self.statuses = []
        self.failures = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(at_once)]

    def _run(self):
        while not self._over.is_set():
            try:
                result = self._container.exec(*self._command, check=False)
            except CommandFailed as error:
                self.failures.append(str(error))
                continue
            self.statuses.append(result.returncode)
            if result.returncode != 0:
                self.failures.append(result.stderr.strip())

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def stop(self):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def __exit__(self, *_):
        self.stop()


def outside_inner_level(container, pids):
    """{pid: path} of those that sit in the engine's cgroup in a hierarchy where the init has an inner level."""
    engine = container.cgroups()
    inner = {controllers for controllers, path in place_of(container.pid).items() if path != engine[controllers]}
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            if not os.readlink(f"/proc/{pid}/exe"):
                continue
            for controllers, path in place_of(pid).items():
                if controllers in inner and path == engine[controllers]:
                    found[pid] = path
    return found
