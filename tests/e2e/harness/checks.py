"""The invariants that a boot must keep, each seen from where it matters: inside, or from the machine."""

import contextlib
import os
import re
from pathlib import Path

from .host import FLAT
from .mounts import cgroup_mounts, is_below, membership_of, parse_cgroup
from .probe import INITIAL_CGROUP_NAMESPACE

# What cginit says where the engine's cgroup is another user's than the container's root.
UNLIMITED = "cginit: warning: nothing limits how many cgroups the init can make: the limits in the engine's cgroup cannot be set"
# What systemd says when a view is wrong. "cgroup" and "controller" catch messages that nobody has met yet.
_BAD_LOG = re.compile(
    r"fail|read-only file system|file exists|permission denied|operation not permitted|cannot|could not|cgroup|"
    r"controller|hierarchy|no such file|\berror\b|refus|freezing|denied", re.I)

# Said on good boots too. Each is here with its reason; nothing that a cgroup view causes may be added.
_HARMLESS_LOG = [re.compile(pattern) for pattern in (
    # cginit's own line about what it did; its warnings are complaints.
    r"^cginit: info: ",
    # That one is right where check_descendants() finds no limits, which looks for it.
    rf"^{re.escape(UNLIMITED)}$",
    # The version line lists what systemd was built with: ... default-hierarchy=unified)
    r"^systemd .* running in system mode",
    # What every v1 host gets: the programs that need cgroup2 for firewalls and device lists do without.
    r"does not support BPF/cgroup firewalling",
    r"^cgroup compatibility translation between legacy and unified hierarchy settings activated",
    # Podman gives CAP_AUDIT_WRITE, but the audit log belongs to the machine.
    r"^Failed to connect to audit log(, ignoring)?:",
    # systemd 257 tells the owners of v1 hosts that these are old, and what it does not do there.
    r"[Ll]egacy (cgroup )?hierarchy|cgroup ?v1|cgroupsv1|cgroup v1",
    r"^Not running with unified cgroup hierarchy, disabling cgroup BPF features",
    # In every container whose kernel has cgroup BPF; podman --systemd=always without cginit gets it, too.
    r"^\S+: bpf-firewall: Attaching \w+ BPF program to cgroup \S+ failed: Invalid argument$",
    # systemd wants these by two in one hierarchy, and says so on a machine that has them apart, whatever the view.
    r"^Failed to create symlink /sys/fs/cgroup/(cpu(acct)?|net_(cls|prio)): File exists$",
    # Not in a minimal image: libbpf, and credentials for the console's login.
    r"^(Failed to open libbpf|Neither libbpf.* are installed), cgroup BPF features disabled",
    r"^failed to open credentials directory",
    # systemd 258 asks for a unit's limit even where cgroup2 has no pids controller, as where the host keeps it on v1.
    r"^\S+: Failed to read pids\.max for control group \S+, ignoring: No data available",
    # OpenRC puts services into cgroups only where it may make hierarchies of its own, as no container may.
    r"^ \* No permission to apply cgroup settings",
)]


def check_private(probe, container):
    """V1: nothing in PID 1's mount table, covered mounts included, and none of its fds leads above its own cgroup."""
    namespaced = probe.cgroup_namespace != INITIAL_CGROUP_NAMESPACE
    for mount in probe.mounts:
        assert "/.." not in mount.root, f"V1: {mount.point} has the root {mount.root}: an escape hatch"
        if namespaced:
            own = membership_of(mount, probe.memberships).path
            assert mount.root == "/" or is_below(own, mount.root), f"V1: {mount.point} shows {mount.root}, not {own}"

    # The same table, read from the machine: there every root is a whole path.
    inside = parse_cgroup(container.proc("cgroup"))
    engine_paths = container.cgroups()
    for mount in container.cgroup_mounts():
        engine_path = engine_paths[membership_of(mount, inside).controllers]
        if engine_path is None:
            assert not mount.writable, f"V1: {mount.point} is the machine's own root, writable"
        else:
            assert is_below(mount.root, engine_path), f"V1: {mount.point} shows {mount.root}, above {engine_path}"
    check_fds(container)


def _files_below(view, mounts):
    """(device, inode) of every cgroup directory and file at or below the roots of these mounts, and the devices of all
    cgroup file systems in the view."""
    roots = {}
    for mount in mounts:
        roots.setdefault(mount.device, set()).add(mount.root)
    own, devices = set(), set()
    for mount in cgroup_mounts(view.mountinfo()):
        devices.add(os.makedev(*map(int, mount.device.split(":"))))
        for root in roots.get(mount.device, ()):
            for directory, _, files in os.walk(f"/proc/{view.pid}/root{mount.point}{root}"):
                for name in (".", *files):
                    try:
                        status = os.stat(os.path.join(directory, name))
                    except FileNotFoundError:
                        continue
                    own.add((status.st_dev, status.st_ino))
    return own, devices


