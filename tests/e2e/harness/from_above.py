"""A container in a user namespace with a cgroup namespace of the one above: setns(2) does not lead back to it."""

import contextlib
import json
import subprocess

from .boot import unchanged_machine
from .bundles import Runtime
from .shell import run

OPTIONS = ("--uidmap", "0:100000:65536", "--cgroupns=host", "--cap-add", "SYS_ADMIN")
HOST_NAMESPACE = "cgroup:[4026531835]"
SCRIPT = "readlink /proc/self/ns/cgroup; cat /proc/self/cgroup; { mkdir $0 && rmdir $0; } 2>/dev/null && echo writable; echo up"
IDS = [{"containerID": 0, "hostID": 0, "size": 65536}]
HOLD = 'mkdir "$0" && echo 0 >"$0/cgroup.procs" && exec unshare --cgroup sh -c "echo up; exec cat"'
EPERM, MS_MOVE = 1, 8192


def without_move(session):
    """A seccomp profile that refuses mount(2) with MS_MOVE: nothing before the view is built needs that."""
    move = {"index": 3, "value": MS_MOVE, "valueTwo": MS_MOVE, "op": "SCMP_CMP_MASKED_EQ"}
    profile = session.directory / "no-move.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM, "args": [move]}]}))
    return ("--security-opt", f"seccomp={profile}")


def said_there(session, view, *arguments, options=()):
    """The init's cgroup namespace, its cgroups and the rest of what it said; and what cginit said."""
    engine = session.engine("podman", "crun", view)
    with unchanged_machine(session):
        result = engine.run("busybox", *arguments, "--method=namespace", "--", "/bin/sh", "-c", SCRIPT, "/sys/fs/cgroup/child",
                            options=[*OPTIONS, *options], sys_admin=False)
    assert result.returncode == 0, result.stderr
    namespace, *lines = result.stdout.splitlines()
    return namespace, [line for line in lines if line.startswith("0::")], lines, result.stderr


def boots_there(session, view):
    namespace, own, lines, said = said_there(session, view)
    assert namespace != HOST_NAMESPACE and own == ["0::/init.scope"] and lines[-2:] == ["writable", "up"], (lines, said)


def falls_back_there(session, view):
    """What fails late is found by the rehearsal, which leaves the engine's view, cgroups and namespace as they were."""
    namespace, own, lines, said = said_there(session, view, "--on-failure=continue", options=without_move(session))
    assert "the init runs on the engine's own view" in said and "rehearsal: step" in said, said
    assert namespace == HOST_NAMESPACE and lines[-1] == "up" and "writable" not in lines, lines
    assert not any(line.endswith("/cginit") for line in own), own


@contextlib.contextmanager
def namespace_at(view, cgroup):
    """A cgroup namespace whose root is a new cgroup, in which nobody is: its file."""
    holder = subprocess.Popen([*view.prefix, "sh", "-c", HOLD, cgroup], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
    try:
        assert holder.stdout.readline() == "up\n"
        run(*view.prefix, "sh", "-c", f"echo {holder.pid} >/sys/fs/cgroup/cgroup.procs")
        yield f"/proc/{holder.pid}/ns/cgroup"
    finally:
        holder.stdin.close()
        holder.wait(timeout=20)
        run(*view.prefix, "rmdir", cgroup, check=False)


def boots_in_a_private_one(session, view):
    """As Apptainer's --fakeroot in a container with a cgroup namespace of its own."""
    runtime = Runtime(session, "crun", view)
    config = runtime.config(["/cginit", "--method=namespace", "--", "/bin/sh", "-c", SCRIPT, "/sys/fs/cgroup/child"], "host")
    bundle = runtime.bundle(config)
    with unchanged_machine(session), namespace_at(runtime.view, f"/sys/fs/cgroup/{bundle.name}") as namespace:
        config["linux"]["namespaces"] += [{"type": "user"}, {"type": "cgroup", "path": namespace}]
        config["linux"] |= {"uidMappings": IDS, "gidMappings": IDS}
        (bundle / "config.json").write_text(json.dumps(config))
        result = run(*runtime.command(bundle), check=False)
    lines = result.stdout.splitlines()
    assert result.returncode == 0 and "0::/init.scope" in lines and lines[-2:] == ["writable", "up"], (lines, result.stderr)
