"""What others do in the container while cginit is at work: the init boots with its controllers usable, or the error says why.

cginit is slowed down, so that the others really come in between; what it goes through is the same.
"""

import contextlib
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cases import Case
from harness import checks, races, tally
from harness.boot import check_everything, command, engine_options, unchanged_machine
from harness.probe import wait_for_boot
from harness.shell import wait_for

# Of each call of cginit's: what takes milliseconds takes a second or two. On v2 the plan is a short one.
SLOW = {"hybrid": 8, "v1": 8, "comount": 8, "unified": 25}
# Enough to see one call of them all, and for what an engine's command takes after it.
FOR_A_PAUSE = {"hybrid": 30, "v1": 15, "comount": 20, "unified": 100}
# Enough for what an engine's command takes in the last third of the plan.
SLOWER = {"v1": 30, "unified": 120}
CASES = [
    Case("hybrid", "docker-runc", "host", "bookworm"),
    Case("v1", "docker-crun", "host", "busybox"),
    Case("comount", "podman-runc", "private", "busybox"),
    Case("unified", "docker-runc", "private", "bookworm"),
    Case("unified", "podman-crun", "host", "busybox"),
]
WITH_BUSYBOX = [case for case in CASES if not case.systemd]


def by_title(case):
    return case.title


@contextlib.contextmanager
def held_back(session, case, before=""):
    """A running container whose cginit waits to be let go; after it, the machine is compared with what it was."""
    engine = session.engine(case.kind, case.runtime, case.view)
    engine.image(case.image)
    entrypoint, *arguments = races.waiting(["--", *command(case)], before=before)
    with unchanged_machine(session):
        with engine.start(case.image, *arguments, entrypoint=entrypoint, tty=False,
                          options=engine_options(case, session)) as container:
            yield container


def check_booted(session, case, container):
    assert wait_for_boot(container, case.systemd) == "running"
    check_everything(session, case, container)


def check_inside(container, pids):
    """What came from outside may be in the engine's cgroup for as long as it takes to put it into the container."""
    wait_for("everybody to be in the inner level", lambda: not races.outside_inner_level(container, pids()), timeout=5)


@pytest.mark.parametrize("case", CASES, ids=by_title)
@races.until_in_time
def test_execs_before_during_and_after(session, case):
    with held_back(session, case) as container, races.Storm(container) as storm:
        container.exec("sleep", "1000", options=["--detach"])
        early = wait_for("the early one", lambda: [
            pid for pid in container.processes() if races.name_of(pid) == "sleep" and pid != container.pid])
        with races.Slowed(container.pid, SLOW[case.view]) as slowed:
            races.let_go(container)
            slowed.wait_until(races.at_work)
            with slowed.standing_still():
                before = len(storm.statuses)
                wait_for("three execs in the middle", lambda: len(storm.statuses) > before + 2)
            slowed.wait_for_init()
            during = len(storm.statuses) - before
        assert wait_for_boot(container, case.systemd) == "running"
        storm.stop()
        assert not storm.failures, f"{len(storm.failures)} execs failed:\n" + "\n".join(sorted(set(storm.failures)))
        assert early, "nobody came early"
        check_inside(container, container.processes)
        check_everything(session, case, container)
    tally.add("races", execs=len(storm.statuses), of_them_during_the_switch=during, containers=1)


@pytest.mark.view("hybrid")
def test_a_process_with_more_capabilities_is_refused(session):
    """Without CAP_SYS_NICE it can be moved to no other cpuset, cpuset_can_attach(). An exec'd process has all at first."""
    engine = session.engine("docker", "runc", "hybrid")
    script = "sleep 1000 & exec setpriv --bounding-set=-net_admin /cginit -- /sbin/init"
    with unchanged_machine(session):
        result = engine.run("bookworm", "-c", script, entrypoint="/bin/sh", options=["--cap-add", "NET_ADMIN"])
    errors = [line for line in result.stderr.splitlines() if line.startswith("cginit: error: ")]
    assert result.returncode == 125 and len(errors) == 1, result.stderr
    assert "capabilities" in errors[0] and "sleep" in errors[0], errors[0]
    tally.add("races", containers=1, refused=1)


@pytest.mark.parametrize("case", WITH_BUSYBOX, ids=by_title)
def test_forks_meanwhile(session, case):
    """A tree that grows."""
    with held_back(session, case, before="/e2e/forks tree 1000 &") as container:
        wait_for("the storm", lambda: len(container.processes()) > 50)
        races.let_go(container)
        assert wait_for_boot(container, case.systemd) == "running"
        check_inside(container, container.processes)
        for _ in range(20):
            assert not races.outside_inner_level(container, container.processes())
        forked = len(container.processes())
        check_everything(session, case, container)
    tally.add("races", containers=1, processes_forked_meanwhile=forked)


