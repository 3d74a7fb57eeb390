"""Containers that are set up against cginit: each boots with a good view, or says why not and is as it was before."""

import pytest

from cases import Case
from harness import image_files, tally
from harness.boot import check_everything, engine_options, unchanged_machine
from harness.bundles import Runtime
from harness.hostile import TRUE, Setup, judge_all, probing
from harness.probe import wait_for_boot

# With fewer there is none left for what cginit reads.
ENOUGH_FILES = 6
ARGUMENT = 131072  # MAX_ARG_STRLEN, with the null byte
STACK = 8 << 20
EXEC = STACK // 4  # what a program may get in all; bprm_stack_limits(), fs/exec.c
REPLACED = ("--tmpfs=/run,/tmp",)
# A path with all that mountinfo escapes, and bytes that no text has.
ODD_PATH = r"""$(printf '/a b\tc\nd\\e#\\040\377\376\001')"""


def limit(name, soft, hard=None):
    def change(config):
        limits = config["process"].setdefault("rlimits", [])
        limits.append({"type": name, "soft": soft, "hard": soft if hard is None else hard})
    return change


def mounted(destination, kind, source, *options):
    def change(config):
        config["mounts"] = [known for known in config["mounts"] if known["destination"] != destination]
        config["mounts"].append({"destination": destination, "type": kind, "source": source, "options": list(options)})
    return change


def no_pid_namespace(config):
    config["linux"]["namespaces"] = [known for known in config["linux"]["namespaces"] if known["type"] != "pid"]


def read_only(config):
    config["root"]["readonly"] = True


def variable(text):
    return lambda config: config["process"]["env"].append(text)


def named(config):
    """With the container's name in its path the init gets a variable more than cginit had: $container_uuid."""
    config["linux"]["namespaces"] = [known for known in config["linux"]["namespaces"] if known["type"] != "cgroup"]


def filled(left, before=lambda config: None):
    """Arguments and environment that leave so many bytes of what the kernel takes."""
    def change(config):
        before(config)
        limit("RLIMIT_STACK", STACK)(config)
        process = config["process"]
        words = [process["args"][0], *process["args"], *process["env"]]
        # The file's name counts, but has no pointer.
        free = EXEC - left - sum(len(word) + 1 for word in words) - 8 * (len(words) - 1)
        while free > 0:
            size = min(free - 8, ARGUMENT)
            free -= size + 8
            if 0 < free < 100:
                size, free = size - 100, free + 100
            process["env"].append(f"FILL{len(process['env']):03}=".ljust(size - 1, "x"))
    return change


def stacked(what, times=1000):
    return f"i=0; while [ $i -lt {times} ]; do {what}; i=$((i+1)); done"


