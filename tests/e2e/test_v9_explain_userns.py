"""--explain where a user namespace keeps the container from its cgroups: what it says, and that following it helps."""

import pytest

from harness.probe import wait_for_boot
from harness.userns import SUBORDINATE
from test_v9_explain import boots, cure_and_boot, explain

SYS_ADMIN = ["--cap-add", "SYS_ADMIN"]
MAPPED = [*SYS_ADMIN, "--uidmap", "0:100000:65536"]


@pytest.mark.parametrize(("runtime", "view"), [
    pytest.param("crun", "v1", marks=pytest.mark.view("v1")),
    pytest.param("runc", "unified", marks=pytest.mark.view("unified"))])
def test_cgroups_that_stay_with_the_hosts_root(session, runtime, view):
    cure_and_boot(session.engine("podman", runtime, view), MAPPED, "CG-NOTDELEGATED", ground="facts")


@pytest.mark.view("unified")
def test_a_runtime_that_gives_the_cgroup_away(session):
    engine = session.engine("podman", "crun", "unified")
    told, status = explain(engine, MAPPED)
    assert status == 0 and told["works"] and told["trial"]["tried"], told["missing"]
    boots(engine, MAPPED)


def runs_but_for_setuid_programs(container):
    """The daemon unpacks all images for its mapped root, so that a setuid mount(8) has nobody's permissions."""
    wait_for_boot(container, True)
    assert container.exec("stat", "-c", "%u %A", "/bin/mount").stdout.split() == [str(SUBORDINATE), "-rwsr-xr-x"]
    failed = container.exec("systemctl", "--failed", "--no-legend", "--plain").stdout.splitlines()
    assert all(unit.split()[0].endswith(".mount") for unit in failed), failed


@pytest.mark.view("unified")
def test_docker_with_userns_remap(session):
    cure_and_boot(session.engine("remapped", "runc", "unified"), SYS_ADMIN, "CG-NOTDELEGATED", ground="facts",
                  check=runs_but_for_setuid_programs)


@pytest.mark.view("unified")
def test_rootless_without_a_delegated_cgroup(session):
    engine = session.engine("rootless", "crun", "unified")
    told, status = explain(engine, SYS_ADMIN)
    assert status == 1 and not told["works"]
    assert [finding["code"] for finding in told["missing"]] == ["CG-NOTDELEGATED"]
    first = told["missing"][0]["remedies"][0]
    assert first["where"] == "host" and "Delegate=cpu cpuset io memory pids" in first["setting"]
    screen = explain(engine, SYS_ADMIN, form="text")[0].splitlines()[:24]
    for line in first["setting"].splitlines():
        assert any(line.strip() in shown for shown in screen), "the cure is not on the first screen:\n" + "\n".join(screen)
    with engine.delegated():
        told, status = explain(engine, SYS_ADMIN)
        assert status == 0 and told["works"] and told["trial"]["tried"], told["missing"]
        boots(engine, SYS_ADMIN)


@pytest.mark.parametrize(("options", "code"), [([], "CG-NOSYSADMIN"), (SYS_ADMIN, "CG-LOCKED")], ids=["", "sys_admin"])
@pytest.mark.view("unified")
def test_the_hosts_cgroups_come_along_with_its_network(session, options, code):
    """They are writable, and locked to the host's /sys: only a try tells."""
    engine = session.engine("rootless", "crun", "unified")
    with engine.delegated():
        told, status = explain(engine, ["--network=host", *options])
        assert status == 1 and [finding["code"] for finding in told["missing"]] == [code], told["missing"]
        settings = [remedy["setting"] for remedy in told["missing"][0]["remedies"]]
        assert settings[0] == "leave out --network=host", settings
        told, status = explain(engine, options)
        assert status == 0 and told["works"] and told["trial"]["tried"], told["missing"]


@pytest.mark.view("v1")
def test_rootless_on_a_v1_host(session):
    told, status = explain(session.engine("rootless", "crun", "v1"), SYS_ADMIN)
    assert status == 1 and not told["works"]
    as_root = {"where": "podman", "setting": "run it as root (sudo podman run)", "alternative": 1}
    assert [finding["code"] for finding in told["missing"]] == ["CG-NOHIERARCHY", "CG-NOTDELEGATED"]
    assert all(finding["remedies"] == [as_root] for finding in told["missing"]), told["missing"]
    rootful = session.engine("podman", "crun", "v1")
    assert explain(rootful, SYS_ADMIN)[1] == 0
    boots(rootful, SYS_ADMIN)