@pytest.mark.parametrize("case", WITH_BUSYBOX, ids=by_title)
def test_a_chain_of_forks(session, case):
    """Which never ends: it is caught, or refused after so many tries, and all is as it was."""
    with held_back(session, case, before="/e2e/forks chain 0 &") as container:
        wait_for("the storm", lambda: len(container.processes()) > 2)
        races.let_go(container)
        last = wait_for("cginit", lambda: re.search("^cginit: (info|error): ", container.logs(), re.M)).group(1)
        refused = last == "error"
        if refused:
            assert container.wait() == 125
            errors = [line for line in container.logs().splitlines() if line.startswith("cginit: error: ")]
            assert len(errors) == 1 and "new processes kept appearing; stop what forks" in errors[0], container.logs()
            assert "roll-back" not in errors[0], errors[0]
        else:
            for _ in range(20):
                assert not races.outside_inner_level(container, container.processes())
            check_booted(session, case, container)
    tally.add("races", containers=1, refused=int(refused))


# Each goes back as soon as it is moved, by a descriptor from before.
RETURNING = """
mkdir /m; mount -t {kind} {options} none /m; exec 9>/m/cgroup.procs; umount -l /m; rmdir /m
for i in 1 2 3; do
    while :; do echo 0; done >&9 2>/dev/null &
done
exec 9>&-
"""


@pytest.mark.parametrize("case, kind, options", [(CASES[2], "cgroup", "-o pids"), (CASES[3], "cgroup2", "")],
                         ids=["v1", "v2"])
def test_processes_that_never_stay_are_refused(session, case, kind, options):
    with held_back(session, case, before=RETURNING.format(kind=kind, options=options)) as container:
        wait_for("the storm", lambda: len(container.processes()) > 3)
        # They have the time to go back before the next look.
        with races.Slowed(container.pid, 10, "openat") as slowed:
            races.let_go(container)
            slowed.wait_for_init()
        assert container.wait() == 125, container.logs()
        errors = [line for line in container.logs().splitlines() if line.startswith("cginit: error: ")]
        assert len(errors) == 1, container.logs()
        assert "new processes kept appearing; stop what forks" in errors[0]
    tally.add("races", containers=1, refused=1)


@pytest.mark.parametrize("case", CASES[:4], ids=by_title)
@races.until_in_time
def test_paused_in_the_middle(session, case):
    with held_back(session, case) as container:
        with races.Slowed(container.pid, FOR_A_PAUSE[case.view]) as slowed:
            races.let_go(container)
            slowed.wait_until(races.view_moved_away if case.systemd else races.at_work)
            container.engine.cli("pause", container.name)
            if races.name_of(container.pid) != "cginit":
                raise races.TooLate("paused too late")
            assert container.inspect("{{.State.Status}}") == "paused"
            # The call at whose entry strace held it comes to its end; it is frozen on the way out of the kernel.
            time.sleep(3 * slowed.milliseconds / 1000)
            before = races.mount_points(container.pid)
            time.sleep(0.3)
            assert races.at_work(before) and races.mount_points(container.pid) == before, "it goes on while it is paused"
            container.engine.cli("unpause", container.name)
            slowed.wait_for_init()
        check_booted(session, case, container)
        check_inside(container, container.processes)
    tally.add("races", containers=1, pauses=1)


@pytest.mark.parametrize("case", [CASES[1], CASES[4]], ids=by_title)
@races.until_in_time
def test_ended_in_the_middle(session, case):
    """By a signal that the init would not see either, by the engine's stop, by SIGKILL: nothing is left of it."""
    def signalled(container):
        container.engine.cli("kill", "--signal", "TERM", container.name)

    def stopped(container):
        container.engine.cli("stop", "-t", "1", container.name)

    def killed(container):
        container.engine.cli("kill", "--signal", "KILL", container.name)

    for end, moment in ((signalled, races.at_work), (stopped, races.at_work), (killed, races.view_moved_away)):
        with held_back(session, case) as container:
            with races.Slowed(container.pid, SLOWER[case.view]) as slowed:
                races.let_go(container)
                slowed.wait_until(moment)
                end(container)
                if end is signalled:
                    assert races.name_of(container.pid) == "cginit"
                slowed.close()
            if end is signalled:
                check_booted(session, case, container)
            else:
                assert container.wait() == 137
                if "cginit: info: " in container.logs():
                    raise races.TooLate("ended too late")
        tally.add("races", containers=1, **{end.__name__: 1})


