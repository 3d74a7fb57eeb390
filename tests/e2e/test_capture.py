"""--capture: a report that was made in a container replays on another machine, as anybody."""

import re
import shutil
import tempfile
from pathlib import Path

import pytest

from cases import Case
from harness.boot import engine_options, unchanged_machine
from harness.images import ROOT
from harness.shell import run

CASES = [
    Case("hybrid", "docker-runc", "private", "bookworm"),
    Case("v1", "podman-runc", "host", "bullseye", secret="file"),
    Case("comount", "docker-runc", "host", "newest", tree="bind-ro"),
    Case("unified", "podman-crun", "private", "trixie", tree="podman-systemd"),
    Case("unified", "docker-runc", "host", "bookworm", rootfs="read-only"),
    Case("hybrid", "podman-runc", "private", "busybox"),
]
NOBODY = 65534
# The same for two containers: the id, and what an engine makes of it.
# The last is how a picture shortens it.
CONTAINER_ID = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b|(?<=[/-])[0-9a-f]+(?=\.\.\.)")


@pytest.fixture(name="elsewhere")
def somewhere_else(session):
    """A directory of nobody's, with cginit in it, as on the machine of whoever gets a report."""
    with tempfile.TemporaryDirectory(prefix="cginit-e2e-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        shutil.copy(session.binary, directory / "cginit")
        yield directory


def replay(elsewhere, text, *options):
    """What cginit says of a report: (exit status, standard output, standard error)."""
    report = elsewhere / "report"
    report.write_text(text, encoding="utf-8")
    as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "env": {"PATH": "/usr/bin:/bin"}}
    result = run(elsewhere / "cginit", f"--root={report}", "--dry-run", *options, check=False, **as_nobody)
    return result.returncode, result.stdout, result.stderr


def without_id(text):
    return CONTAINER_ID.sub("ID", text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_report_gives_the_plan_of_the_container(session, elsewhere, case):
    engine = session.engine(case.kind, case.runtime, case.view)
    options = [*engine_options(case, session), "--env", "TOKEN=planted-in-environment"]
    permission = ["--allow-host-cgroup"] if case.at_host_root else []
    with unchanged_machine(session):
        plan = engine.run(case.image, *permission, "--dry-run", "--", "/sbin/init", options=options)
        report = engine.run(case.image, *permission, "--capture", "--", "/sbin/init", "planted", options=options)
    assert plan.returncode == 0, plan.stderr
    assert report.returncode == 0 and report.stderr == "", report.stderr
    assert "planted" not in report.stdout, "something of the environment or of the init's arguments"
    status, said, errors = replay(elsewhere, report.stdout, *permission)
    assert (status, without_id(said), errors) == (0, without_id(plan.stdout), "")
    marks = re.findall(r"^-- (.*) --$", report.stdout, re.M)
    assert {"cginit/facts", "proc/self/mountinfo"} <= set(marks) and marks[-1] == "end"
    assert report.stdout.startswith("cginit ")


@pytest.mark.view("hybrid")
@pytest.mark.parametrize("options", [[], ["--user", "1000"], ["--init"]], ids=["no capability", "a user", "not PID 1"])
def test_a_container_that_is_refused_can_be_reported(session, elsewhere, options):
    engine = session.engine("docker", "runc", "hybrid")
    how = {"options": options, "sys_admin": options == ["--init"]}
    with unchanged_machine(session):
        refused = engine.run("bookworm", "--dry-run", "--", "/sbin/init", **how)
        report = engine.run("bookworm", "--capture", "--", "/sbin/init", **how)
    assert refused.returncode == 125
    assert report.returncode == 0, report.stderr
    assert replay(elsewhere, report.stdout) == (125, "", refused.stderr)


@pytest.mark.view("hybrid")
@pytest.mark.parametrize("image", ["bookworm", "busybox"])
def test_the_script_does_where_cginit_cannot_be_started(session, elsewhere, image):
    engine = session.engine("docker", "runc", "hybrid")
    options = ["--interactive", "--read-only"]
    with unchanged_machine(session):
        plan = engine.run(image, "--dry-run", "--", "/sbin/init", options=["--read-only"])
        with open(ROOT / "examples" / "capture.sh", encoding="utf-8") as script:
            report = engine.run(image, entrypoint="/bin/sh", options=options, stdin=script)
    assert plan.returncode == 0, plan.stderr
    assert report.returncode == 0 and report.stderr == "", report.stderr
    init = "busybox" if image == "busybox" else "systemd:252"
    status, said, errors = replay(elsewhere, report.stdout, f"--init-traits={init}")
    assert (status, without_id(said), errors) == (0, without_id(plan.stdout), "")
