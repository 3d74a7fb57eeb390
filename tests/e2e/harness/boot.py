"""Starting an init the way a user does, and holding the machine against what it was before."""

import contextlib
import re

from cases import INITS

from . import checks, host
from .probe import probe, wait_for_boot

TREE_OPTIONS = {
    "engine": [],
    "bind-ro": ["--volume", "/sys/fs/cgroup:/sys/fs/cgroup:ro"],
    "bind-rw": ["--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"],
    "bind-rshared": ["--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw,rshared"],
    "podman-systemd": ["--systemd=always"],
    "volume": ["--volume", "/sys/fs/cgroup"],
}


# What the engine limits, and a unit of the image's within that, where the view has the controller.
LIMITS = {"memory": ["--memory", "700m"], "pids": ["--pids-limit", "1000"]}


def limited_controllers(view):
    return LIMITS.keys() & set(view.v2_controllers() or ()) if view.name == "unified" else set(LIMITS)


def engine_options(case, session):
    options = [f"--cgroupns={case.cgroupns}", *TREE_OPTIONS[case.tree]]
    if case.kind == "podman" and case.tree != "podman-systemd":
        options += ["--systemd=false"]
    if case.rootfs == "read-only":
        options += ["--read-only"]
    if case.secret == "file":
        options += ["--volume", f"{session.secret}:/run/secrets/e2e:ro"]
    for controller in sorted(limited_controllers(session.view)):
        options += LIMITS[controller]
    if case.init:
        init = INITS[case.init]
        options += ["--stop-signal", str(init.stop_signal), *init.stop_options]
    return options


def command(case):
    if case.init:
        return [*(["--allow-host-cgroup"] if case.at_host_root else []), *INITS[case.init].command]
    options = [] if case.method == "auto" else [f"--method={case.method}"]
    init = ["/sbin/init"]
    if case.chain == "two":
        return [*options, "--", "/cginit", *options, "--", *init]
    return [*options, "--", *init] if options else init


@contextlib.contextmanager
def unchanged_machine(session):
    """Yields a function that fails if anything but the named containers is new; called again without any at the end."""
    before = session.state()

    def compare(running=()):
        changed = host.difference(before, session.state(running))
        assert not changed, f"V5: the machine changed {'while it ran' if running else 'for good'}:\n{changed}"

    yield compare
    compare()


def check_foreseen(session, case, options=(), sys_admin=True):
    """V9: --explain says 0 of what then boots. Of a cginit that is another's init it knows no init."""
    if case.chain == "two":
        return
    engine = session.engine(case.kind, case.runtime, case.view)
    engine.image(case.image)
    with unchanged_machine(session):
        result = engine.run(case.image, "--explain=text", *command(case), sys_admin=sys_admin,
                            options=[*engine_options(case, session), *options])
    assert result.returncode == 0, f"V9: --explain says {result.returncode}: {result.stdout}{result.stderr}"


def start(session, case, tty=True):
    """Starts the case's container; what it leaves on the machine with permission is removed after it."""
    engine = session.engine(case.kind, case.runtime, case.view)
    container = engine.start(case.image, *command(case), tty=tty and case.tty, options=engine_options(case, session))
    if case.at_host_root:
        container.after_removal.append(lambda: host.clean_up(container.id))
    return container


@contextlib.contextmanager
def booted(session, case, tty=True):
    """A container whose init is up; afterwards it is removed and the machine compared with what it was."""
    engine = session.engine(case.kind, case.runtime, case.view)
    engine.image(case.image)
    with unchanged_machine(session) as compare:
        with start(session, case, tty) as container:
            state = wait_for_boot(container, case.systemd)
            if state != "running":
                failed = container.exec("systemctl", "--failed", "--no-legend", "--plain", check=False).stdout
                raise AssertionError(f"systemd is {state}; failed units:\n{failed}")
            yield container
            compare(running=[container.id])


def stop_cleanly(container):
    """By the stop signal, with which systemd says on its terminal what it does."""
    status = container.stop(timeout=20)
    log = container.logs()
    # Killed after the time-out it would be 137, ended by the signal itself 165.
    assert status in (0, 129, 130), f"the init ended with {status}:\n{log[-2000:]}"
    assert "Reached target" in log and ("Power" in log or "Halt" in log or "Shutdown" in log), log[-2000:]


def check_everything(session, case, container):
    """All that must hold for any booted init."""
    limits = checks.limit_files(container, session.view)
    seen = probe(container, case.systemd)
    checks.check_complete(seen, case.view, case.layouts)
    checks.check_private(seen, container)
    checks.check_consistent(seen)
    flat = session.view.flat_controllers()
    checks.check_writable(seen, flat)
    if container.kept:
        checks.check_kept(container, session.view)
    else:
        checks.check_inner_level(container)
        checks.check_descendants(container, session.view)
    assert limits == checks.limit_files(container, session.view), "V4: the engine's limits were changed from inside"
    assert "container" in seen.environ, "V7: $container is not set"
    if case.systemd:
        # A unified layout on a host that keeps its controllers on v1 has none.
        shown = case.view == "unified" or case.layouts != {"unified"}
        expected = limited_controllers(session.view) - flat if shown else set()
        assert (in_force := checks.check_limited_unit(seen)) == expected, f"limits in force: {in_force}"
    if case.secret == "file":
        assert container.read("/run/secrets/e2e") == session.secret.read_text(), "V7: the secret is gone"
    complaints = checks.log_complaints(container, case.systemd, case.rootfs == "read-only")
    if container.sealed and case.rootfs == "read-only":
        # On such systemd binds a file of /run there and remounts it without /run's flags, which are locked.
        complaints = [line for line in complaints if not re.match(r"Failed to mount .* on /etc/machine-id .*not permitted", line)]
    # At its stop, and of the tmpfs of Podman's systemd mode, too, without cginit.
    complaints = [line for line in complaints if not re.match(r"(\[FAILED\] )?Failed unmounting var-log-journal\.mount\b", line)]
    if container.sealed:
        # At its stop, which a container that was started again has in its log: what is locked cannot be unmounted.
        complaints = [line for line in complaints if not re.match(r"(\[FAILED\] )?Failed unmounting \S+\.mount\b", line)]
    if case.at_host_root:
        told = [line for line in complaints if line.startswith("cginit: warning: ") and line.endswith(
            "outlives the container, and nothing limits how many cgroups the init can make: --allow-host-cgroup")]
        assert len(told) == 1, "not told that something stays on the host, and that nothing limits the init's cgroups"
        complaints.remove(told[0])
    if case.layouts == {"unified"} and case.view != "unified":
        lost = [line for line in complaints if line.startswith("cginit: warning: this host keeps its controllers on v1")]
        assert lost, "not told that limits of units have no effect"
        complaints = [line for line in complaints if line not in lost]
    if container.kept:
        unlimited = "cginit: warning: nothing limits how many cgroups the init can make: the view stays as it is"
        told = [line for line in complaints if line == unlimited]
        assert len(told) == 1, "not told that nothing limits the init's cgroups"
        complaints.remove(told[0])
    if "memory" in flat and case.layouts != {"unified"}:
        told = [line for line in complaints if line.startswith("cginit: warning: memory stays read-only")]
        assert len(told) == 1, "not told that memory is not hierarchical"
        complaints.remove(told[0])
    assert not complaints, "the init complains:\n" + "\n".join(complaints)
    return seen
