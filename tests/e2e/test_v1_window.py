"""Another container in the PID namespace, without any capability that the engine does not give to all, while cginit builds: it
looks at cginit's own mounts by /proc/PID/root, the engine's cgroups on the workbench among them."""

import time

import pytest

from harness import attacks, checks, races
from harness.boot import unchanged_machine
from harness.unprivileged import UNCONFINED

VIEWS = [pytest.param(view, marks=pytest.mark.view(view)) for view in ("v1", "unified")]
HOW = {"userns": {"sys_admin": False, "options": UNCONFINED}, "namespace": {"sys_admin": True, "options": ()}}
# Of each call; and so many calls from one look to the next.
MILLISECONDS, CALLS = 10, 4


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("view", VIEWS)
@races.until_in_time
def test_nothing_of_it_is_within_reach_meanwhile(session, view, how):
    """cginit stands still for each look, so that nothing depends on who is faster."""
    engine = session.engine("docker", "runc", view)
    waiting = races.waiting(["--delegate=none", "--", "/bin/sleep", "3600"])
    limits = ["--memory", "300m", "--pids-limit", "300"] if view == "v1" else []
    with unchanged_machine(session):
        with engine.start("busybox", *waiting[1:], entrypoint=waiting[0], tty=False, sys_admin=HOW[how]["sys_admin"],
                          options=[*HOW[how]["options"], *limits]) as container:
            with engine.start("busybox", *attacks.INIT[1:], entrypoint=attacks.INIT[0], tty=False, sys_admin=False,
                              options=[*attacks.options(session), f"--pid=container:{container.name}"]) as sidecar:
                before = checks.limit_files(container, session.view)
                look_at(container, sidecar)
                after = checks.limit_files(container, session.view)
                changed = {name for name in before | after if before.get(name) != after.get(name)}
                # What cginit itself lowers there.
                lowered = {name for name in changed if name.endswith(("cgroup.max.descendants", "cgroup.max.depth"))}
                assert changed == lowered, f"V4: the sidecar changed {sorted(changed - lowered)}"
                checks.check_descendants(container, session.view)


def look_at(container, sidecar):
    """As often as cginit's own calls leave room for, and once at least."""
    looks, running = 0, attacks.Attacker(sidecar, attacks.start_as_service(sidecar, False))
    running.ask("list", 30)
    try:
        with races.Slowed(container.pid, MILLISECONDS) as slowed:
            races.let_go(container)
            slowed.wait_until(races.at_work)
            while races.name_of(container.pid) == "cginit":
                with slowed.standing_still():
                    if races.name_of(container.pid) != "cginit":
                        break
                    result, detail = running.ask("neighbours", 30)
                    assert result == "refused", f"{result} {detail}"
                    looks += 1
                time.sleep(CALLS * slowed.milliseconds / 1000)
    finally:
        running.close()
    if looks == 0:
        raise races.TooLate("cginit was done before")
