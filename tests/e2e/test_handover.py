"""V7: the init gets what it would have got without cginit, and nothing stays behind."""

import json
import re

import pytest

from cases import Case
from harness.boot import engine_options, unchanged_machine
from harness.policy import CAP_SYS_ADMIN
from harness.shell import wait_for
from harness.unprivileged import UNCONFINED

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


# Without the capability. Docker's own filter permits no user namespaces.
USERNS_CASES = [
    (Case("hybrid", "docker-runc", "private", "bookworm"), UNCONFINED),
    (Case("unified", "podman-crun", "host", "busybox", secret="file"), ()),
]


def started(session, case, command, tty, entrypoint, sys_admin=True, permitted=()):
    """Runs the init that tells how it was started: (what it told, the files it or cginit changed)."""
    engine = session.engine(case.kind, case.runtime, case.view)
    options = [*engine_options(case, session), *permitted, "--hostname", "e2e", "--env", "SOME=thing", "--env",
               "CGINIT_LOG_LEVEL=error", "--ulimit", "core=1000:2000", "--workdir", "/root"]
    with engine.start(case.image, *command, tty=tty, entrypoint=entrypoint, sys_admin=sys_admin,
                      options=options) as container:
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


def with_and_without(session, case, tty, *options, **how):
    """Both start by the same steps, which leave an unusual umask, signals and so on; one has cginit with OPTIONS between
    them: (what the init told without it, and with it)."""
    session.engine(case.kind, case.runtime, case.view)
    with unchanged_machine(session):
        plain, plain_changes = started(session, case, [*PREPARED[1:], *ARGUMENTS], tty, PREPARED[0], **how)
        ours, our_changes = started(session, case, [*PREPARED[1:], "/cginit", *options, "--", *ARGUMENTS], tty, PREPARED[0],
                                    **how)
    # What cginit mounts over must not have become a directory of the image.
    assert our_changes == plain_changes
    return comparable(plain), comparable(ours)


def check_same(case, plain, ours):
    assert ours["argv"] == ARGUMENTS
    assert ours["pid"] == 1
    assert ours["fds"].keys() == {"0", "1", "2", "3", "4"}, "0-2 and the two of LISTEN_FDS, nothing else"
    assert plain["fds"].keys() == ours["fds"].keys() | {"7", "200"}, "the test's own set-up"
    assert ours["fds"] == {number: plain["fds"][number] for number in ours["fds"]}

    added = {name: value for name, value in ours["environ"].items() if plain["environ"].get(name) != value}
    assert set(added) <= {"container", "container_uuid"}, added
    assert plain["environ"].keys() <= ours["environ"].keys()
    assert ours["environ"]["container"] == case.kind
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ours["environ"]["container_uuid"])

    for name in plain.keys() - {"environ", "fds"}:
        assert ours[name] == plain[name], name


@pytest.mark.parametrize("tty", [False, True], ids=["pipe", "tty"])
@pytest.mark.parametrize("case", CASES, ids=by_title)
def test_the_init_gets_what_it_would_have_got(session, case, tty):
    check_same(case, *with_and_without(session, case, tty))


@pytest.mark.parametrize("tty", [False, True], ids=["pipe", "tty"])
@pytest.mark.parametrize("case, permitted", [pytest.param(*both, id=both[0].title) for both in USERNS_CASES])
def test_in_a_user_namespace_it_has_one_capability_more(session, case, permitted, tty):
    plain, ours = with_and_without(session, case, tty, "--method=userns", sys_admin=False, permitted=permitted)
    held = {name: int(plain["status"].pop(name), 16) for name in ("CapPrm", "CapEff", "CapBnd")}
    got = {name: int(ours["status"].pop(name), 16) for name in held}
    assert not held["CapBnd"] >> CAP_SYS_ADMIN & 1
    assert got == {name: value | 1 << CAP_SYS_ADMIN for name, value in held.items()}
    # What was opened in the engine's mount namespace shows its path below its mount there: /null for /dev/null.
    for number, target in ours["fds"].items():
        if plain["fds"].get(number, "").endswith(target):
            ours["fds"][number] = plain["fds"][number]
    check_same(case, plain, ours)


@pytest.mark.view("hybrid")
def test_the_default_command_is_the_init(session):
    """argv[0] is as the user wrote it, and no argument is added."""
    case = Case("hybrid", "docker-runc", "private", "bookworm")
    engine = session.engine(case.kind, case.runtime, case.view)
    with engine.start(case.image, options=engine_options(case, session)) as container:
        wait_for("the init", lambda: "cginit" not in container.proc("cmdline"))
        assert container.proc("cmdline") == "/sbin/init\0"
