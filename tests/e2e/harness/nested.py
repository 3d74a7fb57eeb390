"""A container in the container, by runc, with limits that its controllers have to take."""

import json
import shutil
from pathlib import Path

from . import checks
from .boot import unchanged_machine
from .mounts import cgroup_mounts, parse_cgroup
from .shell import wait_for

PIDS, HUGE, MEMORY = 23, 4 << 20, 64 << 20
# By controller: what runc is told, and the files and values in which the machine then has it, v1's and v2's.
LIMITS = {
    "pids": ({"pids": {"limit": PIDS}}, {"pids.max": str(PIDS)}),
    "memory": ({"memory": {"limit": MEMORY}}, {"memory.limit_in_bytes": str(MEMORY), "memory.max": str(MEMORY)}),
    "cpuset": ({"cpu": {"cpus": "0"}}, {"cpuset.cpus": "0"}),
    "hugetlb": ({"hugepageLimits": [{"pageSize": "2MB", "limit": HUGE}]},
                {"hugetlb.2MB.limit_in_bytes": str(HUGE), "hugetlb.2MB.max": str(HUGE)}),
}
_RUNC = ("runc", "--root", "/run/nested")


def _bundle(session, controllers):
    """What runc runs: a shell that sleeps, with a limit for each of CONTROLLERS."""
    directory = session.directory / f"bundle-{'-'.join(controllers)}"
    if not directory.exists():
        for name in ("bin", "proc", "dev"):
            (directory / "rootfs" / name).mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), directory / "rootfs" / "bin" / "busybox")
        resources = {}
        for controller in controllers:
            resources |= LIMITS[controller][0]
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


def _limits_of(pid, view):
    """The nested container's own limits, as the machine sees them."""
    names = {name for _, files in LIMITS.values() for name in files}
    found = {}
    for membership in parse_cgroup(Path(f"/proc/{pid}/cgroup").read_text()):
        for mount in cgroup_mounts(view.mountinfo()):
            same = membership.controllers <= set(mount.options) if membership.controllers else mount.kind == "cgroup2"
            if not same or not membership.path.endswith("/nested"):
                continue
            directory = Path(f"/proc/{view.pid}/root{mount.point}{membership.path}")
            found |= {name: (directory / name).read_text().strip() for name in names if (directory / name).exists()}
    return found


def _pid_inside(container):
    lines = container.exec(*_RUNC, "list", "--format", "json", check=False).stdout
    entries = json.loads(lines or "null") or []
    return entries[0]["pid"] if entries and entries[0]["status"] == "running" else None


def check_runc(session, engine, image, controllers, options):
    """IMAGE has runc; CONTROLLERS are those of LIMITS that it can use here."""
    engine.image(image)
    directory = _bundle(session, controllers)
    # The engine's own seccomp profile has neither keyctl(2) nor pivot_root(2), which runc needs.
    options = [*options, "--volume", f"{directory}:/bundle:ro", "--security-opt", "seccomp=unconfined"]
    command = f"{' '.join(_RUNC)} run --bundle /bundle nested & while :; do sleep 1; done"
    with unchanged_machine(session) as compare:
        with engine.start(image, "/bin/sh", "-c", command, tty=False, options=options) as container:
            wait_for("the nested container", lambda: _pid_inside(container) or "failed" in container.logs())
            said = container.logs()
            assert "failed" not in said and "cginit: warning" not in said, said
            limits = checks.limit_files(container, session.view)
            top = container.engine.cli("top", container.name, "-eo", "pid,args").stdout.splitlines()
            pid = next(line.split()[0] for line in top if line.endswith("/bin/busybox sleep 600"))
            seen = _limits_of(pid, session.view)
            for controller in controllers:
                expected = LIMITS[controller][1]
                held = {name: seen[name] for name in expected if name in seen}
                assert held and held.items() <= expected.items(), f"{controller}: {seen}"
            assert limits == checks.limit_files(container, session.view), "V4"
            container.exec(*_RUNC, "delete", "--force", "nested")
            compare(running=[container.id])


# What a container in the container shows: no namespace of its own for cgroups, and the tree of the one around.
_OUTER_TREE = [{"destination": "/proc", "type": "proc", "source": "proc"},
               {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
               {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
               {"destination": "/sys/fs/cgroup", "type": "bind", "source": "/sys/fs/cgroup", "options": ["rbind", "rw"]}]


def check_cginit(session, engine):
    """A cginit in a container of runc's in a container of cginit's: it makes a view of its own, below the nested container's
    cgroup."""
    directory = session.directory / "bundle-cginit"
    if not directory.exists():
        for name in ("bin", "proc", "dev", "sys"):
            (directory / "rootfs" / name).mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), directory / "rootfs" / "bin" / "busybox")
        shutil.copy(session.binary, directory / "rootfs" / "cginit")
        capabilities = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_SETPCAP"]
        (directory / "config.json").write_text(json.dumps({
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/",
                        "args": ["/cginit", "--delegate=none", "--", "/bin/busybox", "sleep", "600"],
                        "capabilities": {kind: capabilities for kind in ("bounding", "effective", "permitted")}},
            "root": {"path": "rootfs"}, "mounts": _OUTER_TREE,
            "linux": {"cgroupsPath": "/nested", "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]}}))
    engine.image("inits")
    options = ["--volume", f"{directory}:/from:ro", "--security-opt", "seccomp=unconfined"]
    command = f"cp -a /from /bundle && {' '.join(_RUNC)} run --bundle /bundle nested & while :; do sleep 1; done"
    with unchanged_machine(session) as compare:
        with engine.start("inits", "/bin/sh", "-c", command, tty=False, options=options) as container:
            def inner():
                said = container.logs()
                assert "error" not in said and "failed" not in said, said
                return next((pid for pid in container.engine.cli("top", container.name, "-eo", "pid,args").stdout.splitlines()
                             if pid.endswith("/bin/busybox sleep 600")), None)
            pid = wait_for("the nested init", inner).split()[0]
            assert container.logs().count("cgroups private") == 2, container.logs()
            mounts = cgroup_mounts(Path(f"/proc/{pid}/mountinfo").read_text())
            # Nothing is limited there, and so nothing has to be guarded.
            flat = ("/sys/fs/cgroup/systemd",)
            above = [f"{mount.point} shows {mount.root}" for mount in mounts if "/nested" not in mount.root or
                     (mount.writable and "/nested/cginit" not in mount.root and mount.point not in flat)]
            assert mounts and not above, above
            container.exec(*_RUNC, "delete", "--force", "nested")
            compare(running=[container.id])
