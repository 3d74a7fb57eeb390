"""Containers without an added capability, in which cginit works in a user namespace."""

import contextlib
import os
import re
import uuid

from . import host
from .boot import command, engine_options, unchanged_machine
from .bundles import Runtime, like_a_pod
from .policy import CAP_SYS_ADMIN, sets_of
from .probe import wait_for_boot
from .shell import run, wait_for

# The first crun that joins all namespaces of a process at once. Older ones join its user namespace first, and are then not
# allowed to join the others, which belong to the machine's.
FIRST_CRUN_THAT_EXECS = (1, 8, 7)
# Docker's own filter permits no user namespaces, Podman's does.
UNCONFINED = ("--security-opt", "seccomp=unconfined")
WHOLE_MAP = ["0", "0", "4294967294"]


def can_exec(runtime):
    if runtime != "crun":
        return True
    version = re.search(r"crun version (\d+)\.(\d+)\.?(\d*)", run("crun", "--version").stdout)
    return tuple(int(part or 0) for part in version.groups()) >= FIRST_CRUN_THAT_EXECS


def state_of(container, systemd=True):
    state = wait_for_boot(container, systemd)
    if state == "running":
        return state
    failed = container.exec("systemctl", "--failed", "--no-legend", "--plain", check=False).stdout
    return f"systemd is {state}; failed units:\n{failed}"


@contextlib.contextmanager
def booted(session, case, options=(), arguments=(), permitted=None, init=None, tty=True):
    """PERMITTED are the engine's options that permit a user namespace, INIT another command than the case's."""
    engine = session.engine(case.kind, case.runtime, case.view)
    engine.image(case.image)
    if permitted is None:
        permitted = UNCONFINED if case.kind == "docker" else ()
    with unchanged_machine(session) as compare:
        with engine.start(case.image, *arguments, *(init or command(case)), sys_admin=False, tty=tty and case.tty and not init,
                          options=[*engine_options(case, session), *permitted, *options]) as container:
            container.sealed, container.closed = True, not can_exec(case.runtime)
            if case.at_host_root:
                container.after_removal.append(lambda: host.clean_up(container.id))
            assert init or (state := state_of(container, case.systemd)) == "running", state
            yield container
            compare(running=[container.id])


def unit_says(container, script, *properties):
    """The last line of what a unit with these properties says, which runs as a service of the init's."""
    options = [f"--property={value}" for value in properties]
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    said = container.root / "dev/shm" / name
    said.touch()
    said.chmod(0o666)
    container.exec("systemd-run", "--quiet", "--collect", *options, "/bin/sh", "-c",
                   f"({script}) >/dev/shm/{name} 2>&1; echo end >>/dev/shm/{name}")
    lines = wait_for(f"the unit to say something: {said}", lambda: (
        lines if (lines := said.read_text().splitlines()) and lines[-1] == "end" else None))
    return lines[-2] if len(lines) > 1 else ""


SANDBOXES = {
    "PrivateTmp=yes": "touch /tmp/private",
    "ProtectSystem=strict": "! touch /usr/here 2>/dev/null",
    "DynamicUser=yes": "test $(id -u) -ge 61184 -a $(id -u) -le 65519",
    "PrivateDevices=yes": "! test -e /dev/console && test -c /dev/null",
}


def sandboxes_that_do_nothing(container, without=()):
    return [option for option, test in SANDBOXES.items()
            if option not in without and unit_says(container, f"{test} && echo good", option) != "good"]


def check_privileges(container):
    """Inside not more than the engine gave, and CAP_SYS_ADMIN, which is worth nothing outside."""
    status = container.proc("status")
    sets = sets_of(status)
    bounding = sets_of(container.engine.cli(
        "run", "--rm", *container.engine.common_options(), "--network", "none", "--entrypoint", "/bin/cat",
        container.engine.image("busybox"), "/proc/self/status").stdout)["CapBnd"]
    assert sets["CapBnd"] == bounding | 1 << CAP_SYS_ADMIN, status
    assert sets["CapEff"] & ~sets["CapBnd"] == 0, status
    assert container.proc("uid_map").split() == WHOLE_MAP == container.proc("gid_map").split()
    assert os.readlink(f"/proc/{container.pid}/ns/user") != os.readlink("/proc/self/ns/user")


# Each of these would show what the engine mounted.
UNCOVER = (
    "umount -l /sys/fs/cgroup", "umount -l /sys", "umount -l /run", "mount --move /sys/fs/cgroup /mnt", "mount --move /sys /mnt",
    "mount --rbind / /mnt && umount -l /mnt/sys/fs/cgroup", "mount --bind /sys /mnt", "mount -o remount,bind,rw /sys/fs/cgroup")


def check_sealed(container, case):
    """Root as a service of the init's, with CAP_SYS_ADMIN there, gets nothing of the view out of the way, nor of a copy."""
    if case.systemd:
        uncovered = [way for way in UNCOVER if case.layouts != {"unified"} or "remount" not in way
                     if unit_says(container, f"({way}) 2>/dev/null && echo uncovered || echo good", "PrivateMounts=yes") != "good"]
        assert not uncovered, f"V1: {uncovered}"


def check_exec(container):
    """What is exec'd keeps the engine's user namespace, or has the init's where crun joins all; and it has the init's mounts."""
    if container.closed:
        result = container.engine.cli("exec", container.name, "true", check=False)
        said = result.stdout + result.stderr
        # Where it cannot even say what it was refused, it says that the process did not start.
        assert result.returncode != 0 and re.search("setns|fail startup", said), said
        return
    own, mounts = container.exec("sh", "-c", "readlink /proc/self/ns/user; readlink /proc/self/ns/mnt").stdout.split()
    joined = container.pid if container.engine.runtime == "crun" else "self"
    assert own == os.readlink(f"/proc/{joined}/ns/user")
    assert mounts == os.readlink(f"/proc/{container.pid}/ns/mnt")


def check_pod(session, view, no_new_privileges, profile=None):
    """A shell in a container like a pod's, below an AppArmor profile, has a cgroup of its own and cannot uncover the engine's."""
    def change(config):
        like_a_pod(config, no_new_privileges)
        if profile is not None:
            config["process"]["apparmorProfile"] = profile

    runtime = Runtime(session, "runc", view)
    own = "/sys/fs/cgroup" if view == "unified" else "/sys/fs/cgroup/systemd"
    script = f"mkdir {own}/child && rmdir {own}/child && ! umount -l /sys/fs/cgroup 2>/dev/null && echo good"
    with unchanged_machine(session):
        outcome = runtime.run(["/cginit", "--", "/bin/sh", "-c", script], change=change)
    assert outcome.status == 0 and "good" in outcome.said, outcome.said
    assert "(userns)" in outcome.said


def check_rootless(session, image, systemd=True, options=(), sys_admin=False):
    """In a cgroup that was delegated to the user; the engine's own user namespace is around ours."""
    engine = session.engine("rootless", "crun", "unified")
    engine.image(image)
    with engine.delegated():
        with unchanged_machine(session) as compare:
            with engine.start(image, "/sbin/init", tty=False, sys_admin=sys_admin, options=options) as container:
                container.sealed, container.closed = True, not can_exec("crun")
                container.entrance = ["nsenter", "--target=1", "--user"]
                assert (state := state_of(container, systemd)) == "running", state
                assert "(userns)" in container.logs()
                compare(running=[container.id])


def run_on_host(engine, script):
    """As somebody would who has the engine's cgroups before him."""
    return run(*engine.view.prefix, "sh", "-e", "-c", script)
