"""Controllers that are ready for whoever starts containers in the container."""

import json
import shutil
from pathlib import Path

import pytest

from harness import checks
from harness.boot import unchanged_machine
from harness.mounts import cgroup_mounts, parse_cgroup
from harness.shell import wait_for

VIEWS = ("hybrid", "v1", "comount", "unified")
PIDS, HUGE = 23, 4 << 20


def bundle(session, controllers):
    """What runc runs: a shell that sleeps, with a limit for each of CONTROLLERS."""
    directory = session.directory / f"bundle-{'-'.join(controllers)}"
    if not directory.exists():
        (directory / "rootfs" / "bin").mkdir(parents=True)
        (directory / "rootfs" / "proc").mkdir()
        (directory / "rootfs" / "dev").mkdir()
        shutil.copy(shutil.which("busybox"), directory / "rootfs" / "bin" / "busybox")
        limits = {"pids": {"pids": {"limit": PIDS}},
                  "hugetlb": {"hugepageLimits": [{"pageSize": "2MB", "limit": HUGE}]},
                  "memory": {"memory": {"limit": 64 << 20}}, "cpuset": {"cpu": {"cpus": "0"}}}
        resources = {}
        for controller in controllers:
            resources |= limits[controller]
        (directory / "config.json").write_text(json.dumps({
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bin/busybox", "sleep", "600"], "cwd": "/",
                        "noNewPrivileges": True},
            "root": {"path": "rootfs", "readonly": True},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                       {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}],
            "linux": {"cgroupsPath": "/nested", "resources": resources,
                      "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "cgroup")]}}))
    return directory


def limits_of(pid, view):
    """The nested container's own limits, as the machine sees them."""
    found = {}
    for membership in parse_cgroup(Path(f"/proc/{pid}/cgroup").read_text()):
        for mount in cgroup_mounts(view.mountinfo()):
            same = membership.controllers <= set(mount.options) if membership.controllers else mount.kind == "cgroup2"
            if not same or not membership.path.endswith("/nested"):
                continue
            directory = Path(f"/proc/{view.pid}/root{mount.point}{membership.path}")
            for name in ("pids.max", "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max", "memory.limit_in_bytes", "cpuset.cpus"):
                if (directory / name).exists():
                    found[name] = (directory / name).read_text().strip()
    return found


def nested_pid(container):
    lines = container.exec("runc", "--root", "/run/nested", "list", "--format", "json", check=False).stdout
    entries = json.loads(lines or "null") or []
    return entries[0]["pid"] if entries and entries[0]["status"] == "running" else None


@pytest.mark.parametrize("cgroupns", ["host", "private"])
@pytest.mark.parametrize("view", [pytest.param(view, marks=pytest.mark.view(view)) for view in VIEWS])
def test_runc_in_the_container(session, view, cgroupns):
    engine = session.engine("docker", "runc", view)
    engine.image("inits")
    v2 = set(engine.view.v2_controllers() or ()) if view == "unified" else set()
    controllers = [name for name in ("pids", "memory", "cpuset", "hugetlb") if name in v2] if v2 else ["pids", "memory", "cpuset"]
    directory = bundle(session, controllers)
    # The engine's own seccomp profile has neither keyctl(2) nor pivot_root(2), which runc needs.
    options = [f"--cgroupns={cgroupns}", "--volume", f"{directory}:/bundle:ro", "--security-opt", "seccomp=unconfined"]
    command = "runc --root /run/nested run --bundle /bundle nested & while :; do sleep 1; done"
    with unchanged_machine(session) as compare:
        with engine.start("inits", "/bin/sh", "-c", command, tty=False, options=options) as container:
            wait_for("the nested container", lambda: nested_pid(container) or "failed" in container.logs())
            said = container.logs()
            assert "failed" not in said and "cginit: warning" not in said, said
            limits = checks.limit_files(container, session.view)
            top = container.engine.cli("top", container.name, "-eo", "pid,args").stdout.splitlines()
            pid = next(line.split()[0] for line in top if line.endswith("/bin/busybox sleep 600"))
            expected = {"pids": ("pids.max", str(PIDS)), "memory": ("memory.limit_in_bytes", str(64 << 20)),
                        "cpuset": ("cpuset.cpus", "0"),
                        "hugetlb": ("hugetlb.2MB.max", str(HUGE))}
            seen = limits_of(pid, session.view)
            for controller in controllers:
                name, value = expected[controller]
                assert seen.get(name) == value, f"{controller}: {seen}"
            assert limits == checks.limit_files(container, session.view), "V4"
            container.exec("runc", "--root", "/run/nested", "delete", "--force", "nested")
            compare(running=[container.id])


@pytest.mark.view("unified")
@pytest.mark.parametrize("value, subtree", [("auto", True), ("none", False), ("nosuch", False)])
def test_what_is_enabled(session, value, subtree):
    engine = session.engine("docker", "runc", "unified")
    controllers = engine.view.v2_controllers()
    command = "cat /sys/fs/cgroup/cgroup.subtree_control; echo -- $(cat /proc/self/cgroup | grep ^0::)"
    with unchanged_machine(session):
        result = engine.run("busybox", f"--delegate={value}", "--", "/bin/sh", "-c", command)
    assert result.returncode == 0, result.stderr
    enabled, own = result.stdout.split("-- ")
    assert (set(enabled.split()) == set(controllers)) == subtree, result.stdout
    assert own.strip() == ("0::/" if value == "none" else "0::/init.scope")
    warned = "the init cannot use the controller nosuch" in result.stderr
    assert warned == (value == "nosuch"), result.stderr


@pytest.mark.view("v1")
def test_a_cpuset_takes_processes_at_once(session):
    engine = session.engine("docker", "runc", "v1")
    command = "mkdir /sys/fs/cgroup/cpuset/a && echo $$ >/sys/fs/cgroup/cpuset/a/cgroup.procs && echo usable"
    with unchanged_machine(session):
        result = engine.run("busybox", "/bin/sh", "-c", command)
        without = engine.run("busybox", "--delegate=none", "--", "/bin/sh", "-c", command)
    assert "usable" in result.stdout, result.stderr
    assert "usable" not in without.stdout


@pytest.mark.view("unified")
def test_processes_that_keep_appearing_are_moved_too(session):
    """What `docker exec` does while cginit works, many times over."""
    engine = session.engine("docker", "runc", "unified")
    command = ("(while :; do /bin/true; done) & (while :; do /bin/true; done) & "
               "exec /cginit -- /bin/sh -c 'cat /sys/fs/cgroup/cgroup.subtree_control; cat /sys/fs/cgroup/cgroup.procs; echo end'")
    with unchanged_machine(session):
        for _ in range(5):
            result = engine.run("busybox", "-c", command, entrypoint="/bin/sh")
            assert result.returncode == 0, result.stderr
            assert result.stdout.split() == [*engine.view.v2_controllers(), "end"], result.stderr
