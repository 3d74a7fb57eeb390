"""examples/remove-cgroups.py where systemd makes the engines' cgroups, and on a kernel that has no cgroup.kill."""

import os
import signal
from pathlib import Path

import pytest

from harness import host
from harness.boot import unchanged_machine
from harness.leftovers import (PROGRAM, check_dry_run, check_in_use, cgroups_of, fixed, is_alive, remove,
                               removed_at_last, says, sleeper, start)
from harness.shell import run, wait_for
from real_host import VIEW

V2 = "/sys/fs/cgroup"
# The init makes cgroups that no path reaches, and on v2 it freezes itself. On v1 it gets no freezer it can write.
IS_V2 = VIEW == "unified"
FROZEN = f"{PROGRAM} /sys/fs/cgroup/pids 30 250; echo made"
if IS_V2:
    FROZEN = f"{PROGRAM} {V2} 30 250; mkdir {V2}/x; echo 0 >{V2}/x/cgroup.procs; echo made; echo 1 >{V2}/x/cgroup.freeze"


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """By a test that failed half-way, either."""
    with removed_at_last(request):
        yield


def monitors(container_id):
    return [path for path in cgroups_of(container_id, 4) if f"libpod-conmon-{container_id}" in path]


def freezer_of(container):
    """The file that says it, below the cgroup that the engine made and thaws. On v1 the host writes it."""
    if IS_V2:
        return next(Path(path, "cgroup.freeze") for path in cgroups_of(container.id, 10) if path.endswith("/x"))
    state, = (Path(path, "freezer.state") for path in cgroups_of(container.id, 10)
              if path.startswith("/sys/fs/cgroup/freezer/") and path.endswith("/cginit"))
    state.write_text("FROZEN")
    return state


@pytest.mark.kinds("v1", "hybrid", "v2")
@pytest.mark.parametrize("engine", ["podman-crun", "docker-runc"])
def test_a_frozen_container(session, engine, monkeypatch):
    # In a service of systemd's Podman leaves its monitor in the service's cgroup: an administrator's shell is none.
    monkeypatch.delenv("INVOCATION_ID", raising=False)
    running = session.engine(*engine.split("-"), VIEW)
    with unchanged_machine(session):
        with start(session, running, FROZEN) as container:
            says(container, "made")
            file = freezer_of(container)
            wait_for("the container to be frozen", lambda: fixed(file, "1" if IS_V2 else "FROZEN"))
            if engine.startswith("podman"):
                assert monitors(container.id), "the test shows nothing about the monitor"
            name = Path(f"/proc/{container.pid}/comm").read_text().strip()
            check_in_use(container.id[:12], f"({name})")
            assert "would thaw " in check_dry_run(container.id, name, container.pid)
            said = remove(container.id[:12], "--kill").stdout
            assert f"killed {container.pid} ({name})\n" in said, said
            # The monitor had the time to say how the container ended.
            assert "(conmon)" not in said, said
            assert not cgroups_of(container.id) and not is_alive(container.pid)
            assert container.wait() == 137


@pytest.fixture
def v2(tmp_path):
    """cgroup2, on a host that has it mounted nowhere: its root, and what else is mounted for it goes again."""
    run("mount", "-t", "cgroup2", "none", tmp_path)
    yield tmp_path
    run("umount", tmp_path)


@pytest.mark.kinds("v1-flat")
def test_a_kernel_without_cgroup_kill(v2):
    """Linux 5.10: processes are killed one by one, those of threaded cgroups, too. With cgroup2 mounted, and without: then
    it is mounted for the time."""
    names = [f"cginit-{digit * 64}" for digit in "ab"]
    for name in names:
        (v2 / name / "x").mkdir(parents=True)
    assert not (v2 / names[0] / "cgroup.kill").exists()
    (v2 / names[0] / "y").mkdir()
    for cgroup in ("y", "x"):
        (v2 / names[0] / cgroup / "cgroup.type").write_text("threaded\n")
    with sleeper(v2 / names[0]) as one, sleeper(v2 / names[0]) as two:
        (v2 / names[0] / "y" / "cgroup.threads").write_text(str(two.pid))
        (v2 / names[0] / "cgroup.freeze").write_text("1")
        result = remove("--host-cgroups", check=False)
        assert result.returncode == 1 and "is in use, by 2 processes" in result.stderr, result.stderr
        assert result.stdout == f"removed {v2}/{names[1]}\n", result.stdout
        run("umount", v2)
        try:
            said = check_dry_run("a" * 64, "sleep", one.pid, two.pid)
            assert f"would thaw unified:/{names[0]}\n" in said and f"would remove unified:/{names[0]}\n" in said, said
            said = remove("a" * 64, "--kill").stdout
        finally:
            run("mount", "-t", "cgroup2", "none", v2)
        assert f"removed unified:/{names[0]}\n" in said and f"killed {two.pid} (sleep)\n" in said, said
        assert one.wait() == two.wait() == -signal.SIGKILL
    assert [path for path in os.listdir(v2) if path.startswith("cginit-")] == []


@pytest.mark.kinds("v1-flat")
def test_a_threaded_container_is_not_its_domain(v2):
    """Who is beside it in the same domain stays."""
    beside, ours = v2 / "beside", v2 / "beside" / f"docker-{'c' * 64}.scope"
    ours.mkdir(parents=True)
    (ours / "cgroup.type").write_text("threaded\n")
    with sleeper(beside) as other, sleeper(beside) as process:
        (ours / "cgroup.threads").write_text(str(process.pid))
        assert f"killed {process.pid} (sleep)\n" in remove("c" * 64, "--kill").stdout
        assert process.wait() == -signal.SIGKILL and other.poll() is None and not ours.exists()
    beside.rmdir()
    assert host.hierarchy_root("cgroup2") == v2
