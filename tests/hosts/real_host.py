"""A guest's own engines and cgroups behind the interface of the end-to-end tests: nothing is rearranged here, so the view
is the host's own, and the engines are set up as Debian does it."""

import contextlib
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from harness import images
from harness.engines import Docker, Podman
from harness.session import Session
from harness.shell import run, wait_for
from harness.userns import RootlessPodman

# run-guest.py's name for this host, the kinds of host that it is, and the view of the end-to-end tests that is like it. Debian's
# v1 host has controllers that share a hierarchy.
KIND = os.environ["CGINIT_GUEST_KIND"]
KINDS = {"v2": ("v2", "v2-stable"), "today": ("v2", "v2-today")}.get(KIND, (KIND,))
VIEW = {"v1": "comount", "hybrid": "hybrid", "v2": "unified", "v1-flat": "v1", "today": "unified", "selinux": "unified"}[KIND]
HAS_SYSTEMD = Path("/run/systemd/system").exists()


class OnHost:
    """What the images of a guest lack, because it changes with every build; and AppArmor, which has to be told."""

    _security = ("--security-opt", "apparmor=unconfined")

    def common_options(self):
        files = {"/cginit": self.session.binary}
        files |= {f"/e2e/{path.name}": path for path in self.session.programs.iterdir() if path.suffix != ".so"}
        return [*super().common_options(), *self._security,
                *(f"--volume={path}:{target}:ro" for target, path in files.items())]

    @contextlib.contextmanager
    def confined(self):
        """The engine's own AppArmor profile is in force in what is started meanwhile."""
        self._security = ()
        yield
        del self._security


class GuestDocker(OnHost, Docker):
    pass


class GuestPodman(OnHost, Podman):
    def cli(self, *args, **options):
        return run("podman", "--runtime", self.runtime, *args, **options)


class GuestRootless(OnHost, RootlessPodman):
    pass


class DebianDocker:
    """The host's dockerd; it lives as long as the host."""

    address = "unix:///run/docker.sock"

    def __init__(self):
        if HAS_SYSTEMD:
            run("systemctl", "start", "docker")
        else:
            with open("/run/dockerd.log", "wb") as log:
                subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            wait_for("dockerd to answer", lambda: run(Docker.CLI, "version", check=False).returncode == 0)

    def close(self):
        pass


class GuestSession(Session):
    def __init__(self):
        self.programs = Path(os.environ["CGINIT_PROGRAMS"])
        super().__init__()
        if KIND == "selinux":
            # What is bound into containers has to be theirs to read, as with a volume's `:z`; dockerd finds nothing else either.
            run("chcon", "-R", "-t", "container_file_t", self.binary.parent)
        self.engine_directories += ("/var/lib/docker", "/var/lib/containers", "/run/docker", "/run/containers",
                                    "/run/netns", "/run/user")
        for engine in [("docker", "runc"), ("podman", "crun")] if HAS_SYSTEMD else [("docker", "runc")]:
            self.engine(*engine, VIEW)
        # What a host has from its first container on: the engines' slices and services, and controllers switched on.
        self._first_state = self.machine.state()

    def prepare_programs(self):
        pass

    def tarball(self, image):
        """For who has a store of his own, or none: what Docker has of it, and what changes with every build."""
        path = self.directory / f"{image}.tar"
        if not path.exists():
            docker = self.engine("docker", "runc", VIEW)
            saved = self.directory / "saved.tar"
            docker.cli("save", "--output", saved, docker.image(image), timeout=180)
            with tarfile.open(saved) as tar, open(path, "wb") as target:
                # Where the layer lies depends on Docker's version.
                saved_image, = json.load(tar.extractfile("manifest.json"))
                layer, = saved_image["Layers"]
                shutil.copyfileobj(tar.extractfile(layer), target)
            saved.unlink()
            images.add_programs(path, self.programs)
        return path

    def make_view(self, name):
        assert name == VIEW, f"this host has the {VIEW} view, not the {name} one"
        self.machine.name = name
        return self.machine

    def make_daemon(self, view):
        return DebianDocker()

    def make_engine(self, kind, runtime):
        return {"docker": GuestDocker, "podman": GuestPodman, "rootless": GuestRootless}[kind](self.view, runtime, self)
