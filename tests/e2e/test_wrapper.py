"""cginit in the place of the image's init, by each of the ways that docs/use.md shows."""

import re

import pytest

from cases import Case
from harness.boot import check_everything, engine_options, unchanged_machine
from harness.images import ROOT
from harness.probe import wait_for_boot
from harness.shell import wait_for

DOCKER = Case("hybrid", "docker-runc", "private", "bookworm")
PODMAN = Case("hybrid", "podman-runc", "private", "bookworm")
# Its /sbin/init is a file, and not systemd.
SYSVINIT = Case("hybrid", "docker-runc", "private", "inits")
OWN_PLACE = "/usr/local/sbin/init"


def dockerfiles():
    """(with dpkg-divert, with mv)"""
    section = (ROOT / "docs/use.md").read_text().split("## As a wrapper over /sbin/init")[1].split("\n## ")[0]
    return re.findall(r"^```dockerfile\n(.*?)^```$", section, re.S | re.M)


def built(engine, dockerfile, base, directory):
    """The tests' images have cginit as their entrypoint too."""
    engine.build("wrapper", dockerfile + "ENTRYPOINT []\n", base, directory)
    return "wrapper"


def boots(session, case, image, options=(), entrypoint=None):
    """The image as it is comes up and passes every check; systemd stops when told to."""
    engine = session.engine(case.kind, case.runtime, case.view)
    with unchanged_machine(session) as compare:
        with engine.start(image, options=[*engine_options(case, session), *options], entrypoint=entrypoint) as container:
            assert wait_for_boot(container, case.systemd) == "running"
            started_as = container.proc("cmdline")
            # busybox and sysvinit write over their own.
            assert started_as == f"{entrypoint or '/sbin/init'}\0" if case.systemd else started_as.startswith("init")
            check_everything(session, case, container)
            compare(running=[container.id])
            if case.systemd:
                assert container.stop() == 0


@pytest.mark.view("hybrid")
@pytest.mark.parametrize("way", [0, 1], ids=["dpkg-divert", "renamed"])
@pytest.mark.parametrize("base", ["bookworm", "trixie"])
def test_installed_over_systemd(session, tmp_path, base, way):
    case = Case("hybrid", "docker-runc", "private", base)
    engine = session.engine(case.kind, case.runtime, case.view)
    image = built(engine, dockerfiles()[way], base, tmp_path)
    if way == 0:
        listed = engine.run(image, "--list", "*/sbin/init", entrypoint="/usr/bin/dpkg-divert", sys_admin=False).stdout
        assert listed.strip().endswith("/sbin/init.distrib"), f"an upgrade would replace cginit: {listed}"
    boots(session, case, image)


@pytest.mark.view("hybrid")
def test_installed_over_busybox(session, tmp_path):
    """Which goes by the name that it is called by: it must not be init.real."""
    case = Case("hybrid", "docker-runc", "private", "busybox")
    engine = session.engine(case.kind, case.runtime, case.view)
    boots(session, case, built(engine, dockerfiles()[1], "busybox", tmp_path))


@pytest.mark.view("hybrid")
@pytest.mark.parametrize("case", [DOCKER, PODMAN, SYSVINIT], ids=lambda case: f"{case.kind}-{case.image}")
def test_mounted_at_a_path_of_its_own(session, case):
    boots(session, case, case.image, entrypoint=OWN_PLACE, options=["--volume", f"{session.binary}:{OWN_PLACE}:ro"])


@pytest.mark.view("hybrid")
@pytest.mark.parametrize("case", [DOCKER, PODMAN], ids=lambda case: case.kind)
def test_mounted_over_the_link(session, case):
    """The engine follows the link: what it leads to is hidden, and no other init is in the image."""
    engine = session.engine(case.kind, case.runtime, case.view)
    with unchanged_machine(session):
        result = engine.run(case.image, entrypoint="/sbin/init", options=[
            *engine_options(case, session), "--volume", f"{session.binary}:/sbin/init:ro"])
    assert result.returncode == 125, result.stdout + result.stderr
    assert "/sbin/init is cginit itself" in result.stderr
    assert OWN_PLACE in result.stderr, f"no cure:\n{result.stderr}"


@pytest.mark.parametrize("case", [Case(view, "podman-runc", "private", "bookworm", tree="podman-systemd")
                                  for view in ("hybrid", "unified")], ids=lambda case: case.view)
def test_podmans_automatic_systemd_mode(session, tmp_path, case):
    """No --systemd, no --entrypoint: Podman sees that the command is /sbin/init and sets up what systemd needs."""
    docker = session.engine("docker", "runc", case.view)
    image = built(docker, dockerfiles()[1], case.image, tmp_path)
    tarball = tmp_path / "image.tar"
    docker.cli("save", "--output", tarball, docker.image(image))
    podman = session.engine(case.kind, case.runtime, case.view)
    podman.cli("load", "--input", tarball, timeout=120)
    with unchanged_machine(session):
        with podman.start(image, options=["--cgroupns=private"]) as container:
            assert wait_for_boot(container, True) == "running"
            assert " /var/log/journal " in container.proc("mountinfo"), "not in Podman's systemd mode"
            check_everything(session, case, container)


@pytest.mark.view("hybrid")
def test_podmans_automatic_systemd_mode_at_a_path_of_its_own(session):
    """Podman knows that one too, in an image without an entrypoint."""
    podman = session.engine(PODMAN.kind, PODMAN.runtime, PODMAN.view)
    podman.cli("import", session.tarball(PODMAN.image), "e2e/plain:latest", timeout=180)
    with unchanged_machine(session) as compare:
        with podman.start("plain", OWN_PLACE, options=["--volume", f"{session.binary}:{OWN_PLACE}:ro"]) as container:
            assert wait_for_boot(container, True) == "running"
            assert container.proc("cmdline") == f"{OWN_PLACE}\0"
            assert " /var/log/journal " in container.proc("mountinfo"), "not in Podman's systemd mode"
            compare(running=[container.id])
            assert container.stop() == 0


@pytest.mark.view("hybrid")
def test_arguments_are_the_inits(session, tmp_path):
    """Even those that cginit has too; its own come from the environment."""
    arguments = ["systemd.unit=rescue.target", "3", "--log-level=debug"]
    engine = session.engine(DOCKER.kind, DOCKER.runtime, DOCKER.view)
    image = built(engine, dockerfiles()[1], DOCKER.image, tmp_path)
    options = [*engine_options(DOCKER, session), "--env", "CGINIT_LOG_LEVEL=debug"]
    with unchanged_machine(session):
        with engine.start(image, "/sbin/init", *arguments, tty=False, options=options) as container:
            wait_for("systemd", lambda: container.proc("comm") == "systemd\n")
            assert container.proc("cmdline").split("\0")[:-1] == ["/sbin/init", *arguments]
            # The engine may be behind with the log.
            wait_for("what cginit logged", lambda: "cginit: debug: " in container.logs())
