"""examples/remove-cgroups.py: what root in a container without CAP_SYS_ADMIN does to its cgroups so that its engine cannot
remove them, it thaws, kills and removes; and nothing else."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import host, leftovers
from harness.boot import unchanged_machine
from harness.engines import Docker
from harness.leftovers import (REMOVE, called, cgroups_of, check_dry_run, check_in_use, is_alive, remove, says, sleeper,
                               start)
from harness.leaks import zombies
from harness.shell import CommandFailed, wait_for

IDS = ["0123456789ab" + "cd" * 26, "0123456789ab" + "ef" * 26, "fedcba987654" + "32" * 26]
# Few descriptors are enough.
FEW = ("prlimit", "--nofile=64")


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """By a test that failed half-way, either."""
    with leftovers.removed_at_last(request):
        yield


@contextlib.contextmanager
def pod(engine):
    """The container whose PID namespace others share: what is left of them there is killed by nobody."""
    with engine.start("busybox", "10000", entrypoint="/bin/sleep", tty=False, options=["--label=pod"]) as container:
        yield container


def own_cgroup(container, controller):
    """Where the engine put it, on the machine; v2 has no controller here."""
    path, = (path for controllers, path in container.cgroups().items() if controllers == set(filter(None, [controller])))
    root = host.hierarchy_root("cgroup", controller) if controller else host.hierarchy_root("cgroup2")
    return root / path.lstrip("/")


@pytest.mark.parametrize("where", [
    pytest.param("devices", marks=pytest.mark.view("v1")), pytest.param("", marks=pytest.mark.view("unified"))])
def test_a_process_in_cgroups_that_no_path_reaches(session, where):
    """It survives its container. Names of 250 characters, 30 of them."""
    engine = session.engine("docker", "runc", "v1" if where else "unified")
    with unchanged_machine(session), pod(engine) as other:
        script = f"{leftovers.PROGRAM} /sys/fs/cgroup/{where} 30 250 stay &"
        with start(session, engine, f"{script} wait", options=[f"--pid=container:{other.name}"]) as container:
            says(container, "stays")
            survivor = called(other.processes(), "deep")
            check_in_use(container.id[:12], "(deep)")
        assert is_alive(survivor), "the engine has killed it: this test shows nothing"
        check_in_use(container.id, f"{survivor} (deep)")
        check_in_use(container.id, f"{survivor} (deep)", "--dry-run")
        said = check_dry_run(container.id[:12], "deep", survivor, other.pid)
        assert f"would kill {survivor} (deep)" in said, said
        said = remove(container.id[:12], "--kill", before=FEW).stdout
        assert f"killed {survivor} (deep)" in said and f"{container.id}\n" in said, said
        assert not is_alive(survivor) and is_alive(other.pid)
        assert not cgroups_of(container.id)


@pytest.mark.view("v1")
def test_thousands_of_cgroups(session):
    """Below each other and beside each other, on v1, where no limit of cgroups keeps anybody from making them."""
    engine = session.engine("docker", "runc", "v1")
    with unchanged_machine(session):
        with start(session, engine, f"{leftovers.PROGRAM} /sys/fs/cgroup/pids 600 8") as container:
            says(container, "made")
        left = [path for path in cgroups_of(container.id, 2) if path.endswith(container.id)]
        assert len(left) == 1 and left[0].startswith("/sys/fs/cgroup/pids/"), f"the engine left {left}"
        for number in range(2000):
            os.mkdir(f"{left[0]}/{number}")
        assert "would remove 2602 cgroups in all" in remove(container.id, "--dry-run", before=FEW).stdout
        assert remove(container.id, before=FEW).stdout == f"removed {left[0]}\n"
        assert not cgroups_of(container.id)
        # Of those that were below each other the kernel frees one after the other.
        wait_for("the kernel to free them", lambda: zombies(session.view).get("pids") == 0, timeout=180, interval=1)


@pytest.mark.view("v1")
def test_a_frozen_container_on_v1(session):
    """SIGKILL does not reach it, and the engine thaws only the cgroup that it made. The init has no freezer that it can
    write: whoever froze it is on the host."""
    engine = session.engine("docker", "runc", "v1")
    with unchanged_machine(session):
        with start(session, engine, "echo up") as container:
            says(container, "up")
            state = own_cgroup(container, "freezer") / "cginit" / "freezer.state"
            state.write_text("FROZEN")
            wait_for("the container to be frozen", lambda: leftovers.fixed(state, "FROZEN"))
            with pytest.raises(CommandFailed):
                engine.cli("rm", "-f", container.name)
            # The shell becomes its last command, if it was not frozen before.
            name = Path(f"/proc/{container.pid}/comm").read_text().strip()
            check_in_use(container.id, f"({name})")
            said = check_dry_run(container.id, name, container.pid)
            assert "would thaw " in said and state.read_text() == "FROZEN\n", said
            said = remove(container.id, "--kill").stdout
            assert "thawed " in said and f"killed {container.pid} ({name})\n" in said, said
            assert not cgroups_of(container.id)


@pytest.mark.view("unified")
def test_a_frozen_container_on_v2_with_a_command_that_hangs(session):
    """As long as one `docker exec` waits, no other command about the container ends."""
    engine = session.engine("docker", "runc", "unified")
    top = "/sys/fs/cgroup"
    script = (f"mkdir {top}/out; sh -c 'echo 0 >{top}/out/cgroup.procs; mkdir {top}/in; echo 1 >{top}/in/cgroup.procs; "
              f"echo 1 >{top}/in/cgroup.freeze; exec sleep 10000' &")
    with unchanged_machine(session):
        with start(session, engine, f"{script} wait") as container:
            inner = own_cgroup(container, "") / "cginit" / "in"
            wait_for("the container to be frozen", lambda: leftovers.fixed(inner / "cgroup.freeze", "1"))
            hangs = [Docker.CLI, "--host", session.docker_daemon(session.view).address, "exec", container.name, "true"]
            with subprocess.Popen(hangs, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as command:
                wait_for("the exec'd process", lambda: len((inner / "cgroup.procs").read_text().split()) == 2)
                assert command.poll() is None
                check_in_use(container.id, "(sh)")
                said = check_dry_run(container.id, "sh", container.pid)
                assert f"would thaw {inner.parents[1]}, 2 levels below\n" in said and command.poll() is None
                said = remove(container.id, "--kill").stdout
                assert f"killed {container.pid} (sh)\n" in said, said
                wait_for("the command to end", lambda: command.poll() is not None)
            assert not cgroups_of(container.id)


@pytest.mark.view("unified")
def test_a_process_in_a_threaded_cgroup(session):
    """Such a cgroup does not list its processes."""
    engine = session.engine("docker", "runc", "unified")
    script = ("cd /sys/fs/cgroup; mkdir t; echo threaded >t/cgroup.type; "
              "sh -c 'echo 0 >t/cgroup.threads; echo threaded; exec sleep 10001' &")
    with unchanged_machine(session), pod(engine) as other:
        with start(session, engine, f"{script} wait", "--writable=tracking",
                   options=[f"--pid=container:{other.name}"]) as container:
            says(container, "threaded")
            survivor, = (pid for pid in other.processes()
                         if Path(f"/proc/{pid}/cmdline").read_text().startswith("sleep\0" "10001"))
        assert is_alive(survivor), "the engine has killed it: this test shows nothing"
        check_in_use(container.id, f"{survivor} (sleep)")
        assert f"would kill {survivor} (sleep)" in check_dry_run(container.id, "sleep", survivor)
        assert f"killed {survivor} (sleep)\n" in remove(container.id, "--kill").stdout
        assert not is_alive(survivor) and is_alive(other.pid)
        assert not cgroups_of(container.id)


# --- what it does not touch


@pytest.fixture
def own(session):
    """A cgroup in which a test may make what it likes."""
    top = host.hierarchy_root("cgroup2") / f"cginit-test-{os.getpid()}"
    top.mkdir()
    yield top
    for path, _, _ in os.walk(top, topdown=False):
        os.rmdir(path)


def refused(*arguments, before=()):
    result = remove(*arguments, check=False, before=before)
    lines = result.stderr.splitlines()
    assert result.returncode == 1 and result.stdout == "" and len(lines) == 1, result.stdout + result.stderr
    assert lines[0].startswith("error: "), lines
    return lines[0]


@pytest.mark.parametrize("text", ["", ".", "..", "/", "docker", "0123456789a", "0123456789abcde*", "../0123456789ab",
                                  "0123456789ab/", "0123456789AB", "0123456789ab\n", IDS[0] + "0",
                                  f"docker-{IDS[0]}.scope"])
def test_what_is_no_id_is_refused(text):
    assert "is no container's id" in refused(text) and "is no container's id" in refused(IDS[2], text)


@pytest.mark.parametrize("arguments, reason", [
    ((), "give either"), ((IDS[0], "--host-cgroups"), "give either"),
    (("--host-cgroups", "--kill"), "needs a container's ID")])
def test_too_little_and_too_much_is_refused(arguments, reason):
    assert reason in refused(*arguments)


@pytest.mark.parametrize("before, reason", [
    (("setpriv", "--reuid=65534", "--clear-groups"), "only root"),
    (("unshare", "--cgroup"), "not the host's cgroup namespace"),
    (("unshare", "--pid", "--fork"), "not the host's pid namespace")])
def test_elsewhere_it_is_refused(own, before, reason):
    (own / f"docker-{IDS[0]}.scope").mkdir()
    assert reason in refused(IDS[0], before=before)
    assert (own / f"docker-{IDS[0]}.scope").exists()


def test_the_beginning_of_several_ids_is_refused(own):
    for number, name in enumerate((f"docker-{IDS[0]}.scope", IDS[1])):
        (own / f"{number}" / name).mkdir(parents=True)
    assert "several containers" in refused("0123456789ab", "--kill")
    assert {path.name for path in own.rglob("*") if path.is_dir()} == {"0", "1", f"docker-{IDS[0]}.scope", IDS[1]}
    assert remove(IDS[0][:14]).stdout == f"removed {own}/0/docker-{IDS[0]}.scope\n"
    assert (own / "1" / IDS[1]).exists()


@pytest.mark.parametrize("name", ["{}", "docker-{}.scope", "libpod-{}", "libpod-{}.scope", "libpod-conmon-{}.scope",
                                  "crio-{}", "cri-containerd-{}.scope", "nerdctl-{}.scope", "cginit-{}"])
def test_the_names_of_engines(own, name):
    (own / "kubepods.slice" / name.format(IDS[0]) / "container" / "x").mkdir(parents=True)
    (own / "kubepods.slice" / f"{name.format(IDS[0])}x").mkdir()
    (own / "kubepods.slice" / f"other-{IDS[0]}.scope").mkdir()
    assert remove(IDS[0][:12]).stdout == f"removed {own}/kubepods.slice/{name.format(IDS[0])}\n"
    assert sorted(path.name for path in (own / "kubepods.slice").iterdir() if path.is_dir()) == sorted(
        [f"{name.format(IDS[0])}x", f"other-{IDS[0]}.scope"])


def test_a_pod_of_podman_is_no_container(own):
    container = own / "libpod_parent" / IDS[0] / f"libpod-{IDS[2]}"
    container.mkdir(parents=True)
    assert remove(IDS[0]).stdout == f"no cgroup carries the id {IDS[0]}\n" and container.exists()
    assert remove(IDS[2]).stdout == f"removed {container}\n" and container.parent.exists()


def test_a_container_cannot_name_cgroups_for_another_one(own):
    """What it makes in its own belongs to it."""
    fake = own / "docker" / IDS[0] / f"docker-{IDS[2]}.scope"
    fake.mkdir(parents=True)
    with sleeper(fake) as process:
        assert remove(IDS[2], "--kill").stdout == f"no cgroup carries the id {IDS[2]}\n"
        assert process.poll() is None and fake.exists()
        assert f"killed {process.pid} (sleep)\n" in remove(IDS[0], "--kill").stdout
        assert process.wait() == -signal.SIGKILL and list((own / "docker").glob("*/")) == []


def test_only_the_containers_processes_are_killed(own):
    ours, others = own / f"docker-{IDS[0]}.scope", own / f"docker-{IDS[2]}.scope"
    for cgroup in (ours, others):
        cgroup.mkdir()
    with sleeper(ours) as one, sleeper(others) as two, sleeper(own) as three:
        remove(IDS[0], "--kill")
        assert one.wait() == -signal.SIGKILL and two.poll() is None and three.poll() is None
        assert not ours.exists() and others.exists()


def load():
    """The program as a module."""
    spec = importlib.util.spec_from_file_location("remove_cgroups", REMOVE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("file", ["cgroup.procs", "cgroup.threads"])
def test_who_leaves_the_cgroup_is_not_killed(own, file, monkeypatch):
    """Between the list and the signal: the process may be another one by then, which got the number."""
    module, cgroup, held = load(), own / "x", os.pidfd_open
    cgroup.mkdir()
    if file == "cgroup.threads":
        (cgroup / "cgroup.type").write_text("threaded\n")

    def leave_first(pid):
        if pid == leaving.pid:
            (own / file).write_text(str(pid))
        return held(pid)

    with sleeper(own), sleeper(own) as leaving, sleeper(own) as staying:
        for process in (leaving, staying):
            (cgroup / file).write_text(str(process.pid))
        monkeypatch.setattr(module.os, "pidfd_open", leave_first)
        directory = os.open(cgroup, os.O_RDONLY)
        try:
            assert module.members(directory) == (file, {leaving.pid, staying.pid})
            assert module.kill_members(directory) == {staying.pid: f"{staying.pid} (sleep)"}
        finally:
            os.close(directory)
        assert staying.wait() == -signal.SIGKILL and leaving.poll() is None


def test_what_does_not_end_is_named(own, monkeypatch, capsys):
    """For a process that takes no signal: here none is sent."""
    module, cgroup = load(), own / f"docker-{IDS[0]}.scope"
    (cgroup / "x").mkdir(parents=True)
    monkeypatch.setattr(module.signal, "pidfd_send_signal", lambda pidfd, number: None)
    monkeypatch.setattr(module, "write", lambda directory, name, text: False)
    monkeypatch.setattr(sys, "argv", ["remove-cgroups.py", IDS[0], "--kill", "--timeout=0.3"])
    with sleeper(cgroup / "x") as process:
        assert module.main() == 1
        said = capsys.readouterr().err
        assert f"not gone 0.3 s after SIGKILL: {process.pid} (sleep) in {cgroup}, 1 level below, state S" in said, said
        assert (cgroup / "x").exists()


def test_links_and_covered_mounts_lead_nowhere(own, tmp_path):
    """What is not below a cgroup mount is not touched, whatever it is called."""
    root = host.hierarchy_root("cgroup2")
    (own / f"docker-{IDS[0]}.scope").mkdir()
    (tmp_path / f"docker-{IDS[0]}.scope" / "x").mkdir(parents=True)
    covered = ("unshare", "--mount", "--propagation", "private", "sh", "-ec",
               'mount -t tmpfs none "${1%/*}"; ln -s "$2" "$1"; shift 2; exec "$@"', "sh", root, tmp_path)
    assert "out of sight" in refused(IDS[0], before=covered)
    bound = (*covered[:6], 'mount --bind "$2" "$1"; shift 2; exec "$@"', *covered[7:])
    assert "out of sight" in refused(IDS[0], before=bound)
    assert (tmp_path / f"docker-{IDS[0]}.scope" / "x").exists() and (own / f"docker-{IDS[0]}.scope").exists()
    # Another file system within the tree.
    (own / f"docker-{IDS[0]}.scope" / "x").mkdir()
    for name in (f"docker-{IDS[0]}.scope", f"docker-{IDS[0]}.scope/x"):
        within = (*covered[:6], 'mount -t tmpfs none "$1/$2"; mkdir "$1/$2/y"; shift 2; exec "$@"', "sh", own, name)
        assert "something is mounted on" in refused(IDS[0], before=within)
    assert (own / f"docker-{IDS[0]}.scope" / "x").exists()


def test_a_link_is_not_entered(tmp_path):
    """cgroup file systems have none; the program does not rely on that."""
    module = load()
    (tmp_path / "tree" / "x").mkdir(parents=True)
    (tmp_path / "outside" / "x").mkdir(parents=True)
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    top = os.open(tmp_path / "tree", os.O_RDONLY)
    try:
        assert [list(names) for _, names in module.walk(top)] == [[], ["x"]]
        with pytest.raises(OSError):
            module.enter(top, "link")
        assert module.remove_below(top) == 0
    finally:
        os.close(top)
    assert (tmp_path / "outside" / "x").exists() and sorted(os.listdir(tmp_path / "tree")) == ["link"]


def test_what_an_engine_removes_at_the_same_time_is_no_error(own):
    module = load()
    for name in ("a", "b"):
        (own / "x" / name).mkdir(parents=True)
    top = os.open(own, os.O_RDONLY)
    try:
        seen = []
        for _, names in module.walk(top):
            seen.append("/".join(names))
            if len(names) == 2:
                for path in ("x/a", "x/b", "x"):
                    os.rmdir(own / path)
        assert seen[:2] == ["", "x"] and len(seen) == 3, seen
    finally:
        os.close(top)


def test_names_are_printed_escaped(own):
    """A container chooses the names of its cgroups and programs."""
    cgroup = own / "a\x1b[31m\tb\xfc" / f"docker-{IDS[0]}.scope"
    cgroup.mkdir(parents=True)
    assert remove(IDS[0]).stdout == f"removed {own}/a\\x1b[31m\\x09b\\xc3\\xbc/docker-{IDS[0]}.scope\n"
