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


def run_shell(session, view, script, *arguments, before="", cginit="/cginit --delegate=none", **how):
    """A shell as PID 1 runs BEFORE and becomes cginit, whose init is a shell with SCRIPT."""
    engine = session.engine("docker", "runc", view)
    with unchanged_machine(session):
        return engine.run("busybox", "-c", f'{before}\nexec {cginit} -- /bin/sh -c "$0" "$@"', script, *arguments,
                          entrypoint="/bin/sh", **how)


@pytest.mark.parametrize("view, sys_admin", [
    pytest.param(view, sys_admin, marks=pytest.mark.view(view), id=f"{view}-{'kept' if sys_admin else 'userns'}")
    for view, sys_admin in (("v1", True), ("unified", True), ("unified", False))])
def test_nothing_that_is_made_depends_on_the_umask(session, view, sys_admin):
    """And the init has the one that it was given."""
    script = "umask; stat -c '%a %n' /sys/fs/cgroup /sys/fs/cgroup/* | grep -v '[.]'; stat -c '%a %n' /run /run/a /run/a/b"
    options = ["--tmpfs", "/run/a/b", *([] if sys_admin else UNCONFINED)]
    found = [run_shell(session, view, script, before=f"umask {umask}", cginit="/cginit --delegate=none --tmpfs=/run",
                       sys_admin=sys_admin, options=options)
             for umask in (("0022", "0077", "0777") if sys_admin else ("0022", "0077"))]
    for result, umask in zip(found, ("0022", "0077", "0777")):
        assert result.returncode == 0, result.stderr
        first, *rest = result.stdout.splitlines()
        assert first == umask and rest == found[0].stdout.splitlines()[1:], result.stdout
    assert "755 /sys/fs/cgroup" in found[0].stdout and "755 /run" in found[0].stdout


@pytest.mark.parametrize("view, sys_admin", [
    pytest.param("v1", True, marks=pytest.mark.view("v1"), id="kept"),
    pytest.param("unified", False, marks=pytest.mark.view("unified"), id="userns")])
def test_directories_on_the_way_to_what_is_carried_over_stay_as_they_were(session, view, sys_admin):
    """A secret below a directory that is closed to others does not become readable."""
    secret = ["--volume", f"{session.secret}:/run/closed/deep/secret:ro"]
    before = """
        chmod 700 /run/closed; chown 1234:4321 /run/closed; chmod 2751 /run/closed/deep; chown 7 /run/closed/deep
        stat -c '%a %u %g %n' /run/closed /run/closed/deep"""
    result = run_shell(session, view, "stat -c '%a %u %g %n' /run/closed /run/closed/deep; cat /run/closed/deep/secret",
                       before=before, cginit="/cginit --delegate=none --tmpfs=/run", sys_admin=sys_admin,
                       options=[*secret, *([] if sys_admin else UNCONFINED)])
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("700 1234 4321") and lines[2:4] == lines[:2], result.stdout
    assert lines[4] == session.secret.read_text().strip()


def working_directory(session, view, path, *more, cginit="/cginit --delegate=none", **how):
    """Where an init starts whose image says that, by the directory's path, file system and mount: (what it said, cginit)."""
    script = "here=$(readlink /proc/self/cwd); echo $here; [ . -ef $here ] && echo in its place; ls"
    result = run_shell(session, view, script, cginit=cginit, options=["--workdir", path, *more, *how.pop("options", ())], **how)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines(), result.stderr


HOWS = [pytest.param({}, id="kept"), pytest.param({"sys_admin": False, "options": UNCONFINED}, id="userns"),
        pytest.param({"cginit": "/cginit --delegate=none --method=bind"}, id="bind")]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.view("unified")
def test_a_working_directory_in_the_view_is_the_new_ones(session, how):
    """A process holds its directory, whatever is mounted over it."""
    said, _ = working_directory(session, "unified", "/sys/fs/cgroup", **how)
    assert said[:2] == ["/sys/fs/cgroup", "in its place"], said
    # What lay below the engine's mount is not there any more; what the mount covered is.
    volume = {**how, "options": ["--volume", "/sys/fs/cgroup:/hostcg:ro", *how.get("options", ())]}
    said, log = working_directory(session, "unified", "/", before="cd /hostcg/docker", **volume)
    assert said[0] == "/" and "the init starts in / and not in /hostcg/docker: No such file or directory" in log, (said, log)
    said, _ = working_directory(session, "unified", "/hostcg", **volume)
    assert said == ["/hostcg", "in its place"], said


