"""The machine that the engines run on: its cgroup views, and whether it is as it was."""

import difflib
import os
import re
import subprocess
from pathlib import Path

import pytest

from .mounts import cgroup_mounts
from .shell import run, wait_for

SUPPORT = Path(__file__).resolve().parents[2] / "support"

# What the engines make for themselves and never remove; the slices are made and removed by a host's systemd for them, in the
# hierarchies that it needs at the time.
ENGINE_PARENTS = ("docker", "libpod_parent")
_PARENT_LINES = re.compile(r"cgroup \S+ /(docker|libpod_parent|libpod_parent/conmon|machine\.slice|system\.slice)$")
# What lies in a rootless user's session is his until he logs out.
_SESSION_LINES = re.compile(r"cgroup \S+ /cginit-e2e-rootless-\d+(/|$)")
# This project's other tests, which may run at the same time.
_OTHER_TESTS = re.compile(r"cgroup \S+ /cginit-(test|bench|quickstart)-\d+(/|$)")
_CONTAINER_ID = re.compile(r"[0-9a-f]{64}")

# v1 controllers whose limits never hold for children: there the engine's cgroup stays the init's, read-only.
FLAT = {"blkio", "net_cls", "net_prio"}


def has_sys_resource():
    """Some virtual machines start their root without this capability: then no limit can be raised."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> 24 & 1)
    raise AssertionError("/proc/self/status has no CapEff line")


def difference(before, after):
    """The lines that came and went, empty if nothing did."""
    lines = [line for line in difflib.unified_diff(before, after, "before", "after", lineterm="", n=0)
             if not line.startswith("@@")]
    if len(lines) > 40:
        lines[40:] = [f"... and {len(lines) - 40} lines more"]
    return "\n".join(lines)


def without_containers(lines, directories, gone):
    """Drops what an engine must do: its own parent cgroups, those of its containers, its mounts in DIRECTORIES. GONE are
    the containers of these tests that may not have anything any more; others may belong to somebody else."""
    kept = []
    below = tuple(f"{directory}/" for directory in directories)
    for line in lines:
        if any(expected.match(line) for expected in (_PARENT_LINES, _SESSION_LINES, _OTHER_TESTS)):
            continue
        if line.startswith("cgroup "):
            owner = _CONTAINER_ID.search(line)
            if owner and owner.group() not in gone:
                continue
        if line.startswith("mount ") and line.split()[5].startswith(below):
            continue
        kept.append(line)
    return kept


class Machine:
    """The machine's own namespaces, and with them the view that it has itself."""

    prefix = ()

    def __init__(self, name="machine"):
        self.name = name
        self.pid = os.getpid()

    def state(self):
        return run(*self.prefix, SUPPORT / "host-state.sh", timeout=20).stdout.splitlines()

    def mountinfo(self):
        return Path(f"/proc/{self.pid}/mountinfo").read_text()

    def v2_controllers(self):
        """The controllers that cgroup2 has in this view, or None where it is not mounted."""
        for point in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
            path = f"{point}/cgroup.controllers"
            result = run(*self.prefix, "cat", path, check=False)
            if result.returncode == 0:
                return result.stdout.split()
        return None

    def flat_controllers(self):
        """The v1 controllers whose limits do not hold for children here."""
        memory = [mount.point for mount in cgroup_mounts(self.mountinfo()) if "memory" in mount.options]
        values = [run(*self.prefix, "cat", f"{point}/memory.use_hierarchy").stdout.strip() for point in memory[:1]]
        return FLAT | ({"memory"} if values == ["0"] else set())

    def close(self, directories):
        pass