GOOD = "echo good"


@pytest.mark.parametrize("case", [CASES[0], CASES[2], CASES[4]], ids=by_title)
def test_two_at_once(session, case):
    """The entrypoint, and one more by exec: each has a good view or says why not."""
    with held_back(session, case) as container, ThreadPoolExecutor(1) as other:
        entrypoint = races.waiting(["--", "/bin/sh", "-c", GOOD], go="/dev/shm/go-too")
        second = other.submit(container.exec, *entrypoint, check=False, timeout=60)
        pid = wait_for("the second", lambda: races.waiting_at(container, "/dev/shm/go-too"))
        with races.Slowed(container.pid, SLOW[case.view]) as first, races.Slowed(pid, SLOW[case.view]) as slowed:
            races.let_go(container)
            races.let_go(container, "/dev/shm/go-too")
            slowed.wait_for_init()
            first.wait_for_init()
        result = second.result()
        check_one_of_two(result)
        check_booted(session, case, container)
    tally.add("races", containers=1, pairs_of_cginits=1)


@pytest.mark.parametrize("case", WITH_BUSYBOX, ids=by_title)
def test_two_by_exec(session, case):
    """Into a container whose PID 1 has the engine's own view, which is then nobody else's to change."""
    gos = ["/dev/shm/go-one", "/dev/shm/go-two"]
    with held_back(session, case) as container, ThreadPoolExecutor(2) as pool:
        mounts = container.proc("mountinfo")
        results = [pool.submit(container.exec, *races.waiting(["--", "/bin/sh", "-c", GOOD], go=go), check=False, timeout=60)
                   for go in gos]
        pids = [wait_for(go, lambda go=go: races.waiting_at(container, go)) for go in gos]
        with races.Slowed(pids[0], SLOW[case.view]) as one, races.Slowed(pids[1], SLOW[case.view]) as two:
            for go in gos:
                races.let_go(container, go)
            one.wait_for_init()
            two.wait_for_init()
        for result in results:
            assert "was in this container first" in error_of(result.result())
        assert container.proc("mountinfo") == mounts
        races.let_go(container)
        check_booted(session, case, container)
    tally.add("races", containers=1, pairs_of_cginits=1)


def error_of(result):
    errors = [line for line in result.stderr.splitlines() if line.startswith("cginit: error: ")]
    assert result.returncode == 125 and len(errors) == 1, f"{result.returncode}: {result.stdout}{result.stderr}"
    return errors[0]


def check_one_of_two(result):
    """There is a view that it may use, or there was none yet."""
    if result.returncode == 0:
        assert result.stdout.strip() == "good", result.stdout + result.stderr
        return
    error = error_of(result)
    assert "another cginit" in error or "was in this container first" in error, error


@contextlib.contextmanager
def started_together(session, case, inits, commands=10):
    """One container for each of these inits, all started before anybody looks at one; removed by a few commands in the
    end."""
    engine = session.engine(case.kind, case.runtime, case.view)
    engine.image(case.image)
    with ThreadPoolExecutor(commands) as pool:
        starts = [pool.submit(engine.start, case.image, "--", *init, options=engine_options(case, session)) for init in inits]
        try:
            yield [start.result() for start in starts]
        finally:
            names = [start.result().name for start in starts if start.exception() is None]
            groups = [names[number::commands] for number in range(commands)]
            list(pool.map(lambda group: engine.cli("rm", "-f", "-v", *engine.at_once, *group, timeout=120), groups))


@pytest.mark.view("v1")
def test_fifty_at_once(session):
    """Two of them with an init that can be asked."""
    case = Case("v1", "docker-crun", "private", "busybox")
    session.engine(case.kind, case.runtime, case.view)
    begin = time.monotonic()
    inits = [command(case), *[["/bin/sleep", "1000"]] * 48, command(case)]
    with unchanged_machine(session), started_together(session, case, inits) as containers:
        up = time.monotonic() - begin
        for container in containers:
            wait_for("the init", lambda container=container: races.name_of(container.pid) in ("init", "busybox", "sleep"))
            checks.check_inner_level(container)
            checks.check_fds(container)
            session.leaks.note(container.id, container.processes())
        check_booted(session, case, containers[0])
        check_booted(session, case, containers[-1])
    tally.add("races", containers=len(inits), containers_at_once=len(inits), seconds_until_these_were_up=round(up))
