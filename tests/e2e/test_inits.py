"""What boots where: each init, on each kind of host, as docs/inits.md says."""

import contextlib
import re
import time
from dataclasses import dataclass

import pytest

from cases import DIMENSIONS, FIRST_UNIFIED_ONLY, INITS, Case
from harness import checks
from harness.boot import booted, check_everything, engine_options, start, unchanged_machine
from harness.probe import wait_for_boot
from harness.shell import wait_for
from harness.tables import UPDATE, Tables

STOP_TIMEOUT = 10  # Docker's default
STOP_SLACK = 7  # more than the table says, on a machine that is busy


@dataclass(frozen=True)
class Place:
    """A column of the table."""

    view: str
    cgroupns: str

    def __str__(self):
        return f"{self.view}, {self.cgroupns}"

    def case(self, init, engine="docker-runc"):
        return Case(self.view, engine, self.cgroupns, init.image, init=init.name)


PLACES = [Place(view, cgroupns) for view in DIMENSIONS["view"] for cgroupns in DIMENSIONS["cgroupns"]]
# Where every init boots.
STOPPED_ON = Place("hybrid", "private")
# Once each, every time on another kind of host; systemd meets Podman in the boot matrix.
PODMAN_CASES = [place.case(init, "podman-runc") for place, init in
                zip(PLACES[::-1], [init for init in INITS.values() if init.kind != "systemd"])]


def short(value):
    return re.sub(r"\W+", "-", value.init if isinstance(value, Case) else str(value))


@pytest.fixture(scope="module")
def tables():
    return Tables()


@pytest.fixture(scope="module")
def versions():
    return {}


class Fleet:
    """All that boot in one place, started side by side: most of the time an init waits."""

    def __init__(self, session, cases):
        engine = session.engine(cases[0].kind, cases[0].runtime, cases[0].view)
        for case in cases:
            engine.image(case.image)
        self._machine = unchanged_machine(session)
        self._compare = self._machine.__enter__()
        self._containers = {case.init: start(session, case) for case in cases}

    @contextlib.contextmanager
    def take(self, init):
        """One of the containers, for the last time."""
        with self._containers[init] as container:
            yield container
            self._compare(running=[other.id for other in self._containers.values()])
        del self._containers[init]

    def close(self):
        for container in self._containers.values():
            container.remove()
        self._machine.__exit__(None, None, None)


@pytest.fixture(scope="module")
def fleets():
    return {}


@pytest.fixture
def fleet(request, session, fleets):
    place = request.node.callspec.params["place"]
    same_place = [item for item in request.session.items if getattr(item, "originalname", "") == "test_boot"
                  and item.callspec.params.get("place") == place]
    if request.node is same_place[0]:
        fleets[place] = Fleet(session, [place.case(INITS[item.callspec.params["init"]]) for item in same_place])
    yield fleets[place]
    if request.node is same_place[-1]:
        fleets.pop(place).close()


def version_of(session, case, versions):
    """As the init itself or its package says: systemd 252 (252.38-1~deb12u1), BusyBox v1.35.0 (Debian ...), 3.06-4"""
    if case.init not in versions:
        engine = session.engine(case.kind, case.runtime, case.view)
        program, *arguments = INITS[case.init].version
        result = engine.run(case.image, *arguments, entrypoint=program, sys_admin=False)
        assert result.returncode == 0, result.stderr
        versions[case.init] = re.search(r"\d+(\.\d+)*", result.stdout).group()
    return versions[case.init]


def check_recognised(container, case, version):
    """cginit says which init is next, and it is."""
    init = INITS[case.init]
    # The engine may be behind with the log.
    said = wait_for("cginit's line", lambda: next(
        (line for line in container.logs().splitlines() if line.startswith("cginit: info: ")), None))
    assert said.endswith(f"; {init.kind} {version} next" if case.systemd else f"; {init.kind} next"), said
    assert "cginit" not in container.proc("cmdline")


def check_refused_without_permission(session, case):
    engine = session.engine(case.kind, case.runtime, case.view)
    result = engine.run(case.image, *INITS[case.init].command, options=engine_options(case, session))
    said = result.stdout + result.stderr
    assert result.returncode == 125, said
    errors = [line for line in said.splitlines() if "error" in line]
    assert len(errors) == 1 and re.search(r"the host's (v2 )?root", errors[0]), said
    assert "--allow-host-cgroup" in errors[0], f"no cure:\n{said}"


def stopped(container):
    """(exit status, seconds) of an init that ended by itself before the time-out."""
    started = time.monotonic()
    status = container.stop(timeout=STOP_TIMEOUT)
    seconds = time.monotonic() - started
    # Killed after the time-out it would be 137.
    assert status != 137 and seconds < STOP_TIMEOUT, f"status {status} after {seconds:.1f} s:\n{container.logs()[-2000:]}"
    return str(status), seconds


def hold_stop(tables, case, container):
    init = INITS[case.init]
    status, seconds = stopped(container)
    needs = " ".join(init.stop_options).replace("--cap-add ", "")
    *exact, last = tables.columns("Stops")
    for column, seen in zip(exact, (str(init.stop_signal), needs or "nothing", status), strict=True):
        tables.hold("Stops", case.init, column, seen)
    tables.hold_at_most("Stops", case.init, last, seconds, STOP_SLACK)


def test_the_table_is_whole(tables):
    assert tables.columns("Boots") == ["version", *map(str, PLACES)]
    for title in ("Boots", "Stops"):
        rows = tables.rows(title)
        assert rows.keys() == INITS.keys()
        assert all(cell for row in rows.values() for cell in row.values()), f"{title}: an empty cell"


@pytest.mark.view("hybrid")
def test_the_newest_systemd_is_one_that_refuses_v1(session, versions):
    newest = next(init for init in INITS.values() if init.image == "newest")
    assert int(version_of(session, STOPPED_ON.case(newest), versions)) >= FIRST_UNIFIED_ONLY


@pytest.mark.parametrize("case", PODMAN_CASES, ids=short)
def test_podman(session, versions, case):
    with booted(session, case) as container:
        check_recognised(container, case, version_of(session, case, versions))
        check_everything(session, case, container)
        stopped(container)


@pytest.mark.parametrize("init", INITS, ids=short)
@pytest.mark.parametrize("place", PLACES, ids=short)
def test_boot(session, tables, versions, fleet, place, init):
    case = place.case(INITS[init])
    version = version_of(session, case, versions)
    # unstable moves on without notice.
    if case.image != "newest" or UPDATE:
        tables.hold("Boots", init, "version", version)
    with fleet.take(init) as container:
        if case.at_host_root:
            check_refused_without_permission(session, case)
        assert wait_for_boot(container, case.systemd) == "running"
        check_recognised(container, case, version)
        layout = checks.layout_of(check_everything(session, case, container))
        permitted = " with permission" if case.at_host_root else ""
        tables.hold("Boots", init, str(place), f"{layout}, {'running' if case.systemd else 'up'}{permitted}")
        if place == STOPPED_ON:
            hold_stop(tables, case, container)
