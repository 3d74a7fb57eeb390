"""What users do with a running container: exec, top, pause, stop, restart, and cginit once more inside."""

import pytest

from cases import Case
from harness import checks
from harness.boot import booted, check_everything, stop_cleanly
from harness.mounts import cgroup_mounts
from harness.probe import probe, wait_for_boot

CASES = [
    Case("hybrid", "docker-runc", "host", "bookworm", secret="file"),
    Case("v1", "podman-crun", "private", "trixie"),
    Case("comount", "docker-runc", "private", "bookworm", method="bind"),
    Case("unified", "docker-runc", "host", "trixie", secret="file"),
    Case("unified", "podman-runc", "private", "bookworm"),
]


def by_title(case):
    return case.title


@pytest.mark.parametrize("case", CASES, ids=by_title)
def test_exec_top_pause(session, case):
    with booted(session, case) as container:
        assert container.exec("cat", "/proc/1/comm").stdout.strip() == "systemd"
        container.exec("systemctl", "restart", "e2e-limited.service")
        assert "systemd" in container.engine.cli("top", container.name).stdout
        container.engine.cli("pause", container.name)
        container.engine.cli("unpause", container.name)
        container.exec("systemctl", "restart", "e2e-limited.service")
        assert container.exec("systemctl", "is-system-running").stdout.strip() == "running"
        # An exec'd process can be gone and come again without disturbing what the init sees.
        checks.check_consistent(probe(container, case.systemd))


@pytest.mark.parametrize("case", CASES, ids=by_title)
def test_stop_is_a_clean_shutdown(session, case):
    with booted(session, case) as container:
        stop_cleanly(container)
        container.engine.cli("start", container.name)
        container.forget_pid()
        assert wait_for_boot(container, case.systemd) == "running"


@pytest.mark.parametrize("case", CASES, ids=by_title)
def test_restart(session, case):
    with booted(session, case) as container:
        first = check_everything(session, case, container)
        container.restart()
        assert wait_for_boot(container, case.systemd) == "running"
        second = check_everything(session, case, container)
        assert [(mount.point, mount.kind, mount.root) for mount in first.mounts] == [
            (mount.point, mount.kind, mount.root) for mount in second.mounts]
        assert first.environ["container"] == second.environ["container"]


@pytest.mark.parametrize("case", CASES[:1] + CASES[-1:], ids=by_title)
def test_without_a_tty(session, case):
    """Then the console is nowhere and the log empty, but the init comes up all the same."""
    with booted(session, case, tty=False) as container:
        check_everything(session, case, container)


@pytest.mark.parametrize("case", CASES, ids=by_title)
def test_a_dry_run_inside_changes_nothing(session, case):
    def facts(container):
        # systemd mounts and unmounts the credentials of units as they start and stop.
        mounts = [line for line in container.proc("mountinfo").splitlines() if " /run/credentials/" not in line]
        return mounts, container.proc("cgroup")

    with booted(session, case) as container:
        before = facts(container)
        result = container.exec("/cginit", "--dry-run", "--", "/bin/true", check=False)
        if case.view == "unified" and case.cgroupns == "host":
            # Who is exec'd there is in the host's cgroup namespace, so the init's view would have to be rebuilt.
            assert result.returncode == 125 and result.stderr.endswith("(CG-NOTCONTAINER)\n"), result.stderr
        else:
            assert result.returncode == 0, result.stderr
            assert result.stdout.strip(), "a dry run prints the plan"
        assert facts(container) == before
        # Nothing shows what it should not, so a second run has nothing to hide either.
        assert all("/.." not in mount.root for mount in cgroup_mounts(container.read("/proc/1/mountinfo")))