def check_fds(container):
    """V1: no fd of the init and of what it started is a cgroup that its mounts do not show, another namespace, or a file in a
    mount that is gone."""
    own, devices = _files_below(container.engine.view, container.cgroup_mounts())
    for pid in _started_by(container.pid, container.processes()):
        with contextlib.suppress(FileNotFoundError):
            _check_fds_of(pid, own, devices)


def _started_by(init, pids):
    """The init and its descendants: not what exec brought in, which has another parent, outside."""
    parents = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            # 17 (a name) S 1 ...: the state and the parent
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                parents[pid] = int(stat.read().rsplit(")", 1)[1].split()[1])
    found = {init}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def _check_fds_of(pid, own, devices):
    namespaces = {os.readlink(f"/proc/{pid}/ns/{name}") for name in ("cgroup", "mnt", "user", "pid")}
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="replace") as mountinfo:
        mounts = {line.split(" ", 1)[0] for line in mountinfo}
    for number in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{number}"
        try:
            status, target = os.stat(path), os.readlink(path)
            with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as fdinfo:
                mount = dict(line.split(":", 1) for line in fdinfo if ":" in line)["mnt_id"].strip()
        except FileNotFoundError:
            continue
        where = f"V1: fd {number} of process {pid}"
        if status.st_dev in devices:
            assert (status.st_dev, status.st_ino) in own, f"{where} leads out: {target}"
        if target.split(":")[0] in ("cgroup", "mnt", "user", "pid"):
            assert target in namespaces, f"{where} is another namespace: {target}"
        # The engine opened 0-2, in its own mount namespace.
        if target.startswith("/") and int(number) > 2:
            assert mount in mounts, f"{where} is {target} in a mount that is gone"


def check_consistent(probe):
    """V2: in every visible hierarchy, mount point + path of /proc/1/cgroup is a cgroup that holds PID 1."""
    holds_init = set(probe.sections["holds-init"].splitlines())
    for point, directory in probe.init_directories().items():
        assert f"{directory}/cgroup.procs" in holds_init, f"V2: {point}: PID 1 is not in {directory}"


# A container that freezes itself on v1 takes no signal.
UNKILLABLE = {"freezer"}


def check_writable(probe, flat=FLAT):
    """V3: a child can be made wherever the container can be given the hierarchy, and nowhere else."""
    children = probe.children()
    for mount in probe.mounts:
        result = children[mount.point]
        if (flat | UNKILLABLE) & set(mount.options):
            assert result == "Read-only file system", f"V3: the init may not have {mount.point}, but mkdir: {result}"
        else:
            assert result == "made", f"V3: no child in {mount.point}: {result}"


def layout_of(probe):
    """By what is mounted, as systemd tells it."""
    points = {mount.point for mount in probe.mounts if mount.kind == "cgroup2"}
    if "/sys/fs/cgroup" in points:
        return "unified"
    return "hybrid" if "/sys/fs/cgroup/unified" in points else "legacy"


def check_complete(probe, view, layouts):
    """The layout is one of these, and what the engine's view has of it is there, where programs look for it."""
    layout = layout_of(probe)
    assert layout in layouts, f"the layout is {layout}"
    points = probe.init_directories().keys()
    if layout == "unified":
        assert points == {"/sys/fs/cgroup"}, points
        return
    assert "/sys/fs/cgroup/systemd" in points
    # Not the freezer and blkio: who runs containers is not shown what is not writable.
    for controller in ("cpu", "cpuset", "memory", "devices", "pids"):
        assert any(controller in mount.options for mount in probe.mounts), f"{controller} is not visible"
    if view == "comount":
        links = [line for line in probe.sections["tree"].splitlines() if " -> " in line]
        for name in ("net_cls", "net_prio"):
            assert any(line.endswith(f" {name} -> net_cls,net_prio") for line in links), f"no link {name}: {links}"


# Controllers whose limits hold for children too, and cpuacct, which counts. The others have nothing to guard (freezer,
# perf_event, a named hierarchy) or cannot be guarded that way and are not writable at all (check_writable).
_GUARDED = {"cpu", "cpuacct", "cpuset", "memory", "devices", "pids", "hugetlb", "rdma", "misc", "dmem"}


def check_inner_level(container):
    """V4: what shows a controller with limits is below the engine's own cgroup, whose limits are out of reach."""
    inside = parse_cgroup(container.proc("cgroup"))
    engine_paths = container.cgroups()
    for mount in container.cgroup_mounts():
        engine_path = engine_paths[membership_of(mount, inside).controllers]
        guarded = mount.kind == "cgroup2" or _GUARDED & set(mount.options)
        # What --allow-host-cgroup made is not the engine's, and has no limit.
        if engine_path is not None and "/cginit-" not in engine_path and mount.writable and guarded:
            assert mount.root != engine_path, f"V4: {mount.point} is the engine's own cgroup, writable"


