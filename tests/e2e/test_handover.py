"""V7: the init gets what it would have got without cginit, and nothing stays behind."""

import json
import re

import pytest

from cases import Case
from harness.boot import engine_options, unchanged_machine
from harness.shell import wait_for

CASES = [
    Case("hybrid", "docker-runc", "private", "bookworm"),
    Case("v1", "podman-runc", "host", "busybox", secret="file"),
    Case("comount", "docker-crun", "host", "busybox", rootfs="read-only"),
    Case("unified", "podman-crun", "private", "busybox"),
    Case("unified", "docker-runc", "host", "bookworm", rootfs="read-only"),
]
ARGUMENTS = ["/e2e/dump-init", "one", "two words", "", "--help", "--", "quo\"te", "Üml"]
PREPARED = ["/e2e/dump-init", "--prepare", "umask=027", "ignore=10", "block=12", "block=34", "cwd=/dev/shm", "listen=2",
            "open=7", "open=200", "--"]


def by_title(case):
    return case.title


def started(session, case, command, tty, entrypoint):
    """Runs the init that tells how it was started: (what it told, the files it or cginit changed)."""
    engine = session.engine(case.kind, case.runtime, case.view)
    options = [*engine_options(case, session), "--hostname", "e2e", "--env", "SOME=thing", "--env", "CGINIT_LOG_LEVEL=error",
               "--ulimit", "core=1000:2000", "--workdir", "/root"]
    with engine.start(case.image, *command, tty=tty, entrypoint=entrypoint, options=options) as container:
        def told():
            found = re.search(r"^\{\n.*?^\}$", container.logs(), re.S | re.M)
            assert found or container.running, f"the init ended:\n{container.logs()}"
            return found
        story = json.loads(wait_for("the init to tell its story", told).group())
        changed = engine.cli("diff", container.name).stdout.splitlines()
        return story, sorted(changed)


def comparable(story):
    story = dict(story)
    story["fds"] = {number: re.sub(r":\[\d+\]", "", target) for number, target in story["fds"].items()}
    story["environ"] = dict(entry.split("=", 1) for entry in story["environ"])
    return story


@pytest.mark.parametrize("tty", [False, True], ids=["pipe", "tty"])
@pytest.mark.parametrize("case", CASES, ids=by_title)
def test_the_init_gets_what_it_would_have_got(session, case, tty):
    """Both start by the same steps, which leave an unusual umask, signals and so on; one has cginit between them."""
    session.engine(case.kind, case.runtime, case.view)
    with unchanged_machine(session):
        plain, plain_changes = started(session, case, [*PREPARED[1:], *ARGUMENTS], tty, PREPARED[0])
        ours, our_changes = started(session, case, [*PREPARED[1:], "/cginit", "--", *ARGUMENTS], tty, PREPARED[0])
    plain, ours = comparable(plain), comparable(ours)

    assert ours["argv"] == ARGUMENTS
    assert ours["pid"] == 1
    assert ours["fds"].keys() == {"0", "1", "2", "3", "4"}, "0-2 and the two of LISTEN_FDS, nothing else"
    assert plain["fds"].keys() == ours["fds"].keys() | {"7", "200"}, "the test's own set-up"
    assert all(plain["fds"][number] == target for number, target in ours["fds"].items())

    added = {name: value for name, value in ours["environ"].items() if plain["environ"].get(name) != value}
    assert set(added) <= {"container", "container_uuid"}, added
    assert plain["environ"].keys() <= ours["environ"].keys()
    assert ours["environ"]["container"] == case.kind
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ours["environ"]["container_uuid"])

    for name in plain.keys() - {"environ", "fds"}:
        assert ours[name] == plain[name], name
    # What cginit mounts over must not have become a directory of the image.
    assert our_changes == plain_changes


@pytest.mark.view("hybrid")
def test_the_default_command_is_the_init(session):
    """argv[0] is as the user wrote it, and no argument is added."""
    case = Case("hybrid", "docker-runc", "private", "bookworm")
    engine = session.engine(case.kind, case.runtime, case.view)
    with engine.start(case.image, options=engine_options(case, session)) as container:
        wait_for("the init", lambda: "cginit" not in container.proc("cmdline"))
        assert container.proc("cmdline") == "/sbin/init\0"
