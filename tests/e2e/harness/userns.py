"""Engines whose containers are in a user namespace: Podman as a user who is not root, Docker with userns-remap."""

import contextlib
import os
import signal
import subprocess

from . import host
from .engines import Docker, DockerDaemon, Engine, Podman
from .shell import run

# Nobody's on Debian, neither the user's own id nor the first of his subordinate ones, subuid(5).
USER = "cginit-e2e"
UID = 64900
SUBORDINATE = 1900000000

# Where systemd makes a cgroup for each user; the other v1 hierarchies leave him where he is.
PLACES = {"v1": ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/pids"), "unified": ("/sys/fs/cgroup",)}

_HOLDER = """
for file in passwd group subuid subgid; do
    { cat "/etc/$file"; cat "$1/$file.added"; } >"$1/$file" 2>/dev/null && mount --bind "$1/$file" "/etc/$file" || exit
done
echo up
exec cat
"""
_IN_CGROUPS = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'


class Account:
    """A user with subordinate ids, who is known in one mount namespace only; it ends with close() or with this process."""

    def __init__(self, view, session, purpose):
        self.name = f"{purpose}-{view.name}"
        # The user has to get through to his own directories.
        session.directory.chmod(0o711)
        self.home = session.directory / purpose  # and with it the images, whatever the view
        for path in (self.home, self.home / "run"):
            path.mkdir(exist_ok=True)
            path.chmod(0o700)
            os.chown(path, UID, UID)
        files = session.directory / f"{purpose}-etc"
        files.mkdir(exist_ok=True)
        ids = f"{USER}:{SUBORDINATE}:65536\n"
        for name, line in (("passwd", f"{USER}:x:{UID}:{UID}::{self.home}:/bin/sh\n"), ("group", f"{USER}:x:{UID}:\n"),
                           ("subuid", ids), ("subgid", ids)):
            (files / f"{name}.added").write_text(line)
        self._holder = subprocess.Popen(
            [*view.prefix, "unshare", "--mount", "--propagation", "slave", "sh", "-c", _HOLDER, "sh", files],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout.readline() == "up\n", "no mount namespace for the user"
        self.prefix = ("nsenter", "--mount", f"--target={self._holder.pid}")

    def close(self):
        self._holder.stdin.close()
        self._holder.wait(timeout=20)


class RootlessPodman(Podman):
    """In cgroups of the user's session, which belong to root but while delegated()."""

    def __init__(self, view, runtime, session):
        super().__init__(view, runtime, session)
        self.title = f"rootless {self.title}"
        del self.environment["TMPDIR"]  # which is root's
        self._account = Account(view, session, "rootless")
        self._cgroups = [f"{place}/cginit-e2e-rootless-{os.getpid()}" for place in PLACES[view.name]]
        self._sessions = [f"{cgroup}/session" for cgroup in self._cgroups]
        run(*self._account.prefix, "mkdir", "-p", *self._sessions)

    def cli(self, *args, **options):
        home = self._account.home
        return run(*self._account.prefix, "sh", "-c", _IN_CGROUPS, "sh", *self._sessions, "--",
                   "setpriv", "--reuid", UID, "--regid", UID, "--clear-groups", "--reset-env",
                   "env", f"XDG_RUNTIME_DIR={home}/run", f"PATH={os.environ['PATH']}",
                   *(f"{name}={value}" for name, value in self.environment.items()),
                   "podman", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--storage-driver", "overlay",
                   "--runtime", self.session.runtime_path(self.runtime), *args, cwd="/", **options)

    def warm(self):
        if not self._warm:
            self.run("busybox", entrypoint="/bin/true", sys_admin=False)
            self._warm = True

    def run(self, image, *command, timeout=60, **how):
        """In the background: without a systemd of the user's, `podman run` waits 20 s for the end to be recorded."""
        how.setdefault("tty", False)
        with self.start(image, *command, **how) as container:
            status = container.wait(timeout)
            said = self.cli("logs", container.name)
        return subprocess.CompletedProcess(command, status, said.stdout, said.stderr)

    @contextlib.contextmanager
    def delegated(self):
        """As with Delegate=: the cgroup that the session lies in belongs to the user."""
        self._chown(UID)
        try:
            yield
        finally:
            self._chown(0)

    @property
    def _pause(self):
        return self._account.home / "run/libpod/tmp/pause.pid"

    def holders(self):
        """Podman's own holder of the user's namespaces, which nothing of it ends."""
        return [int(self._pause.read_text())] if self._pause.exists() else []

    def _chown(self, owner):
        run(*self._account.prefix, "chown", "-R", f"{owner}:{owner}", *self._cgroups)

    def close(self):
        super().close()
        for pid in self.holders():
            host.kill(pid, signal.SIGKILL)
            self._pause.unlink()
        run(*self._account.prefix, "find", *self._cgroups, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+")
        self._account.close()


class RemappedDocker(Docker):
    """A daemon with userns-remap, beside the view's own."""

    def __init__(self, view, runtime, session):
        Engine.__init__(self, view, runtime, session)
        self.title = f"{self.title}, userns-remap"
        self._account = Account(view, session, "remapped")
        self._daemon = DockerDaemon(self._account, session, [f"--userns-remap={USER}"])

    def close(self):
        self._daemon.close()
        self._account.close()