def check_descendants(container, view):
    """On v2 the container can have so many cgroups, and so many levels of them, by files of the engine's cgroup; where these are
    another user's than the container's root, it is told that nothing limits them."""
    path = container.cgroups().get(frozenset())
    root = int(re.search(r"^Uid:\s+(\d+)", container.proc("status"), re.M).group(1))
    for mount in cgroup_mounts(view.mountinfo()):
        engine = Path(f"/proc/{view.pid}/root{mount.point}{path}")
        if mount.kind == "cgroup2" and path is not None and (engine / "cginit").is_dir():
            files = [engine / f"cgroup.max.{name}" for name in ("descendants", "depth")]
            found = [file.read_text().strip() for file in files]
            own = {file.stat().st_uid for file in files} == {root}
            assert found == (["4096", "15"] if own else ["max", "max"]), f"{engine}: {found}"
            assert (UNLIMITED in container.logs()) != own, f"{engine}: {found}"


def check_kept(container, view):
    """V4: of a cgroup that was given to the container's root the limits are the host's root's."""
    owners = {name: os.stat(f"/proc/{view.pid}/root{name}").st_uid for name in limit_files(container, view)}
    assert owners and not any(owners.values()), f"V4: limits that belong to the container: {owners}"


def log_complaints(container, systemd, read_only=False):
    """Lines of the init's console and journal that a wrong view causes. With a READ_ONLY root file system, systemd says
    of every other file too that it cannot write it, or that it is not there."""
    harmless = list(_HARMLESS_LOG)
    if read_only:
        harmless.append(re.compile(r"^((?!cgroup).)*Read-only file system$"))
        harmless.append(re.compile(r"^Failed to open directory '[a-z]+': No such file or directory$"))
    # Colours, and what systemd 258 tells a terminal about what it runs: ESC ] 3008 ; ... ESC \\
    lines = re.sub(r"\x1b(\[[0-9;:?]*[A-Za-z]|\][^\x1b]*\x1b\\)", "", container.logs()).splitlines()
    if systemd:
        lines += container.exec("journalctl", "-b", "-p", "warning", "-o", "cat", "--no-pager").stdout.splitlines()
    return [line for line in lines if _BAD_LOG.search(line) and not any(known.search(line) for known in harmless)]


# Whatever an engine can limit, or hold a container with; v1 and v2.
_LIMITS = re.compile(
    r"memory\.(limit_in_bytes|memsw\.limit_in_bytes|soft_limit_in_bytes|kmem\.limit_in_bytes|max|high|low|min|swap\.max)|"
    r"memory\.(use_hierarchy|oom_control|swappiness)|pids\.max|cpu\.(cfs_quota_us|cfs_period_us|cfs_burst_us|shares|idle)|"
    r"cpu\.(rt_runtime_us|rt_period_us|max|max\.burst|weight)|cpuset\.(cpus|mems|cpus\.exclusive|cpus\.partition|cpu_exclusive)|"
    r"blkio\.throttle\.\w+_device|blkio\.(bfq\.)?weight|io\.(max|weight|bfq\.weight)|hugetlb\.\w+(\.rsvd)?\.(limit_in_bytes|max)|"
    r"devices\.list|net_cls\.classid|net_prio\.ifpriomap|freezer\.self_freezing|cgroup\.(freeze|type|max\.\w+)|(misc|rdma)\.max|dmem\.(max|min|low)")


def limit_files(container, view):
    """The engine's limits of this container, read from the machine: {file: value}."""
    found = {}
    paths = container.cgroups()
    for mount in cgroup_mounts(view.mountinfo()):
        for controllers, path in paths.items():
            matches = controllers <= set(mount.options) if controllers else mount.kind == "cgroup2"
            if path is None or not matches:
                continue
            # crun's container is in the scope that has the limits, too.
            for place in sorted({path, path.removesuffix("/container")}):
                directory = f"/proc/{view.pid}/root{mount.point}{place}"
                for name in filter(_LIMITS.fullmatch, os.listdir(directory)):
                    with open(f"{directory}/{name}", encoding="utf-8") as content:
                        found[f"{mount.point}{place}/{name}"] = _set_by_someone(name, content.read())
    return found


def _set_by_someone(name, text):
    """under_oom 0 and oom_kill 3 are what memory.oom_control counts; oom_kill_disable 0 is what is set in it."""
    return text.splitlines()[0] if name == "memory.oom_control" else text


def check_limited_unit(probe):
    """The limits of e2e-limited.service are in force where it runs: `running` alone does not prove that. Returns the
    controllers that have one there."""
    memberships = parse_cgroup(probe.sections["unit"])
    # /sys/fs/cgroup/pids/system.slice/e2e-limited.service/pids.max:17
    found = dict(line.rsplit(":", 1) for line in probe.sections["unit-limits"].splitlines())
    expected = {"memory.limit_in_bytes": str(48 << 20), "memory.max": str(48 << 20), "pids.max": "17"}
    controllers = set()
    for mount in probe.mounts:
        directory = mount.point + membership_of(mount, memberships).path
        if "name=systemd" in mount.options or mount.kind == "cgroup2":
            assert directory.endswith("/system.slice/e2e-limited.service"), f"the unit is in {directory}"
        for name, value in expected.items():
            if f"{directory}/{name}" in found:
                assert found[f"{directory}/{name}"] == value, f"{directory}/{name}: {found}, not {value}"
                controllers.add(name.split(".")[0])
    return controllers