@pytest.mark.parametrize("how", HOWS[:2])
@pytest.mark.view("v1")
def test_a_working_directory_in_a_hierarchy(session, how):
    for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/memory"):
        said, _ = working_directory(session, "v1", path, **how)
        assert said[:2] == [path, "in its place"] and "cginit" not in said, said


@pytest.mark.view("unified")
def test_another_working_directory_is_left_alone(session):
    """Deleted ones, mounts of the user's, relative names of the init."""
    deleted = run_shell(session, "unified", "readlink /proc/self/cwd", before="mkdir /gone; cd /gone; rmdir /gone")
    assert deleted.stdout.strip() == "/gone (deleted)", deleted.stderr
    mounted = run_shell(session, "unified", "readlink /proc/self/cwd; ls",
                        before="mkdir /m; mount -t tmpfs none /m; touch /m/file; cd /m; mount -t tmpfs none /m")
    assert mounted.stdout.split() == ["/m", "file"], mounted.stdout + mounted.stderr
    written = "mkdir -p /srv/x; cd /srv; printf '#!/bin/sh\\necho $0 in $(pwd)\\n' >x/script; chmod 755 x/script"
    engine = session.engine("docker", "runc", "unified")
    for how, expected in (("x/script", "x/script in /srv"), ("./x/script", "./x/script in /srv"),
                          ("/srv/x/script", "/srv/x/script in /srv")):
        for cginit in ("", "/cginit --delegate=none -- "):
            result = engine.run("busybox", "-c", f"{written}; exec {cginit}{how}", entrypoint="/bin/sh")
            assert result.stdout.strip() == expected, result.stdout + result.stderr


@pytest.mark.view("v1")
def test_a_script_is_told_the_name_that_the_user_wrote(session):
    prepare = "printf '#!/bin/sh\\necho $0\\n' >/real; chmod 755 /real; ln -s /real /sbin/my-init"
    engine = session.engine("docker", "runc", "v1")
    for name, expected in (("/sbin/my-init", "/sbin/my-init"), ("my-init", "/sbin/my-init")):
        for cginit in ("", "/cginit --delegate=none -- "):
            result = engine.run("busybox", "-c", f"{prepare}; exec {cginit}{name}", entrypoint="/bin/sh")
            assert result.stdout.strip() == expected, result.stdout + result.stderr


@pytest.mark.parametrize("view, sys_admin", [
    pytest.param("v1", True, marks=pytest.mark.view("v1"), id="kept"),
    pytest.param("unified", False, marks=pytest.mark.view("unified"), id="userns")])
def test_no_descriptor_leads_out(session, view, sys_admin):
    """Whoever wrote LISTEN_FDS: a directory, a cgroup and a namespace are not handed on."""
    tree = "/sys/fs/cgroup" if view == "unified" else "/sys/fs/cgroup/memory"
    before = f"exec 0<{tree}/cgroup.procs 3</etc/passwd 4<{tree} 5</proc/self/ns/cgroup 6</ 7</etc/passwd; export LISTEN_FDS=4"
    result = run_shell(session, view, "for fd in /proc/self/fd/*; do echo ${fd##*/} $(readlink $fd); done", before=before,
                       sys_admin=sys_admin, options=[] if sys_admin else UNCONFINED)
    found = dict(line.split(" ", 1) for line in result.stdout.splitlines() if " " in line)
    assert result.returncode == 0 and found["0"].endswith("/null"), result.stdout + result.stderr
    # What is 4 and above is the shell's own.
    assert found["3"].endswith("/etc/passwd") and not any(name in target for target in found.values() for name in ("cgroup", "ns")), found
    assert "/" not in (found.get(number) for number in ("4", "5", "6", "7")), found
    for number in (0, 4, 5, 6):
        assert f"cginit: warning: descriptor {number} would lead the init out of its view" in result.stderr, result.stderr
