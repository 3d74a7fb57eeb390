"""--allow-host-cgroup: the init gets a cgroup at the host's root where it cannot do without, and the host is told how to
remove it."""

import shutil

import pytest

from harness import checks, host
from harness.boot import unchanged_machine
from harness.engines import Container
from harness.images import HERE, ROOT
from harness.mounts import cgroup_mounts, parse_cgroup
from harness.probe import probe, wait_for_boot
from harness.shell import run, wait_for

CLEANUP = ROOT / "examples" / "remove-cgroups.py"


@pytest.mark.view("v1")
@pytest.mark.parametrize("cgroupns", ["host", "private"])
def test_the_newest_systemd_on_a_v1_host(session, cgroupns):
    engine = session.engine("docker", "runc", "v1")
    engine.image("newest")
    options = [f"--cgroupns={cgroupns}", "--memory", "700m"]
    with unchanged_machine(session):
        with engine.start("newest", "--allow-host-cgroup", "/sbin/init", tty=False, options=options) as container:
            assert wait_for_boot(container, True) == "running"
            left = host.hierarchy_root("cgroup2") / f"cginit-{container.id}"
            limits = checks.limit_files(container, session.view)
            seen = probe(container, True)
            checks.check_private(seen, container)
            checks.check_consistent(seen)
            checks.check_writable(seen)
            assert [(mount.point, mount.kind) for mount in seen.mounts] == [("/sys/fs/cgroup", "cgroup2")]
            assert f"cginit-{container.id} at the host's root of unified outlives the container" in container.logs()
            assert limits == checks.limit_files(container, session.view)
            # Nothing of the machine's went there along with the init.
            inside = {line for path in left.rglob("cgroup.procs") for line in path.read_text().split()}
            assert inside <= set(container.engine.cli("top", container.name, "-eo", "pid").stdout.split())
            in_use = run(CLEANUP, container.id, check=False)
            assert in_use.returncode == 1 and "is in use" in in_use.stderr
            all_of_them = run(CLEANUP, "--host-cgroups", "--dry-run", check=False)
            assert all_of_them.returncode == 1 and f"{left} is in use" in all_of_them.stderr
            container.restart()
            assert wait_for_boot(container, True) == "running", "the cgroup that was left is used again"
        assert f"would remove {left}\n" in run(CLEANUP, "--host-cgroups", "--dry-run").stdout
        assert host.clean_up(container.id) == [left]


@pytest.mark.view("v1")
@pytest.mark.parametrize("cgroupns", ["host", "private"])
def test_without_permission_it_is_refused(session, cgroupns):
    engine = session.engine("docker", "runc", "v1")
    with unchanged_machine(session):
        result = engine.run("newest", "/sbin/init", options=[f"--cgroupns={cgroupns}"])
    assert result.returncode == 125, result.stderr
    assert "--allow-host-cgroup" in result.stderr


@pytest.fixture
def old_systemd(session, tmp_path):
    """An image whose init does what a systemd before 230 does."""
    engine = session.engine("docker", "runc", "unified")
    shutil.copy(session.binary, tmp_path / "cginit")
    run("gcc", "-O2", "-Wall", "-static", "-o", tmp_path / "systemd", HERE / "programs" / "old-systemd.c")
    (tmp_path / "Dockerfile").write_text(f"""FROM {engine.image("busybox")}
COPY systemd /usr/lib/systemd/systemd
RUN ln -sf ../usr/lib/systemd/systemd /sbin/init
STOPSIGNAL 37
""")
    engine.cli("build", "--network", "none", "--tag", "e2e/old-systemd", tmp_path, timeout=120)
    return "e2e/old-systemd"


def old_options(*more):
    return ["--network", "none", "--cap-add", "SYS_ADMIN", *more]


@pytest.mark.view("unified")
def test_systemd_before_230_on_a_v2_host(session, old_systemd):
    engine = session.engine("docker", "runc", "unified")
    with unchanged_machine(session):
        engine.cli("run", "--name", "old", "--detach", *old_options("--cgroupns=host"), old_systemd,
                   "--allow-host-cgroup", "/sbin/init")
        with Container(engine, "old") as container:
            wait_for("the init", lambda: "old-systemd: up" in container.logs() or not container.running)
            log = container.logs()
            assert "old-systemd: attached to /system.slice/e2e.service" in log, log
            assert "systemd 219 next" in log
            mounts = cgroup_mounts(container.proc("mountinfo"))
            assert [(mount.point, mount.root) for mount in mounts] == [
                ("/sys/fs/cgroup/systemd", f"/cginit-{container.id}")]
            paths = {membership.name: membership.path for membership in parse_cgroup(container.proc("cgroup"))}
            assert paths["name=systemd"] == f"/cginit-{container.id}"
            assert paths["unified"].endswith(f"{container.id}/cginit"), "the engine's limits are guarded all the same"
            left = host.hierarchy_root("cgroup", "name=systemd") / f"cginit-{container.id}"
            assert run(CLEANUP, container.id, check=False).returncode == 1
            assert container.stop() == 0
        assert host.clean_up(container.id) == [left]


@pytest.mark.view("unified")
@pytest.mark.parametrize("options, cure", [
    (("--cgroupns=host",), "--allow-host-cgroup"),
    (("--cgroupns=private", "--env", "CGINIT_ALLOW_HOST_CGROUP=1"), "--cgroupns=host"),
], ids=["no-permission", "private-namespace"])
def test_systemd_before_230_is_refused(session, old_systemd, options, cure):
    engine = session.engine("docker", "runc", "unified")
    with unchanged_machine(session):
        result = engine.cli("run", "--rm", *old_options(*options), old_systemd, check=False)
    assert result.returncode == 125, result.stderr
    assert cure in result.stderr and "systemd 219" in result.stderr
