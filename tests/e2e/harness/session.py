"""One test run: its directory, its view (one at a time), its engines, and the proof that the machine is as it was."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from . import host, images
from .engines import ENGINES, DockerDaemon
from .leaks import Leaks
from .shell import run, wait_for
from .userns import RemappedDocker, RootlessPodman

KINDS = {**ENGINES, "rootless": RootlessPodman, "remapped": RemappedDocker}

# A container's configuration follows --bundle, that of a process that is exec'd --process.
_WITHOUT_SYS_RESOURCE = """
for word; do
    case $last in
        --bundle) file=$word/config.json ;;
        --process) file=$word ;;
        *) file= ;;
    esac
    [ -z "$file" ] || sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$file" || exit
    last=$word
done
exec {path} "$@"
"""


class Session:
    def __init__(self):
        if os.geteuid() != 0:
            raise PermissionError("the end-to-end tests need root")
        self.binary = images.binary_under_test()
        self.machine = host.Machine()
        self._first_state = self.machine.state()
        # Not below /tmp: that may be a tmpfs, and an engine's storage needs a file system that overlayfs can lie on.
        self.directory = Path(tempfile.mkdtemp(prefix="cginit-e2e-", dir="/var/tmp"))
        self.secret = self.directory / "secret"
        self.view = None
        self.containers = set()
        self.engine_directories = (self.directory,)
        self._engines = {}
        self._daemon = None
        self.leaks = Leaks(self)
        try:
            self.secret.write_text("the secret\n")
            self.prepare_programs()
        except BaseException:
            self.close()
            raise

    def prepare_programs(self):
        images.compile_programs(self.directory)

    def tarball(self, image):
        path = self.directory / f"{image}.tar"
        if not path.exists():
            images.build_image(image, path, self.directory)
        return path

    def runtime_path(self, runtime):
        path = shutil.which(runtime)
        if path is None:
            raise FileNotFoundError(f"{runtime} is not installed")
        if runtime != "crun" or host.has_sys_resource():
            return path
        # Podman goes by the file's name, so the wrapper has it too.
        return self._wrapper(runtime, f'LD_PRELOAD={self.directory}/setrlimit-shim.so exec {path} "$@"\n')

    def privileged_runtime(self):
        """runc for Docker's --privileged, which asks for capabilities that root may not have himself."""
        path = self.runtime_path("runc")
        return path if host.has_sys_resource() else self._wrapper("privileged", _WITHOUT_SYS_RESOURCE.format(path=path))

    def _wrapper(self, name, script):
        wrapper = self.directory / "runtimes" / name
        if not wrapper.exists():
            wrapper.parent.mkdir(exist_ok=True)
            wrapper.write_text(f"#!/bin/sh\n{script}")
            wrapper.chmod(0o755)
        return str(wrapper)

    def use_view(self, name):
        if self.view is not None and self.view.name != name:
            self.leave_view()
        if self.view is None:
            self.view = self.make_view(name)
        return self.view

    def make_view(self, name):
        return host.View(name)

    def docker_daemon(self, view):
        if self._daemon is None:
            self._daemon = self.make_daemon(view)
        return self._daemon

    def make_daemon(self, view):
        return DockerDaemon(view, self)

    def make_engine(self, kind, runtime):
        return KINDS[kind](self.view, runtime, self)

    def engine(self, kind, runtime, view):
        self.use_view(view)
        if (kind, runtime) not in self._engines:
            self._engines[kind, runtime] = self.make_engine(kind, runtime)
        engine = self._engines[kind, runtime]
        engine.warm()
        return engine

    def leave_view(self):
        """Ends the engines of the current view, then the view, and fails if they left something."""
        engines, daemon, view = self._engines, self._daemon, self.view
        self._engines, self._daemon, self.view = {}, None, None
        with contextlib.ExitStack() as stack:
            # Each is tried, whatever the one before said; in the reverse order.
            if view is not None:
                stack.callback(view.close, self.engine_directories)
            if daemon is not None:
                stack.callback(daemon.close)
            for engine in engines.values():
                stack.callback(engine.close)
        if view is not None:
            # A v1 hierarchy that only the view had ends with its mounts, a moment after its last cgroup.
            hierarchies = [line for line in self._first_state if line.startswith("hierarchy ")]
            wait_for("the view's hierarchies to go away", lambda: hierarchies == [
                line for line in self.machine.state() if line.startswith("hierarchy ")], timeout=20)

    def state(self, running=()):
        """The machine and the view as a container must leave them; RUNNING are the containers that may be there."""
        gone = self.containers - set(running)
        # Which is one place where the view is the machine's own.
        places = {place: place.name for place in (self.machine, self.view)}
        return [f"{title} {line}" for place, title in places.items()
                for line in host.without_containers(place.state(), self.engine_directories, gone)]

    def close(self):
        try:
            self.leave_view()
        finally:
            # Mounts that an engine kept went with its view's namespace.
            run("rm", "-rf", "--one-file-system", self.directory, timeout=120, check=False)
        left = host.difference(*(host.without_containers(state, self.engine_directories, self.containers)
                                 for state in (self._first_state, self.machine.state())))
        assert not left, f"the machine is not as it was before the tests:\n{left}"
