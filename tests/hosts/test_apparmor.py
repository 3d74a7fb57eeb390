"""AppArmor's profiles deny what cginit needs: it says so, says what helps, and leaves everything as it was."""

import pytest

from harness.boot import unchanged_machine
from real_host import VIEW

pytestmark = pytest.mark.kinds("v1", "hybrid", "v2", "v1-flat")

# Run before and after the refusal, in a container that goes on all the same: the same view of the engine's.
LOOK = "cut -d ' ' -f 3- /proc/self/mountinfo | sed 's/ \\(shared\\|master\\):[0-9]*//g'; cat /proc/self/cgroup"


@pytest.mark.parametrize("kind, runtime", [
    ("docker", "runc"), pytest.param("podman", "crun", marks=pytest.mark.kinds("hybrid", "v2"))])
def test_the_engines_profile_is_told_and_nothing_is_changed(session, kind, runtime):
    engine = session.engine(kind, runtime, VIEW)
    script = (f"{{ {LOOK}; }} >/tmp/before; /cginit /bin/true; echo status $?; {{ {LOOK}; }} >/tmp/after; "
              "cmp /tmp/before /tmp/after && echo unchanged")
    with unchanged_machine(session), engine.confined():
        result = engine.run("busybox", "-c", script, entrypoint="/bin/sh", options=["--cgroupns=private"])
    said = result.stdout + result.stderr
    assert "status 125" in said, said
    assert "unchanged" in result.stdout, f"V6: the engine's view is another one:\n{said}"
    errors = [line for line in said.splitlines() if "error" in line.lower()]
    assert len(errors) == 1, said
    assert "apparmor=unconfined" in said, said
    assert "apparmor=cginit" not in said, f"with CAP_SYS_ADMIN that profile is no guard:\n{said}"
