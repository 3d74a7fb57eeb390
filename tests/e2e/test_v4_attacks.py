"""V4 against somebody who tries: root in the container, as a service of the init's and by exec, with and without
CAP_SYS_ADMIN. What may come of each try is in harness/attacks.py."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import attacks, checks, updates
from harness.boot import unchanged_machine
from harness.probe import wait_for_boot

# What the tests of this run have seen.
RAN, REACHED = set(), set()


# Below the engine's cgroup on v2, the inner level among them.
MAX_CGROUPS, MAX_DEPTH = 4096, 15


@dataclass(frozen=True)
class Attacked:
    view: str
    engine: str
    cgroupns: str
    dropped: bool = False
    image: str = "busybox"
    seccomp: bool = True
    searches: bool = False
    workdir: str = ""  # where the image says that the init starts: a way back to what was mounted there
    arguments: tuple = ()  # of cginit's

    @property
    def title(self):
        parts = [self.view, self.engine, self.cgroupns, self.image]
        more = {"dropped": self.dropped, "unconfined": not self.seccomp, "searches": self.searches,
                f"in{self.workdir.replace('/', '_')}": self.workdir, "tracking": self.arguments}
        return "-".join(parts + [name for name, so in more.items() if so])

    @property
    def systemd(self):
        return self.image != "busybox"

    def options(self, session):
        options = [f"--cgroupns={self.cgroupns}", *attacks.options(session)]
        if self.engine.startswith("podman"):
            options += ["--systemd=false"]
        if self.view != "unified":
            options += ["--memory", "300m", "--memory-swap", "300m", "--pids-limit", "300", "--cpus", "1.5",
                        "--cpu-shares", "512", "--cpuset-cpus", "0"]
        if not self.seccomp:
            options += ["--security-opt", "seccomp=unconfined"]
        if self.searches:
            options += ["--cap-add", "DAC_READ_SEARCH"]
        return options + in_directory(self.workdir)

    def command(self):
        options = [*(["--drop-cap=SYS_ADMIN"] if self.dropped else []), *self.arguments]
        return [*options, "--", "/sbin/init"] if self.systemd else [*options, "--delegate=none", "--", *attacks.INIT]


def in_directory(path):
    """The engine's options for a container whose init starts there; where nothing is by itself, it is the host's tree."""
    volume = ["--volume", f"/sys/fs/cgroup:{path}:ro"] if path and not path.startswith("/sys/") else []
    return [*volume, "--workdir", path] if path else []


CASES = [
    Attacked("hybrid", "docker-runc", "private", workdir="/sys/fs/cgroup/memory"),
    Attacked("v1", "docker-runc", "host", dropped=True, workdir="/sys/fs/cgroup"),
    Attacked("unified", "docker-runc", "host", workdir="/sys/fs/cgroup"),
    # The init has no controllers, and who is exec'd sits in the engine's cgroup.
    Attacked("unified", "docker-runc", "private", dropped=True, workdir="/sys/fs/cgroup", arguments=("--writable=tracking",)),
    Attacked("unified", "podman-crun", "host", dropped=True, workdir="/hostcg"),
    # v2 for the init, and the engine's limits on v1: who is exec'd sits in the engine's v2 cgroup.
    Attacked("hybrid", "docker-runc", "private", image="newest"),
    Attacked("hybrid", "docker-runc", "host"),
    Attacked("hybrid", "docker-runc", "private"),
    Attacked("hybrid", "podman-runc", "private", dropped=True),
    Attacked("hybrid", "docker-runc", "host", dropped=True, image="bookworm"),
    Attacked("v1", "docker-runc", "private", image="bookworm"),
    Attacked("v1", "podman-crun", "host"),
    Attacked("v1", "docker-runc", "host", dropped=True),
    Attacked("v1", "docker-runc", "private", seccomp=False),
    Attacked("v1", "docker-runc", "private", dropped=True, searches=True),
    Attacked("comount", "docker-runc", "host", image="bookworm"),
    Attacked("comount", "podman-runc", "private"),
    Attacked("comount", "docker-runc", "private", dropped=True),
    Attacked("unified", "docker-runc", "host"),
    Attacked("unified", "docker-runc", "private", image="bookworm"),
    Attacked("unified", "podman-crun", "private", dropped=True),
    Attacked("unified", "podman-runc", "host", dropped=True),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_limits_stay_out_of_reach(session, case):
    engine = session.engine(*case.engine.split("-"), case.view)
    engine.image(case.image)
    options = case.options(session)
    with unchanged_machine(session) as compare:
        with engine.start(case.image, *case.command(), options=options, tty=case.systemd) as container:
            if case.systemd:
                assert wait_for_boot(container, True) == "running"
            for by in ("service", "exec"):
                attacks.let_one_in(container)
                c = attacks.conditions(container, by, case.dropped, case.searches)
                # crun lets them join the init's namespace, whatever the engine's options are.
                assert c.host_namespace == (case.cgroupns == "host" and case.engine.endswith("runc"))
                seen = attacks.run(session, container, c, case.systemd)
                REACHED.update(name for name, (result, _) in seen.items() if result.startswith("reached:"))
            compare(running=[container.id])
    RAN.add(case)


@pytest.mark.view("unified")  # The last one.
def test_all_that_is_said_to_be_allowed_was_reached():
    if RAN != set(CASES):
        pytest.skip("not all of the attacks were run")
    assert REACHED == {*attacks.ALLOWED, *attacks.ALLOWED_TO_SEARCHERS}


def disk(directory):
    """The disk that a directory is on, whole; None where it is on none."""
    status = os.stat(directory)
    device = Path(f"/sys/dev/block/{os.major(status.st_dev)}:{os.minor(status.st_dev)}")
    if not device.exists():
        return None
    name = device.resolve().parent.name if (device / "partition").exists() else device.resolve().name
    return Path("/dev") / name


@pytest.mark.view("v1")
def test_limits_bite_before_and_after(session):
    """And processes that enter while somebody waits for them stay out of reach without CAP_SYS_ADMIN."""
    case = Attacked("v1", "docker-runc", "host", dropped=True)
    engine = session.engine("docker", "runc", "v1")
    options = case.options(session)
    if disk(session.directory) is not None:
        options += ["--device-read-bps", f"{disk(session.directory)}:1mb"]
    with unchanged_machine(session):
        with engine.start("busybox", *case.command(), tty=False, options=options) as container:
            bite = {"pids": 300, "megabytes": 300, "milliseconds": 1000 if disk(session.directory) else 0}
            attacks.bite(container, **bite)
            attacks.let_one_in(container)
            attacks.run(session, container, attacks.conditions(container, "service", dropped=True))
            result, detail = attacks.watch(container, lambda: container.exec("sleep", "0.2"))
            assert result == "refused" and "newcomers above" in detail, f"{result} {detail}"
            attacks.bite(container, **bite)


@pytest.mark.parametrize("case", [
    Attacked("hybrid", "docker-runc", "private"), Attacked("comount", "podman-crun", "private"),
    Attacked("unified", "docker-runc", "private", dropped=True), Attacked("unified", "podman-crun", "host")],
    ids=lambda case: case.title)
def test_thousands_of_cgroups_go_with_the_container(session, case):
    """On v2 not one more than the bound at the engine's cgroup, and not one deeper, whatever is written below it."""
    running = session.engine(*case.engine.split("-"), case.view)
    options = case.options(session)
    with unchanged_machine(session) as compare:
        with running.start("busybox", *case.command(), tty=False, options=options) as container:
            attacks.wait_for_init(container)
            limits = checks.limit_files(container, session.view)
            if case.view == "unified":
                said = attacks.ask(container, "write-visible", "deep", "many")
                # One level is the inner one.
                assert f"{MAX_DEPTH - 1} levels" in said["deep"][1] and "EAGAIN" in said["deep"][1], said
                assert descendants(attacks.engine_directory(container, session.view)) == MAX_CGROUPS, said
                assert "EAGAIN" in said["many"][1], said
            else:
                result, detail = attacks.ask(container, "many")["many"]
                assert "2000 made" in detail, f"{result} {detail}"
            assert limits == checks.limit_files(container, session.view)
            compare(running=[container.id])


@pytest.mark.view("unified")
def test_what_the_hosts_oomd_goes_by(session):
    """Root without a capability sets it on its own cgroups, as docs/limits.md says, and not on the engine's."""
    case = Attacked("unified", "docker-runc", "private", dropped=True)
    engine = session.engine("docker", "runc", "unified")
    with unchanged_machine(session):
        with engine.start("busybox", *case.command(), tty=False, options=case.options(session)) as container:
            result, detail = attacks.ask(container, "oomd-attributes")["oomd-attributes"]
            assert result == "harmless", f"{result} {detail}"
            limits, own = (path.parent for path in updates.files_of(container, session.view, "cgroup.procs"))
            for name in ("user.oomd_omit", "user.oomd_avoid"):
                assert os.getxattr(own, name) == b"1"
                assert name not in os.listxattr(limits)
def descendants(directory):
    # nr_descendants 17
    return int(dict(line.split() for line in (directory / "cgroup.stat").read_text().splitlines())["nr_descendants"])
