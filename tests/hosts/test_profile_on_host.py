"""The AppArmor profile that the project ships: what it guards, what it cannot guard, and what systemd has below it."""

import contextlib

import pytest

from cases import Case
from harness import host_settings
from harness.images import ROOT
from harness.shell import run
from harness.unprivileged import SANDBOXES, UNCONFINED, booted, sandboxes_that_do_nothing
from real_host import KINDS, VIEW

pytestmark = pytest.mark.kinds("v2")

PROFILE = ROOT / "examples/apparmor/cginit"
APPARMOR = ("--security-opt", "apparmor=cginit")
SECCOMP = ("--security-opt", f"seccomp={ROOT / 'examples/seccomp/docker.json'}")
SOCKETS = {"unix", "inet"}
# With CAP_SYS_ADMIN: no rule is asked of a mount that is made by a descriptor, and none knows these files by their paths then.
BEYOND_RULES = {"open_tree core_pattern": {"core_pattern"}, "fsopen sysfs and move_mount": {"nr_hugepages"},
                "bind /sys": {"nr_hugepages"}, "rbind /, sysfs": {"nr_hugepages"}}
# For most of them systemd makes a view of proc and sysfs for the unit.
MORE_SANDBOXES = ["ProtectProc=invisible", "ProcSubset=pid", "ProtectKernelTunables=yes", "ProtectControlGroups=yes",
                  "PrivateIPC=yes"]


@pytest.fixture(scope="module", autouse=True)
def profile():
    run("apparmor_parser", "-r", PROFILE, timeout=120)


def ways_of(session, *options, **how):
    """What root as the init's command finds, by each way: {way: names}."""
    engine = session.engine("docker", "runc", VIEW)
    with engine.confined():
        result = engine.run("busybox", "--delegate=none", "--", host_settings.PROGRAM, options=options, **how)
    assert result.returncode == 0, result.stderr
    ways = host_settings.found(result.stdout)
    assert "in place" in ways and "sockets" in ways, result.stdout + result.stderr
    return ways


def opened(ways):
    return {way: names for way, names in ways.items() if names}


def test_every_way_leads_somewhere_without_the_profile(session):
    """Else it would say nothing that one is closed."""
    ways = ways_of(session, "--security-opt", "apparmor=unconfined", *UNCONFINED)
    assert opened(ways) == ways
    assert ways["sockets"] == SOCKETS | {"alg", "vsock"}


@pytest.mark.parametrize("seccomp", [SECCOMP, UNCONFINED], ids=["docker.json", "unconfined"])
def test_in_a_user_namespace_nothing_is_found(session, seccomp):
    """Neither by what the profile denies, nor by what it does not know of: that the kernel does. And AF_ALG and AF_VSOCK are
    closed by either profile."""
    ways = ways_of(session, *APPARMOR, *seccomp, sys_admin=False)
    assert opened(ways) == {"sockets": SOCKETS}


def test_with_the_capability_rules_close_what_they_can(session):
    """What they cannot is what the profile's head says."""
    ways = ways_of(session, *APPARMOR, *UNCONFINED)
    assert opened(ways) == {"sockets": SOCKETS, **BEYOND_RULES}


@contextlib.contextmanager
def with_abi_of_linux_5_4(tmp_path):
    """What the profile's head says of DynamicUser=."""
    text = PROFILE.read_text()
    assert text.count("\nabi <abi/3.0>,\n") == 1
    changed = tmp_path / "cginit"
    changed.write_text(text.replace("\nabi <abi/3.0>,\n", "\nabi <abi/kernel-5.4-vanilla>,\n"))
    run("apparmor_parser", "-r", changed, timeout=120)
    yield
    run("apparmor_parser", "-r", PROFILE, timeout=120)


def starts(container, option):
    """Whether a unit with this option gets as far as its command."""
    return container.exec("systemd-run", "--quiet", "--collect", "--property=Type=oneshot", f"--property={option}", "/bin/true",
                          check=False).returncode == 0


@pytest.mark.parametrize("old_abi", [False, True], ids=["", "abi_of_linux_5_4"])
def test_sandboxes_of_units(session, tmp_path, old_abi):
    """Linux 6.1 has no permission for a lock on a socket, and is not asked for one where the network is not decided on; that of
    today has it."""
    engine = session.engine("docker", "runc", VIEW)
    case = Case(VIEW, "docker-runc", "private", "bookworm")
    with with_abi_of_linux_5_4(tmp_path) if old_abi else contextlib.nullcontext(), engine.confined():
        with booted(session, case, permitted=[*APPARMOR, *SECCOMP]) as container:
            assert container.proc("attr/current").strip() == "cginit (enforce)"
            refused = [] if old_abi or "v2-today" in KINDS else ["DynamicUser=yes", "PrivateIPC=yes"]
            assert [option for option in (*SANDBOXES, *MORE_SANDBOXES) if not starts(container, option)] == refused
            assert not sandboxes_that_do_nothing(container, without=refused)
