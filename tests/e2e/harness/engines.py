"""Docker and Podman, driven alike. Every engine belongs to one view and keeps its state below the session's directory."""

import contextlib
import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

import pytest

from . import host
from .mounts import cgroup_mounts, parse_cgroup
from .shell import PATIENCE, CommandFailed, run, wait_for

ENTRYPOINT = "/cginit"


class Container:
    """A running container; used as a context manager it is removed at the end, and its log printed if the body failed."""

    def __init__(self, engine, name):
        self.engine = engine
        self.name = name
        self.id = engine.cli("inspect", "--format", "{{.Id}}", name).stdout.strip()
        self._pid = None
        self.after_removal = []
        self.sealed = False  # cginit's method is a user namespace
        self.closed = False  # and the runtime is one that cannot exec into it
        self.kept = False  # or the view is the engine's own, whose cgroup it gave to the container's root
        self.entrance = []  # then what comes in from outside goes through this command
        self.places = []  # and into these cgroups, by their cgroup.procs
        engine.session.containers.add(self.id)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is not None and not issubclass(kind, pytest.skip.Exception):
            print(self.report())
        self.remove()

    @property
    def pid(self):
        """PID 1 of the container, as the machine numbers it."""
        if self._pid is None:
            self._pid = int(self.inspect("{{.State.Pid}}"))
            assert self._pid > 0, "the container is not running"
        return self._pid

    @property
    def running(self):
        return self.inspect("{{.State.Running}}") == "true"

    def inspect(self, template):
        return self.engine.cli("inspect", "--format", template, self.name).stdout.strip()

    def exec(self, *command, check=True, timeout=30, options=()):
        if self.closed:
            return self._enter(command, check, timeout, "--detach" in options)
        return self.engine.cli("exec", *options, self.name, *command, check=check, timeout=timeout)

    def _enter(self, command, check, timeout, detached):
        """As exec does it, where the runtime cannot."""
        script = 'while [ "$1" != -- ]; do echo 0 >"$1" || exit; shift; done; shift; exec "$@"'
        words = ["sh", "-c", script, "sh", *self.places, "--", "nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc",
                 "--net", "--pid", "--cgroup", "--root", "--wd", *self.entrance, *command]
        if not detached:
            return run(*words, check=check, timeout=timeout)
        return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, start_new_session=True)

    @property
    def root(self):
        return Path(f"/proc/{self.pid}/root")

    def processes(self):
        """All of its processes, as the machine numbers them."""
        namespace = os.readlink(f"/proc/{self.pid}/ns/pid")
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/ns/pid") == namespace:
                    found.append(int(pid))
        return found

    def read(self, path):
        return self.exec("cat", path).stdout

    def logs(self):
        result = self.engine.cli("logs", self.name, check=False)
        return (result.stdout + result.stderr).replace("\r", "")

    def proc(self, name):
        """A file of PID 1's /proc directory, read from the machine's own namespaces."""
        return Path(f"/proc/{self.pid}/{name}").read_text()

    def cgroup_mounts(self):
        """Those of PID 1 that it can get at."""
        return cgroup_mounts(self.proc("mountinfo"), self.sealed)

    def cgroups(self):
        """Where the engine put the container: {controllers: path}; a hierarchy it left alone has the path it had."""
        found = {}
        for membership in parse_cgroup(self.proc("cgroup")):
            parts = membership.path.split("/")
            own = next((i for i, part in enumerate(parts) if self.id in part), None)
            if own is not None and parts[own + 1:own + 2] == ["container"]:
                own += 1  # crun's, in the scope that systemd made
            found[membership.controllers] = "/".join(parts[:own + 1]) if own is not None else None
        return found

    def wait(self, timeout=30):
        """The exit status, once it has stopped."""
        wait_for("the container to stop", lambda: not self.running, timeout)
        return int(self.inspect("{{.State.ExitCode}}"))

    def stop(self, timeout=20):
        self.engine.cli("stop", "-t", round(timeout * PATIENCE), self.name, timeout=timeout + 20)
        return int(self.inspect("{{.State.ExitCode}}"))

    def restart(self, timeout=20):
        self.engine.cli("restart", "-t", round(timeout * PATIENCE), self.name, timeout=timeout + 20)
        self.forget_pid()

    def forget_pid(self):
        """To be called when the container was started again."""
        self._pid = None

    def remove(self):
        self.engine.session.leaks.note(self.id, self._processes_left(), self.engine.holders())
        self.engine.cli("rm", "-f", "-v", *self.engine.at_once, self.name, timeout=60)
        while self.after_removal:
            self.after_removal.pop()()

    def _processes_left(self):
        """None once it has stopped: then another process may have the number of its PID 1."""
        try:
            return self.processes() if self._pid is not None and self.id in self.proc("cgroup") else []
        except OSError:
            return []

    def report(self):
        parts = [f"--- {self.engine.title}, container {self.name}"]
        for title, read in (
                ("state", lambda: self.inspect("{{json .State}}")),
                ("log", self.logs),
                ("mounts of PID 1", lambda: "\n".join(
                    line for line in self.proc("mountinfo").splitlines() if "cgroup" in line)),
                ("cgroups of PID 1", lambda: self.proc("cgroup")),
                ("journal", lambda: self.exec("journalctl", "-b", "--no-pager", "-n", "60", "-o", "cat", check=False).stdout)):
            try:
                if title in ("state", "log") or self.running:
                    parts.append(f"--- {title}\n{read()}")
            except (CommandFailed, OSError) as error:
                parts.append(f"--- {title}: {str(error).splitlines()[0]}")
        return "\n".join(parts)


