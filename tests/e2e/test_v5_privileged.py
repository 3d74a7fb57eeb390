"""--privileged: systemd has the machine's devices and a writable /sys before it, and takes nothing of the machine."""

import contextlib
import re
import stat

import pytest

from cases import Case
from harness.boot import check_everything, engine_options, unchanged_machine
from harness.mounts import parse_mountinfo
from harness.probe import wait_for_boot
from harness.shell import wait_for

CASES = [
    Case("hybrid", "docker-runc", "private", "bookworm", secret="file"),
    Case("hybrid", "podman-runc", "host", "bookworm", secret="file"),
    Case("unified", "docker-runc", "host", "bookworm", secret="file"),
]
# The kernel's settings and log are the machine's: systemd raises fs.file-max and fs.nr_open of whatever lets it. Nothing is
# started where this cannot be had.
GUARD = ('mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && mount --bind /dev/null /dev/kmsg && '
         'exec "$@"')
# What would be done to the machine if it could: settings, modules, file systems of the kernel's, disks, terminals, and the
# record of what is done on it.
MASKED = (
    "systemd-sysctl.service", "systemd-modules-load.service", "kmod-static-nodes.service", "modprobe@.service",
    "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "proc-sys-fs-binfmt_misc.mount", "dev-hugepages.mount",
    "sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
    "systemd-pstore.service", "systemd-random-seed.service", "systemd-repart.service", "systemd-remount-fs.service",
    "systemd-hwclock-save.service", "hwclock.service", "fstrim.timer", "e2scrub_all.timer", "e2scrub_reap.service",
    "systemd-logind.service", "getty@tty1.service", "systemd-journald-audit.socket", "systemd-udevd.service")
INIT = ("/sbin/init", "systemd.gpt_auto=no", "systemd.swap=no", *(f"systemd.mask={unit}" for unit in MASKED))

PLACES = ("/run", "/run/lock", "/tmp")
# What is done by default, and the switch that leaves it.
DONE = {"sys": "ro", "ttys": set(), "shared": True, "tmpfs": set(PLACES)}
SWITCHES = {"sys": "--sys=keep", "ttys": "--ttys=keep", "shared": "--propagation=keep", "tmpfs": "--tmpfs=never"}


def by_title(case):
    return case.title


@contextlib.contextmanager
def started(session, case, *command, options=()):
    engine = session.engine(case.kind, case.runtime, case.view)
    engine.image(case.image)
    privileged = ["--privileged", *(["--runtime", "e2e-privileged"] if case.kind == "docker" else [])]
    with unchanged_machine(session) as compare:
        with engine.start(case.image, "-c", GUARD, "sh", *command, tty=case.tty, sys_admin=False, entrypoint="/bin/sh",
                          options=[*privileged, *engine_options(case, session), *options]) as container:
            yield container
            compare(running=[container.id])


def facts(container):
    mountinfo = container.proc("mountinfo")
    tops = {mount.point: mount for mount in parse_mountinfo(mountinfo)}
    # 161 160 0:29 / / rw,relatime shared:7 - overlay overlay rw
    root = next(line for line in mountinfo.splitlines() if line.split()[4] == "/")
    return {
        "sys": "ro" if "ro" in tops["/sys"].flags else "rw",
        "ttys": {path.name for path in (container.root / "dev").iterdir() if re.fullmatch(r"tty\d+", path.name)},
        "shared": " shared:" in root.split(" - ")[0],
        "tmpfs": {point for point in PLACES if point in tops and tops[point].kind == "tmpfs"},
    }


@pytest.mark.parametrize("case", CASES, ids=by_title)
def test_systemd_leaves_the_machine_alone(session, case):
    places = [f"{place}/e2e" for place in PLACES]
    options = [word for place in places for word in ("--volume", f"{session.secret}:{place}:ro")]
    with started(session, case, "/cginit", "--", *INIT, options=options) as container:
        assert (state := wait_for_boot(container, True)) == "running", container.exec("systemctl", "--failed").stdout + state
        check_everything(session, case, container)
        assert facts(container) == DONE
        for name in ("console", "null"):
            assert stat.S_ISCHR((container.root / "dev" / name).stat().st_mode)
        for place in places:
            assert container.read(place) == session.secret.read_text(), f"{place} is gone"
        # Shared is what is mounted in the container with what is in namespaces below it, and with nobody else.
        container.exec("mount", "-t", "tmpfs", "e2e-inside", "/mnt")
        assert " e2e-inside " in container.proc("mountinfo")
        assert " e2e-inside " not in session.view.mountinfo() + session.machine.mountinfo()


@pytest.mark.view("unified")
def test_each_is_left_to_the_engine_when_asked_for(session):
    """A program in the place of systemd that only waits: to systemd the machine's terminals must not be left."""
    case = Case("unified", "docker-runc", "private", "bookworm")
    options = ["--volume", f"{session.directory}/dump-init:/usr/lib/systemd/systemd:ro"]

    def facts_with(*command):
        with started(session, case, *command, options=options) as container:
            wait_for("the init", lambda: container.proc("comm") in ("init\n", "systemd\n", "dump-init\n"))
            return facts(container)

    engines = facts_with("/e2e/dump-init")
    assert all(engines[name] != done for name, done in DONE.items()), f"the engine leaves nothing to do: {engines}"
    for name, switch in SWITCHES.items():
        assert facts_with("/cginit", switch, "--", "/sbin/init") == {**DONE, name: engines[name]}, switch