GROUPS = {
    "open files": ("runc", "hybrid", [
        *(Setup(f"{n} open files", last=f"ulimit -S -n {n}", status=0 if n >= ENOUGH_FILES else 125,
                says=("Too many open files", "nofile")) for n in range(17)),
        *(Setup(f"{n} open files at most", last=f"ulimit -n {n}", init=TRUE, status=0 if n >= ENOUGH_FILES else 125,
                says=("Too many open files", "nofile")) for n in range(17)),
        Setup("hundreds open", last=stacked('eval "exec $((i+3))</etc/passwd"', 300)),
    ]),
    "closed descriptors": ("crun", "v1", [
        *(Setup(closed, last=f"exec {closed}") for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&-", "0<&- 1>&- 2>&-")),
    ]),
    "arguments": ("runc", "hybrid", [
        Setup("an argument of 128 KiB", init=("/bin/true", "x" * (ARGUMENT - 1)), direct=True),
        Setup("a variable of 128 KiB", change=variable("X=".ljust(ARGUMENT - 1, "x"))),
        Setup("2 MB", init=TRUE, change=filled(4096), direct=True),
        Setup("2 MB to the last byte", init=TRUE, change=filled(0, named), direct=True, status=126,
              says=("execve", "Argument list too long")),
        Setup("a setting of 128 KiB", change=variable("CGINIT_LAYOUT=".ljust(ARGUMENT - 1, "x")), init=TRUE, status=125,
              says=("CGINIT_LAYOUT",)),
        Setup("an option of 120 KiB", options=("--layout=" + "x" * 120000,), init=TRUE, direct=True, status=125,
              says=("--layout",)),
    ]),
    "full file systems": ("runc", "comount", [
        Setup("no space", "".join(f"mount -t tmpfs -o size=4k none {point}; dd if=/dev/zero of={point}/x 2>/dev/null;"
                                  for point in ("/run", "/tmp", "/root")) + "! echo x 2>/dev/null >/run/y", options=REPLACED),
        Setup("no inodes", "mount -t tmpfs -o nr_inodes=1 none /run; mount -t tmpfs -o nr_inodes=1 none /tmp; ! mkdir /run/x 2>&1",
              options=REPLACED),
        Setup("read-only", change=read_only, options=REPLACED),
    ]),
    "mounts": ("crun", "unified", [
        Setup("1000 at one point", "mkdir /m; " + stacked("mount -t tmpfs none /m")),
        Setup("1000 on /sys/fs/cgroup", stacked("mount --bind /sys/fs/cgroup /sys/fs/cgroup")),
        Setup("1000 on /run", stacked("mount -t tmpfs none /run"), options=REPLACED),
        Setup("a tmpfs with an odd name", change=mounted("/a b\tc\nd\\e#\\040\x01", "tmpfs", "tmpfs")),
        Setup("odd bytes", f'd={ODD_PATH}; mkdir "$d"; mount -t tmpfs none "$d"; mkdir "$d$d"; mount --bind "$d$d" "$d"'),
        Setup("odd bytes below /run", f'd="/run/"{ODD_PATH}; mkdir "$d"; mount -t tmpfs none "$d"; touch "$d/x"',
              init=("/bin/sh", "-c", f'cat "/run/"{ODD_PATH}/x && {probing()[2]}'), options=REPLACED),
    ]),
    "the cgroup tree": ("runc", "v1", [
        Setup("a hierarchy at an odd name", f'mkdir "/sys/fs/cgroup/"{ODD_PATH}; mount --move /sys/fs/cgroup/memory '
              f'"/sys/fs/cgroup/"{ODD_PATH}'),
        Setup("a volume over it", "mkdir -p /m; ln -s /sys/fs/cgroup/cpu /m/cpu; mount --bind /m /sys/fs/cgroup"),
        Setup("a link in its place", "mkdir -p /m; umount -l /sys/fs/cgroup; mount -t tmpfs none /sys/fs; ln -s /m /sys/fs/cgroup",
              status=125, says=("/sys/fs/cgroup",)),
        Setup("not there", "umount -l /sys/fs/cgroup; mount -t tmpfs none /sys/fs", status=125, says=("/sys/fs/cgroup",)),
        Setup("a file in its place", "umount -l /sys/fs/cgroup; mount -t tmpfs none /sys/fs; echo >/sys/fs/cgroup", status=125,
              says=("/sys/fs/cgroup",)),
        Setup("no pivot_root", runtime_options=("--no-pivot",)),
        Setup("a root that is not a mount point", "mkdir /in; cp -a /cginit /bin /e2e /in; mkdir /in/proc /in/sys /in/out; "
              "mount -t proc none /in/proc; mount --rbind /sys /in/sys; mount --bind /out /in/out", within="/in", status=125,
              says=("no mount point", "chroot")),
    ]),
    "image files": ("runc", "v1", image_files.SETUPS),
    "proc": ("runc", "hybrid", [
        Setup("hidepid=2", "mount -o remount,hidepid=2 /proc"),
        Setup("hidepid=4", "mount -o remount,hidepid=4 /proc"),
        Setup("subset=pid", "mount -t proc -o subset=pid none /proc", status=125, says=("/proc/driver", "subset=pid")),
        Setup("the host's", change=mounted("/proc", "bind", "/proc", "rbind"), init=probing("E2E_PROC=/proc/self")),
        Setup("of the host's processes", change=no_pid_namespace, init=probing("E2E_PROC=/proc/$$ E2E_PID=$$")),
        Setup("none", "mkdir -p /p; mount -t proc proc /p; umount -l /proc", proc="/p", status=125,
              says=("cginit needs a proc file system",)),
        Setup("another file system", "mkdir -p /p; mount -t proc proc /p; mount -t tmpfs none /proc", proc="/p", status=125,
              says=("cginit needs a proc file system",)),
    ]),
}


@pytest.mark.parametrize("group", [
    pytest.param(name, id=name.replace(" ", "-"), marks=pytest.mark.view(view)) for name, (_, view, _) in GROUPS.items()])
def test_hostile(session, group):
    name, view, setups = GROUPS[group]
    runtime = Runtime(session, name, view)
    with unchanged_machine(session):
        judge_all(runtime, setups)
    tally.add("hostile containers", inputs=len(setups))


BOOTING = [
    (Case("hybrid", "docker-runc", "private", "busybox"), ["--ulimit", "nofile=16:16"], ["/odd $d\\040 #x", "/tab\there"]),
    (Case("unified", "podman-runc", "private", "busybox"), ["--ulimit", "nofile=16:16"], ["/odd $d\\040 #x"]),
    (Case("v1", "docker-crun", "host", "bookworm"), ["--tmpfs", "/run:size=4m", "--ulimit", "nofile=64:2000"], ["/odd $d\\040 #x"]),
]


@pytest.mark.parametrize("case, options, volumes", [pytest.param(*row, id=row[0].title) for row in BOOTING])
def test_hostile_options_boot(session, tmp_path, case, options, volumes):
    engine = session.engine(case.kind, case.runtime, case.view)
    engine.image(case.image)
    (tmp_path / "a b").mkdir()
    options = [*options, *(f"--mount=type=bind,source={tmp_path}/a b,target={target}" for target in volumes)]
    with unchanged_machine(session):
        with engine.start(case.image, options=[*engine_options(case, session), *options], tty=case.systemd) as container:
            assert wait_for_boot(container, case.systemd) == "running"
            check_everything(session, case, container)
            for volume in volumes:
                container.exec("test", "-d", volume)
    tally.add("hostile containers", inputs=len(volumes) + 1)


@pytest.mark.view("v1")
def test_hostile_options_are_refused(session):
    engine = session.engine("docker", "runc", "v1")
    inputs = [("bookworm", ["--pid=host"], "leave out --init and --pid")]
    for image, options, says in inputs:
        with unchanged_machine(session):
            result = engine.run(image, options=options)
        errors = [line for line in result.stderr.splitlines() if line.startswith("cginit: error: ")]
        assert result.returncode == 125 and len(errors) == 1 and says in errors[0], f"{options}: {result.stderr}"
    tally.add("hostile containers", inputs=len(inputs))