class Engine:
    """What Docker and Podman have in common."""

    kind = ""
    at_once = ()  # what makes rm -f kill, not stop

    def __init__(self, view, runtime, session):
        self.view = view
        self.runtime = runtime
        self.session = session
        self.title = f"{self.kind} with {runtime}, {view.name} view"
        self._images = set()
        self._warm = False

    def cli(self, *args, **options):
        raise NotImplementedError

    def common_options(self):
        return []

    def warm(self):
        """Runs something once, so that what engines make for themselves on first use is there before anybody compares."""
        if not self._warm:
            self.cli("run", "--rm", *self.common_options(), "--network", "none", "--entrypoint", "/bin/true",
                     self.image("busybox"))
            self._warm = True

    def image(self, name):
        """The image's name in this engine; imported if it is not there yet."""
        tag = f"e2e/{name}:latest"
        if name not in self._images:
            if self.cli("image", "inspect", tag, check=False).returncode != 0:
                self.cli("import", "--change", f'ENTRYPOINT ["{ENTRYPOINT}"]', "--change", 'CMD ["/sbin/init"]',
                         self.session.tarball(name), tag, timeout=180)
            self._images.add(name)
        return tag

    def build(self, name, dockerfile, base, directory):
        """An image from a Dockerfile, in a directory that gets cginit too; BASE is the name of the one it starts from."""
        shutil.copy(self.session.binary, directory / "cginit")
        (directory / "Dockerfile").write_text(dockerfile)
        self.cli("build", "--network", "none", "--build-arg", f"BASE={self.image(base)}", "--tag", f"e2e/{name}:latest",
                 directory, timeout=120)
        return self.image(name)

    def arguments(self, image, *command, sys_admin=True, tty=True, entrypoint=None, options=()):
        args = [*self.common_options(), "--stop-signal", "37"]
        args += [] if "--network=host" in options else ["--network", "none"]
        args += ["--cap-add", "SYS_ADMIN"] if sys_admin else []
        args += ["--tty"] if tty else []
        args += ["--entrypoint", entrypoint] if entrypoint is not None else []
        return [*args, *options, self.image(image), *command]

    def start(self, image, *command, **how):
        """Starts a container in the background."""
        name = f"cginit-e2e-{uuid.uuid4().hex[:12]}"
        arguments = self.arguments(image, *command, **how)
        result = self.cli("run", "--detach", "--name", name, *arguments, check=False)
        if result.returncode != 0:
            logs = self.cli("logs", name, check=False).stdout
            self.cli("rm", "-f", name, check=False)
            raise CommandFailed(f"{self.title}: could not start: {result.stderr}\n{logs}")
        return Container(self, name)

    def created(self, image, *command, **how):
        """A container whose cgroup is there, and whose PID 1 waits for `start`."""
        name = f"cginit-e2e-{uuid.uuid4().hex[:12]}"
        self.cli("create", "--name", name, *self.arguments(image, *command, **how))
        self.cli("init", name)
        return Container(self, name)

    def run(self, image, *command, timeout=60, stdin=subprocess.DEVNULL, **how):
        """Runs a container to its end: its exit status and what it said."""
        how.setdefault("tty", False)
        id_file = self.session.directory / "container-id"
        id_file.unlink(missing_ok=True)
        arguments = self.arguments(image, *command, **how)
        result = self.cli("run", "--rm", "--cidfile", id_file, *arguments, timeout=timeout, check=False, stdin=stdin)
        if id_file.exists():
            self.session.containers.add(id_file.read_text().strip())
        return result

    def delegated(self):
        """While the cgroup that its containers lie in belongs to whom the engine runs as: root's does."""
        return contextlib.nullcontext()

    def holders(self):
        """Processes that hold namespaces for all of its containers."""
        return []

    def close(self):
        pass


