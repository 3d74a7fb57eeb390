"""Limits: those of a unit take effect, those of the engine hold and can still be changed by the engine."""

import pytest

from cases import Case
from harness import checks, updates
from harness.boot import booted, unchanged_machine
from harness.bundles import Runtime
from harness.mounts import parse_cgroup
from harness.probe import probe
from harness.shell import wait_for

# The machine has memory and pids as v1 controllers: the views with them are where a limit can be exceeded.
WITH_LIMITS = [
    Case("hybrid", "docker-runc", "private", "bookworm"),
    Case("v1", "docker-crun", "host", "trixie"),
    Case("comount", "podman-runc", "host", "bookworm", method="bind"),
]


def by_title(case):
    return case.title


def unit_file(container, unit, names):
    """The content of the first of these files that the unit's cgroup has, in any hierarchy."""
    tests = " -o ".join(f"-name {name}" for name in names)
    command = f"find /sys/fs/cgroup -path '*/{unit}/*' \\( {tests} \\) -exec cat {{}} + 2>/dev/null"
    return container.exec("sh", "-c", command, check=False).stdout


@pytest.mark.parametrize("case", WITH_LIMITS, ids=by_title)
def test_a_unit_that_wants_more_memory_than_it_may_have(session, case):
    with booted(session, case) as container:
        container.exec("systemctl", "start", "e2e-hog.service")
        wait_for("the hog to be done", lambda: container.exec("test", "-s", "/dev/shm/e2e-hog", check=False).returncode == 0)
        limit = 32 << 20
        peak = int(unit_file(container, "e2e-hog.service", ["memory.max_usage_in_bytes", "memory.peak"]))
        assert peak <= limit, f"{peak} bytes in use, {limit} allowed"
        events = unit_file(container, "e2e-hog.service", ["memory.oom_control", "memory.events"]).split()
        killed = int(events[events.index("oom_kill") + 1])
        assert killed >= 1 or peak > limit // 2, f"not held at its limit: {peak} bytes, {killed} processes killed"
        assert container.exec("systemctl", "is-active", "e2e-hog.service").stdout.strip() == "active"
        assert container.exec("systemctl", "is-system-running", check=False).stdout.strip() == "running"


@pytest.mark.parametrize("case", WITH_LIMITS, ids=by_title)
def test_a_unit_that_wants_more_processes_than_it_may_have(session, case):
    with booted(session, case) as container:
        container.exec("systemctl", "start", "e2e-forks.service")
        # max 3: three forks were refused
        wait_for("a fork to be refused", lambda: int(unit_file(
            container, "e2e-forks.service", ["pids.events"]).split()[1]) >= 1, timeout=15)
        assert int(unit_file(container, "e2e-forks.service", ["pids.current"])) <= 17


@pytest.mark.parametrize("case", WITH_LIMITS, ids=by_title)
def test_the_engine_can_still_change_its_limits(session, case):
    if case.kind == "podman":
        case = Case(**{**vars(case), "engine": "docker-runc"})
    with booted(session, case) as container:
        # Up, then down below what the container was started with.
        for memory, pids in ((900 << 20, 1200), (500 << 20, 800)):
            container.engine.cli("update", "--memory", memory, "--memory-swap", "-1", "--pids-limit", pids, container.name)
            limits = checks.limit_files(container, session.view)
            values = {name.rsplit("/", 1)[1]: value.strip() for name, value in limits.items()}
            assert values["memory.limit_in_bytes"] == str(memory)
            assert values["pids.max"] == str(pids)
            # The probe tries to raise them from inside.
            probe(container, case.systemd)
            assert checks.limit_files(container, session.view) == limits
        assert container.exec("systemctl", "is-system-running").stdout.strip() == "running"


@pytest.mark.view("v1")
def test_what_the_engine_counts_is_not_set_back(session):
    """`docker stats` reads cpuacct.usage of the engine's cgroup."""
    engine = session.engine("docker", "runc", "v1")
    script = "usage=/sys/fs/cgroup/cpuacct/cpuacct.usage; before=$(cat $usage); echo 0 >$usage && echo $before $(cat $usage) >/dev/shm/said; exec sleep 3600"
    with unchanged_machine(session):
        with engine.start("busybox", "--drop-cap=SYS_ADMIN", "--delegate=none", "--", "/bin/sh", "-c",
                          f"until [ -e /dev/shm/go ]; do sleep 0.1; done; {script}", tty=False) as container:
            wait_for("the init", lambda: container.proc("comm") == "sh\n")
            counted, inner = updates.files_of(container, session.view, "cpuacct.usage")
            before = int(counted.read_text())
            (container.root / "dev/shm/go").touch()
            wait_for("the init to set it back", (container.root / "dev/shm/said").exists)
            own, left = map(int, (container.root / "dev/shm/said").read_text().split())
            assert left < own, "it has to be able to, in a cgroup of its own"
            assert inner != counted and int(counted.read_text()) >= before > 0


TCP_LIMIT = 256 << 10
# A connection whose receiver reads nothing.
STUFFED = ("ip link set lo up; sleep 3600 | nc -l -p 9000 | sleep 3600 & "
           "until nc 127.0.0.1 9000 </dev/zero >/dev/null; do sleep 0.1; done")


def limit_tcp(config):
    config["linux"]["resources"]["memory"] = {"kernelTCP": TCP_LIMIT}
    capabilities = config["process"]["capabilities"]
    for kind in capabilities:
        capabilities[kind] = [*capabilities[kind], "CAP_NET_ADMIN"]


@pytest.mark.view("v1")
def test_a_limit_of_tcp_memory_holds(session):
    """It does not for a child, so the init stays in the engine's cgroup, and is told. runc 1.1 does not set it."""
    runtime = Runtime(session, "crun", "v1")
    with unchanged_machine(session):
        with runtime.started(["/cginit", "--delegate=none", "--", "/bin/sh", "-c", STUFFED], "busybox", limit_tcp) as container:
            directory = f"/proc/{session.view.pid}/root/sys/fs/cgroup/memory/{container.id}"
            with open(f"{directory}/memory.kmem.tcp.limit_in_bytes", encoding="ascii") as limit:
                assert int(limit.read()) == TCP_LIMIT

            def usage():
                with open(f"{directory}/memory.kmem.tcp.usage_in_bytes", encoding="ascii") as file:
                    return int(file.read())
            # What a socket may always have is beyond it; without the limit it takes megabytes.
            wait_for("the connection to be charged to the engine's cgroup", lambda: usage() > TCP_LIMIT // 2)
            assert usage() < 4 * TCP_LIMIT
            memory, = (membership.path for membership in parse_cgroup(container.proc("cgroup"))
                       if "memory" in membership.controllers)
            assert memory == f"/{container.id}"
            assert "memory stays read-only: the engine limits TCP memory" in container.logs()
