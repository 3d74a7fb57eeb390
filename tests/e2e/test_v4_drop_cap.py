"""--drop-cap: what is refused besides the capability was of no use without it."""

import pytest

from harness.boot import unchanged_machine

# The kinds that BusyBox's nsenter enters. setns(2) into the user namespace that one is in already is EINVAL, capability or not.
KINDS = ("mount", "uts", "ipc", "net", "pid")
ENTER = f'for kind in {" ".join(KINDS)}; do nsenter --target=1 "--$kind" true 2>&1 && echo "entered $kind"; done; true'
SHELL = ["/bin/sh", "-c", ENTER]


@pytest.mark.parametrize("view", [pytest.param(view, marks=pytest.mark.view(view)) for view in ("v1", "unified")])
def test_setns_takes_the_capability_anyway(session, view):
    """The filter cannot tell the kinds apart, and refuses all: the kernel itself refuses them to who has no CAP_SYS_ADMIN."""
    engine = session.engine("docker", "runc", view)
    # The engine's own filter refuses setns(2), too.
    unconfined = ["--security-opt", "seccomp=unconfined"]
    with unchanged_machine(session):
        by_kernel = engine.run("busybox", *SHELL[1:], entrypoint=SHELL[0], sys_admin=False, options=unconfined)
        by_filter = engine.run("busybox", "--drop-cap=SYS_ADMIN", "--delegate=none", "--", *SHELL, options=unconfined)
        kept = engine.run("busybox", "--delegate=none", "--", *SHELL, options=unconfined)
    refused = [line for line in by_kernel.stdout.splitlines() if line.startswith("nsenter: ")]
    assert len(refused) == len(KINDS), by_kernel.stdout + by_kernel.stderr
    assert all(line.endswith("Operation not permitted") for line in refused), refused
    assert by_filter.stdout == by_kernel.stdout, by_filter.stdout + by_filter.stderr
    assert "entered uts" in kept.stdout, kept.stdout + kept.stderr