class View(Machine):
    """A mount namespace in which /sys/fs/cgroup looks like another host's; it ends with close() or with this process."""

    def __init__(self, name):
        self.name = name
        before = self._hierarchies()
        self._holder = subprocess.Popen(
            [SUPPORT / "in-view.sh", name, "sh", "-c", "echo up; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self._holder.stdout.readline() != "up\n":
            message = self._holder.stderr.read().strip()
            self._holder.wait()
            pytest.skip(f"no {name} view here: {message}")
        self.pid = self._holder.pid
        self.prefix = ("nsenter", "--mount", f"--target={self.pid}")
        self._own_hierarchies = self._hierarchies() - before
        self._first_state = self.state()

    @staticmethod
    def _hierarchies():
        return {line.split()[1] for line in Path("/proc/cgroups").read_text().splitlines()[1:]}

    def clean(self):
        """Removes the cgroups that engines left behind, and switches off the controllers that they switched on."""
        old, new = set(self._first_state), self.state()
        points = {}
        for line in new:
            if line.startswith("mount "):
                fields = line.split()
                at = fields.index("-")
                if fields[at + 1].startswith("cgroup") and fields[4] == "/":
                    points[f"{fields[at + 1]}:{fields[at + 3]}"] = fields[5]
        left = [line.split(" ", 2)[1:] for line in new if line.startswith("cgroup ") and line not in old]
        ours = [(points[where] + path) for where, path in left if path.split("/")[1] in ENGINE_PARENTS]
        if ours:
            run(*self.prefix, "rmdir", *sorted(ours, key=len, reverse=True), check=False)
        for line in new:
            if line.startswith("setting cgroup2:") and " cgroup.subtree_control" in line and line not in old:
                words = line.split()
                before = next((entry.split()[3:] for entry in old if entry.startswith(" ".join(words[:3]))), words[3:])
                for controller in set(words[3:]) - set(before):
                    run(*self.prefix, "sh", "-c", 'echo "-$1" >"$2/cgroup.subtree_control"', "sh", controller,
                        points[words[1]], check=False)
        self._restore_v2_options(old, new)

    def _restore_v2_options(self, old, new):
        """A container that went wrong may have changed them."""
        options = [{line.rsplit(" ", 1)[1] for line in lines if " - cgroup2 " in line} for lines in (old, new)]
        if len(options[0]) == 1 and options[0] != options[1]:
            set_v2_options(options[0].pop().split(","))

    def _own_hierarchies_are_empty(self):
        # perf_event	15	4	1: controller, hierarchy, number of cgroups, enabled
        rows = [line.split() for line in Path("/proc/cgroups").read_text().splitlines()[1:]]
        return all(row[2] == "1" for row in rows if row[1] in self._own_hierarchies)

    def close(self, directories):
        """DIRECTORIES are the engines'."""
        try:
            after = self._leave_empty()
        finally:
            self._holder.stdin.close()
            self._holder.wait(timeout=20)
        left = difference(*(without_containers(state, directories, ()) for state in (self._first_state, after)))
        assert not left, f"the engines left this in the {self.name} view:\n{left}"

    def _leave_empty(self):
        self.clean()
        # A hierarchy that the view made ends with its last mount, but only if its cgroups are really gone by then.
        wait_for("the engines' cgroups to go away", self._own_hierarchies_are_empty, timeout=20)
        return self.state()


def set_v2_options(options):
    """nsdelegate and the like belong to the whole machine: a fresh mount in the initial cgroup namespace sets them for
    all."""
    special = ",".join(sorted(set(options) - {"rw", "ro"})) or "defaults"
    run("unshare", "--mount", "--propagation", "private", "sh", "-c",
        'mount -t cgroup2 -o "$1" cgroup2 /mnt && umount /mnt', "sh", special, check=False)


def hierarchy_root(kind, option=None):
    """Where this machine has a hierarchy mounted whole."""
    for mount in cgroup_mounts(Path("/proc/self/mountinfo").read_text()):
        if mount.kind == kind and mount.root == "/" and (option is None or option in mount.options):
            return Path(mount.point)
    raise AssertionError(f"this machine has no {option or kind} mounted")


def clean_up(container_id):
    """What README.md tells the user of --allow-host-cgroup to do when the container is gone: the cgroups it removed."""
    result = run(SUPPORT.parents[1] / "examples" / "remove-cgroups.py", container_id)
    removed = [Path(line.removeprefix("removed ")) for line in result.stdout.splitlines()]
    assert removed and not any(path.exists() for path in removed), result.stdout
    return removed


def kill(pid, signal_number):
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        pass
