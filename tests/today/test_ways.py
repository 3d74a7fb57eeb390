"""Today's engines, each way of starting a container: what --explain foretells is what comes of it, as docs/engines.md has it."""

import contextlib
import json
from dataclasses import dataclass

import pytest

from cases import Case
from harness import unprivileged
from harness.boot import check_everything, stop_cleanly, unchanged_machine
from harness.images import ROOT
from harness.shell import CommandFailed
from harness.tables import Tables
from versions import VERSIONS

TABLE = ROOT / "docs" / "engines.md"
PROFILE = ROOT / "examples" / "seccomp" / "docker.json"
# A column of the table: which engine, and with which runtime.
COLUMNS = {
    "Docker": ("docker", "runc"),
    "Podman, crun": ("podman", "crun"),
    "Podman, runc": ("podman", "runc"),
    "rootless Podman": ("rootless", "crun"),
}
PODMANS = tuple(name for name in COLUMNS if "Podman" in name)


@dataclass(frozen=True)
class Way:
    """A row of the table: the options of `run`."""

    row: str
    options: tuple = ()
    sys_admin: bool = False
    columns: tuple = tuple(COLUMNS)


WAYS = (
    Way("nothing"),
    Way("`--cap-add SYS_ADMIN`", sys_admin=True),
    Way("`--security-opt seccomp=docker.json`", ("--security-opt", f"seccomp={PROFILE}"), columns=("Docker",)),
    Way("`--systemd=always`", ("--systemd=always",), columns=PODMANS),
    Way("`--read-only`", ("--read-only",), columns=PODMANS),
    Way("`--read-only --cap-add SYS_ADMIN`", ("--read-only",), sys_admin=True),
    Way("`--network=host`", ("--network=host",)),
    Way("`--network=host --cap-add SYS_ADMIN`", ("--network=host",), sys_admin=True),
    Way("`--userns=auto`", ("--userns=auto",), columns=("Podman, crun", "Podman, runc")),
    Way("`--cgroupns=host --cap-add SYS_ADMIN`", ("--cgroupns=host",), sys_admin=True),
)
IMAGES = ("bookworm", "trixie", "newest")


def cells():
    """Each image meets each way and each engine in turn."""
    found = [(way, column) for way in WAYS for column in way.columns]
    return [pytest.param(way, column, IMAGES[number % len(IMAGES)], id=f"{way.row}-{column}".replace("`", ""))
            for number, (way, column) in enumerate(found)]


def plain(engine, image):
    """What comes of the image's systemd by the engine's own means."""
    options = ["--systemd=always"] if engine.kind == "podman" else ["--privileged", "--cgroupns=private"]
    try:
        with engine.start(image, sys_admin=False, entrypoint="/sbin/init", options=options) as container:
            return unprivileged.state_of(container)
    except (CommandFailed, AssertionError) as error:
        return str(error).splitlines()[0]


@contextlib.contextmanager
def told_apart(engine, image):
    """What fails here fails with an engine that may be newer than this test: its version, and whether it starts systemd at all."""
    try:
        yield
    except Exception as error:
        with engine.delegated():
            beside = plain(engine, image)
        raise AssertionError(f"{error}\n{VERSIONS}; plain systemd beside it: {beside}") from error


def foretold(engine, image, way):
    """(code of the first thing that is missing or nothing, the method)"""
    result = engine.run(image, "--explain=json", "/sbin/init", options=way.options, sys_admin=way.sys_admin)
    told = json.loads(result.stdout)
    assert result.returncode == (0 if told["works"] else 1), result.stdout + result.stderr
    return (None, told["decision"]["method"]["value"]) if told["works"] else (told["missing"][0]["code"], None)


def refusal(engine, image, way):
    """The code that the run itself ends with."""
    result = engine.run(image, "/sbin/init", options=way.options, sys_admin=way.sys_admin)
    assert result.returncode == 125, result.stderr
    return result.stderr.rsplit("(", 1)[1].rstrip(")\n")


@pytest.mark.parametrize("way, column, image", cells())
@pytest.mark.view("unified")
def test_what_comes_of_it(session, way, column, image):
    kind, runtime = COLUMNS[column]
    engine = session.engine(kind, runtime, "unified")
    engine.image(image)
    rootfs = "read-only" if "--read-only" in way.options else "writable"
    case = Case("unified", f"{kind}-{runtime}", "private", image, rootfs=rootfs)
    with told_apart(engine, image), engine.delegated(), unchanged_machine(session) as compare:
        missing, method = foretold(engine, image, way)
        if missing is not None:
            seen = refusal(engine, image, way)
            assert seen == missing, f"V9: --explain says {missing}, the run {seen}"
        else:
            with engine.start(image, "/sbin/init", tty=case.tty, options=way.options, sys_admin=way.sys_admin) as container:
                container.sealed = method == "userns"
                state = unprivileged.state_of(container)
                assert state == "running", state
                check_everything(session, case, container)
                compare(running=[container.id])
                seen = f"running ({method})"
    Tables(TABLE).hold("What comes of it", way.row, column, seen)


LIVES = [pytest.param(column, image, sys_admin, id=column) for column, image, sys_admin in (
    ("Docker", "newest", True), ("Podman, crun", "trixie", False), ("Podman, runc", "bookworm", True),
    ("rootless Podman", "newest", False))]


@pytest.mark.parametrize("column, image, sys_admin", LIVES)
@pytest.mark.view("unified")
def test_what_users_do_with_it(session, column, image, sys_admin):
    """exec, pause, restart, stop."""
    kind, runtime = COLUMNS[column]
    engine = session.engine(kind, runtime, "unified")
    engine.image(image)
    case = Case("unified", f"{kind}-{runtime}", "private", image)
    with told_apart(engine, image), engine.delegated(), unchanged_machine(session):
        with engine.start(image, "/sbin/init", sys_admin=sys_admin) as container:
            container.sealed = not sys_admin
            assert (state := unprivileged.state_of(container)) == "running", state
            container.exec("systemctl", "restart", "e2e-limited.service")
            engine.cli("pause", container.name)
            engine.cli("unpause", container.name)
            container.restart()
            assert (state := unprivileged.state_of(container)) == "running", state
            check_everything(session, case, container)
            assert container.exec("systemctl", "is-system-running").stdout.strip() == "running"
            stop_cleanly(container)