class Docker(Engine):
    """A daemon of its own per view, in the view's mount namespace. One daemon serves both runtimes."""

    kind = "docker"
    CLI = "/usr/bin/docker"

    def __init__(self, view, runtime, session):
        super().__init__(view, runtime, session)
        self._daemon = session.docker_daemon(view)

    def common_options(self):
        return ["--runtime", "runc" if self.runtime == "runc" else f"e2e-{self.runtime}"]

    def cli(self, *args, **options):
        return run(self.CLI, *args, env={**os.environ, "DOCKER_HOST": self._daemon.address, "DOCKER_BUILDKIT": "0"},
                   **options)


class DockerDaemon:
    """dockerd without a network, on a socket in the session's directory. It ends with this process."""

    def __init__(self, view, session, options=()):
        self.directory = session.directory / (f"docker-{view.name}" if options else "docker")
        self.directory.mkdir(exist_ok=True)
        (self.directory / "daemon.json").write_text("{}")
        socket = self.directory / "docker.sock"
        self.address = f"unix://{socket}"
        self.log = self.directory / f"dockerd-{view.name}.log"
        with open(self.log, "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [*view.prefix, "setpriv", "--pdeathsig", "TERM", "dockerd", "--config-file",
                 self.directory / "daemon.json", "--data-root", self.directory / "data", "--exec-root",
                 self.directory / "exec", "--pidfile", self.directory / "docker.pid", "--host", self.address,
                 "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--bridge=none",
                 "--exec-opt", "native.cgroupdriver=cgroupfs", "--storage-driver", "overlay2",
                 "--init-path", shutil.which("docker-init") or shutil.which("tini-static") or "docker-init",
                 "--add-runtime", f"e2e-crun={session.runtime_path('crun')}",
                 "--add-runtime", f"e2e-privileged={session.privileged_runtime()}", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for("dockerd to answer", self._answers, timeout=60)
        except CommandFailed as error:
            raise CommandFailed(f"{error}\n{self.log.read_text()[-3000:]}") from None

    def _answers(self):
        if self._process.poll() is not None:
            raise CommandFailed(f"dockerd ended with status {self._process.returncode}")
        return run(Docker.CLI, "--host", self.address, "version", check=False, timeout=20).returncode == 0

    def close(self):
        left = run(Docker.CLI, "--host", self.address, "ps", "-aq", timeout=30).stdout.split()
        if left:
            run(Docker.CLI, "--host", self.address, "rm", "-f", *left, timeout=60)
        host.kill(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            host.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=10)


class Podman(Engine):
    """Rootful Podman; each command runs in the view's mount namespace."""

    kind = "podman"
    at_once = ("-t", "0")

    def __init__(self, view, runtime, session):
        super().__init__(view, runtime, session)
        # Else newer ones say at each command that they will not support v1 for ever.
        self.environment = {"PODMAN_IGNORE_CGROUPSV1_WARNING": "1", "TMPDIR": str(session.directory)}

    def common_options(self):
        options = []
        if not host.has_sys_resource():
            # Podman's defaults are more than this root may set.
            for name in ("nofile", "nproc"):
                options += ["--ulimit", f"{name}=10000:10000"]
        controllers = self.view.v2_controllers()
        if self.view.name == "unified" and "pids" not in controllers:
            options += ["--pids-limit", "0"]
        return options

    def cli(self, *args, **options):
        directory = self.session.directory / "podman"
        return run(*self.view.prefix, "podman", "--root", directory / "root", "--runroot", directory / "run", "--tmpdir",
                   directory / "tmp", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--storage-driver",
                   "overlay", "--runtime", self.session.runtime_path(self.runtime), *args,
                   env={**os.environ, **self.environment}, **options)

    def close(self):
        self.cli("rm", "-f", "-a", "-t", "0", timeout=60)


ENGINES = {"docker": Docker, "podman": Podman}
