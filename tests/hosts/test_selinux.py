"""SELinux enforcing, with Debian's policy: what containers' types are refused, how cginit tells it, and what helps."""

import contextlib
from pathlib import Path

import pytest

from harness.boot import unchanged_machine
from harness.probe import wait_for_boot
from harness.shell import run, wait_for
from real_host import VIEW

pytestmark = pytest.mark.kinds("selinux")

TYPES = ["container_t", "container_init_t"]
CGROUPS = "container_manage_cgroup"
# Of those that the policy has for containers, all that permit a capability, a mount or cgroups.
BOOLEANS = [CGROUPS, "container_init_allow_nesting", "container_mounton_non_security", "container_use_host_all_caps",
            "container_use_sysadmin", "container_use_userns_all_caps", "container_use_userns_sysadmin"]
SYSTEMD_MODE = ("--systemd=always", "--cgroupns=private")
AUTHORITIES = pytest.mark.parametrize("sys_admin", [True, False], ids=["capability", "userns"])


def of_type(name):
    return f"--security-opt=label=type:{name}"


@pytest.fixture(scope="module")
def engine(session):
    return session.engine("podman", "crun", VIEW)


@contextlib.contextmanager
def booleans(*names):
    run("setsebool", *(f"{name}=1" for name in names))
    try:
        yield
    finally:
        run("setsebool", *(f"{name}=0" for name in names))


def said(engine, *arguments, options, sys_admin):
    """On a terminal: a confined process may not write to pipes of who is not."""
    with unchanged_machine(engine.session):
        result = engine.run("busybox", *arguments, tty=True, sys_admin=sys_admin, options=["--cgroupns=private", *options])
    return result.returncode, " ".join((result.stdout + result.stderr).split())


def check_refused(engine, name, sys_admin):
    """The run and --explain refuse alike, and name the type and the cure that helps first."""
    status, text = said(engine, "--", "/bin/true", options=[of_type(name)], sys_admin=sys_admin)
    assert status == 125, text
    assert f"SELinux (system_u:system_r:{name}:" in text and "CG-" in text, text
    assert "CG-LOCKED" not in text and "setsebool" not in text, text
    assert text[text.index("add --"):].startswith("add --security-opt label=disable"), text
    status, text = said(engine, "--explain=text", "--", "/bin/true", options=[of_type(name)], sys_admin=sys_admin)
    assert status != 0 and name in text, text
    assert text[text.index("--security-opt"):].startswith("--security-opt label=disable"), text


def test_the_host_enforces_it():
    assert Path("/sys/fs/selinux/enforce").read_text() == "1"


@AUTHORITIES
@pytest.mark.parametrize("name", TYPES)
def test_containers_types_are_refused(engine, name, sys_admin):
    check_refused(engine, name, sys_admin)


@AUTHORITIES
@pytest.mark.parametrize("name", TYPES)
def test_no_boolean_permits_mounts(engine, name, sys_admin):
    with booleans(*BOOLEANS):
        check_refused(engine, name, sys_admin)


@AUTHORITIES
@pytest.mark.parametrize("option", ["--security-opt=label=disable", of_type("spc_t")], ids=["label=disable", "spc_t"])
def test_systemd_boots_without_confinement(engine, option, sys_admin):
    options = ["--cgroupns=private", "--systemd=false", option]
    with unchanged_machine(engine.session):
        result = engine.run("bookworm", "--explain=text", "--", "/sbin/init", tty=True, sys_admin=sys_admin, options=options)
        assert result.returncode == 0, result.stdout + result.stderr
        with engine.start("bookworm", "--", "/sbin/init", sys_admin=sys_admin, options=options) as container:
            container.sealed = not sys_admin
            assert wait_for_boot(container, True) == "running"
            assert ("(namespace)" if sys_admin else "(userns)") in container.logs()


def check_comes_up(engine, *command, entrypoint):
    """As far as systemd does that SELinux confines: journald may not drop its capabilities there, and nobody may ask for the
    system's state."""
    with engine.start("bookworm", *command, entrypoint=entrypoint, sys_admin=False, options=SYSTEMD_MODE) as container:
        wait_for("a login prompt", lambda: "login:" in container.logs(), timeout=90)
        assert container.proc("attr/current").split(":")[2] in TYPES
        assert container.proc("cgroup").endswith("/init.scope\n")


def test_a_boolean_permits_what_podman_made(engine):
    """A writable view, which needs no mount: systemd comes as far as without cginit."""
    with unchanged_machine(engine.session):
        result = engine.run("bookworm", "--", "/sbin/init", tty=True, sys_admin=False, options=SYSTEMD_MODE)
        text = " ".join((result.stdout + result.stderr).split())
        assert result.returncode == 125 and "CG-SELINUX" in text, text
        assert f"permit containers their cgroups on the host (setsebool -P {CGROUPS} 1)" in text, text
        assert text.index("setsebool") < text.index("label=disable"), text
    with booleans(CGROUPS), unchanged_machine(engine.session):
        check_comes_up(engine, entrypoint="/sbin/init")
        check_comes_up(engine, "--", "/sbin/init", entrypoint=None)
