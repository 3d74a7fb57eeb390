"""Containers without an engine: bundles for runc and crun, for what no engine would set up, and for many of them."""

import contextlib
import copy
import json
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from . import host
from .shell import PATIENCE, CommandFailed, run

CAPABILITIES = [f"CAP_{name}" for name in (
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_ADMIN "
    "SYS_CHROOT").split()]
# Where the container finds the bundle's own directory of results.
OUT = "/out"

_SAFE = ["nosuid", "noexec", "nodev"]
_MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": _SAFE},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": [*_SAFE, "mode=1777", "size=16m"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*_SAFE, "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": [*_SAFE, "relatime", "ro"]},
]
_CONFIG = {
    "ociVersion": "1.0.2",
    "process": {
        "user": {"uid": 0, "gid": 0}, "cwd": "/",
        "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"],
        "capabilities": {kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")},
    },
    "root": {"path": "rootfs"},
    "linux": {
        "resources": {"devices": [{"allow": False, "access": "rwm"}], "pids": {"limit": 100}},
        "namespaces": [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount")],
    },
}

# What a container runtime of Kubernetes' mounts, too, what it hides of /proc and /sys, and what it protects.
_POD_MOUNTS = [
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": _SAFE},
]
_MASKED = [*(f"/proc/{name}" for name in ("acpi", "asound", "kcore", "keys", "latency_stats", "sched_debug", "scsi",
                                          "timer_list", "timer_stats")), "/sys/firmware"]
_READ_ONLY = [f"/proc/{name}" for name in ("bus", "fs", "irq", "sys", "sysrq-trigger")]


def like_a_pod(config, no_new_privileges=False):
    """Of Kubernetes, where nobody asked for anything: no seccomp filter, and the default capabilities."""
    capabilities = [name for name in CAPABILITIES if name != "CAP_SYS_ADMIN"]
    config["process"]["capabilities"] = {kind: capabilities for kind in ("bounding", "effective", "permitted")}
    config["process"]["noNewPrivileges"] = no_new_privileges
    config["mounts"] += _POD_MOUNTS
    config["linux"] |= {"maskedPaths": _MASKED, "readonlyPaths": _READ_ONLY}


@dataclass
class Outcome:
    """What came of a container: its exit status, what it said, and the files that it left below OUT."""

    status: int
    said: str
    out: Path

    @property
    def errors(self):
        return [line for line in self.said.splitlines() if line.startswith("cginit: error: ")]


class Background:
    """A running container without an engine, with what engines.Container has, too, and means the same."""

    def __init__(self, runtime, bundle):
        self._runtime = runtime
        self._bundle = bundle
        self.id = bundle.name

    @property
    def pid(self):
        return int((self._bundle / "pid").read_text())

    @property
    def root(self):
        return Path(f"/proc/{self.pid}/root")

    def exec(self, *command, check=True, timeout=30):
        return self._runtime.cli("exec", self.id, *command, check=check, timeout=timeout)

    def proc(self, name):
        return Path(f"/proc/{self.pid}/{name}").read_text()

    def logs(self):
        return (self._bundle / "said").read_text()


class Runtime:
    """runc or crun in the session's view, without an engine."""

    def __init__(self, session, runtime, view):
        self.session = session
        self.view = session.use_view(view)
        self.title = f"{runtime}, {view} view"
        self.directory = session.directory / "bundles"
        self.binary = session.runtime_path(runtime)
        self._runtime = (*self.view.prefix, self.binary, "--root", self.directory / "state")
        # What is made on first use is there before anybody compares.
        self.run(["/bin/true"])

    def _rootfs(self, image):
        unpacked = self.directory / image
        if not unpacked.exists():
            unpacked.mkdir(parents=True)
            run("tar", "-C", unpacked, "-xf", self.session.tarball(image), timeout=120)
        return unpacked

    def config(self, args, cgroupns="private"):
        """What the tests change before they run it."""
        config = copy.deepcopy(_CONFIG)
        config["process"]["args"] = list(args)
        config["mounts"] = copy.deepcopy(_MOUNTS)
        if cgroupns == "private":
            config["linux"]["namespaces"].append({"type": "cgroup"})
        if self.view.name == "unified" and "pids" not in self.view.v2_controllers():
            del config["linux"]["resources"]["pids"]
        return config

    def bundle(self, config, image="busybox"):
        """A directory with the configuration and a root file system of its own; what is in the files is shared."""
        name = uuid.uuid4().hex * 2
        self.session.containers.add(name)
        bundle = self.directory / name
        (bundle / "out").mkdir(parents=True)
        run("cp", "-al", self._rootfs(image), bundle / "rootfs")
        config["linux"]["cgroupsPath"] = f"/{name}"
        config["mounts"].append({"destination": OUT, "type": "bind", "source": str(bundle / "out"), "options": ["bind"]})
        (bundle / "config.json").write_text(json.dumps(config))
        return bundle

    def command(self, bundle, *options):
        return [*self._runtime, "run", *options, "--bundle", bundle, bundle.name]

    def cli(self, *args, **options):
        return run(*self._runtime, *args, **options)

    def run(self, args, change=None, cgroupns="private", options=(), timeout=30):
        """Runs a container to its end; CHANGE is a function that edits the configuration."""
        config = self.config(args, cgroupns)
        if change is not None:
            change(config)
        bundle = self.bundle(config)
        result = run(*self.command(bundle, *options), timeout=timeout, check=False)
        return Outcome(result.returncode, result.stdout + result.stderr, bundle / "out")

    @contextlib.contextmanager
    def started(self, args, image, change):
        """Runs a container in the background."""
        config = self.config(args)
        change(config)
        bundle = self.bundle(config, image)
        with open(bundle / "said", "wb") as log:
            subprocess.run([str(word) for word in self.command(bundle, "--detach", "--pid-file", bundle / "pid")],
                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=30 * PATIENCE, check=False)
        container = Background(self, bundle)
        try:
            yield container
        except BaseException:
            print(container.logs())
            raise
        finally:
            self.cli("delete", "--force", bundle.name, check=False)

    def loop(self, bundles, boots, lanes, timeout):
        """Boots the containers of these bundles again and again, LANES at a time: the exit statuses, and what was said."""
        script = 'for _ in $(seq "$1"); do "$0" --root "$2" run --bundle "$3" "$4" || exit; done'
        running = []
        for bundle in bundles[:lanes]:
            command = [*self.view.prefix, "sh", "-c", script, self.binary, boots, self.directory / "state", bundle, bundle.name]
            running.append(subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, text=True,
                                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        try:
            said = [process.communicate(timeout=timeout * PATIENCE)[0] for process in running]
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"{self.title}: {boots} boots took longer than {timeout} s") from None
        finally:
            for process in running:
                if process.poll() is None:
                    host.kill(process.pid, 9)
                    process.wait()
        return [process.returncode for process in running], said

