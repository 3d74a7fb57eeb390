"""AppArmor 4: since Linux 6.7 a profile is asked for `userns,` before a process that it confines makes a user namespace. Those
of the engines have no such rule; that of the project has an older abi, which does not know it."""

from pathlib import Path

import pytest

from harness.boot import unchanged_machine
from harness.images import ROOT
from harness.shell import run
from real_host import VIEW

pytestmark = pytest.mark.kinds("v2-today")

PROFILE = ROOT / "examples/apparmor/cginit"
SECCOMP = ("--security-opt", f"seccomp={ROOT / 'examples/seccomp/docker.json'}")
# The engine's own filter permits user namespaces with Podman only.
ENGINES = {"docker": ("runc", SECCOMP), "podman": ("crun", ())}
MASK = Path("/sys/kernel/security/apparmor/features/namespaces/mask")


def run_in(session, kind, *options):
    """What comes of cginit without a capability, below a profile."""
    runtime, permitted = ENGINES[kind]
    engine = session.engine(kind, runtime, VIEW)
    with unchanged_machine(session), engine.confined():
        return engine.run("busybox", "--", "/bin/cat", "/proc/1/attr/current", sys_admin=False, options=[*permitted, *options])


def check_refused(result, profile):
    assert result.returncode == 125, result.stdout + result.stderr
    error, = (line for line in result.stderr.splitlines() if "error: " in line)
    assert f"AppArmor's profile {profile}" in error and "(enforce) refuses new user namespaces" in error, error
    assert "--security-opt apparmor=unconfined" in error and "apparmor=cginit" in error, error
    assert "seccomp" not in error, error


@pytest.fixture
def profile(tmp_path):
    """The project's profile with another abi, and more rules."""
    text = PROFILE.read_text()
    assert text.count("\nabi <abi/3.0>,\n") == 1 and text.count("\n  capability,\n") == 1

    def load(abi, rules=""):
        changed = tmp_path / "cginit"
        with_abi = text.replace("\nabi <abi/3.0>,", f"\nabi <abi/{abi}>,")
        changed.write_text(with_abi.replace("\n  capability,", f"{rules}\n  capability,"))
        run("apparmor_parser", "-r", changed, timeout=120)

    yield load
    run("apparmor_parser", "-r", PROFILE, timeout=120)


def test_this_kernel_asks_for_it():
    """And has none of Ubuntu's settings, which refuse it to those that no profile confines."""
    assert "userns_create" in MASK.read_text().split()
    assert not Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").exists()


@pytest.mark.parametrize("kind, name", [("docker", "docker-default"), ("podman", "containers-default-")])
def test_the_engines_profile_is_told(session, kind, name):
    check_refused(run_in(session, kind), name)


@pytest.mark.parametrize("kind", ENGINES)
def test_the_projects_profile_permits_them(session, profile, kind):
    profile("3.0")
    result = run_in(session, kind, "--security-opt", "apparmor=cginit")
    assert result.returncode == 0 and result.stdout == "cginit (enforce)\n", result.stdout + result.stderr
    assert "(userns)" in result.stderr, result.stderr


def test_a_profile_of_the_new_abi_needs_the_rule(session, profile):
    profile("4.0")
    check_refused(run_in(session, "podman", "--security-opt", "apparmor=cginit"), "cginit")
    profile("4.0", "\n  userns,")
    result = run_in(session, "podman", "--security-opt", "apparmor=cginit")
    assert result.returncode == 0 and "(userns)" in result.stderr, result.stdout + result.stderr
