"""--explain in containers that are refused: the first cure is the right one, and a container that follows it boots."""

import json

import pytest

from harness import host
from harness.boot import unchanged_machine
from harness.explain import boots, cure_and_boot, explain, follow
from harness.probe import wait_for_boot

EPERM = 1


def no_mount(session):
    profile = session.directory / "explain-no-mount.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM}]}))
    return ["--cap-add", "SYS_ADMIN", "--security-opt", f"seccomp={profile}"]


# Podman's own seccomp filter permits user namespaces, which do as well while ids can be mapped into them.
@pytest.mark.parametrize(("kind", "runtime", "view", "options"), [
    ("docker", "runc", "hybrid", []), ("docker", "runc", "unified", []), ("podman", "crun", "v1", ["--cap-drop", "SETFCAP"])])
def test_no_capability(session, kind, runtime, view, options):
    cure_and_boot(session.engine(kind, runtime, view), options, "CG-NOSYSADMIN")


@pytest.mark.view("unified")
def test_no_capability_but_a_user_namespace(session):
    told, status = explain(session.engine("podman", "crun", "unified"), [])
    assert status == 0 and told["works"], told["missing"]
    assert told["trial"]["tried"] and told["decision"]["method"]["value"] == "userns"
    assert told["facts"]["user_namespaces"] == "yes"


@pytest.mark.parametrize(("kind", "runtime"), [("docker", "runc"), ("podman", "crun")])
@pytest.mark.view("unified")
def test_a_user_that_is_not_root(session, kind, runtime):
    cure_and_boot(session.engine(kind, runtime, "unified"), ["--cap-add", "SYS_ADMIN", "--user", "1000"], "CG-NOTROOT")


@pytest.mark.view("hybrid")
def test_a_seccomp_filter_that_refuses_mounts(session):
    cure_and_boot(session.engine("docker", "runc", "hybrid"), no_mount(session), "CG-SECCOMP", ground="trial")


@pytest.mark.view("unified")
def test_another_init_is_pid_1(session):
    cure_and_boot(session.engine("docker", "runc", "unified"), ["--cap-add", "SYS_ADMIN", "--init"], "CG-NOTPID1")


@pytest.mark.view("v1")
def test_a_volume_of_the_hosts_cgroups(session):
    options = ["--cap-add", "SYS_ADMIN", "-v", "/sys:/host/sys"]
    told, _ = explain(session.engine("docker", "runc", "v1"), options)
    assert "/host/sys/fs/cgroup/" in told["missing"][0]["remedies"][0]["setting"], "it says which one"
    cure_and_boot(session.engine("docker", "runc", "v1"), options, "CG-HOSTMOUNT")


@pytest.mark.view("unified")
def test_a_proc_without_what_is_no_process(session):
    cure_and_boot(session.engine("podman", "crun", "unified"),
                  ["--cap-add", "SYS_ADMIN", "--security-opt", "proc-opts=subset=pid"], "CG-NOPROC", ground="trial")


@pytest.mark.parametrize(("kind", "runtime", "options", "code"), [
    ("docker", "runc", ["--cap-add", "SYS_ADMIN", "--env", "CGINIT_METHOD=none", "--env", "CGINIT_INNER=never"], "CG-UNUSABLEVIEW"),
    ("podman", "runc", ["--env", "CGINIT_METHOD=userns", "--cap-drop", "SETFCAP"], "CG-NOIDMAP"),
    ("podman", "crun", ["--cap-add", "SYS_ADMIN", "--cap-drop", "SETPCAP", "--env", "CGINIT_DROP_CAP=MKNOD"], "CG-NOSETPCAP"),
    ("podman", "crun", ["--cap-add", "SYS_ADMIN", "--cgroups=disabled"], "CG-NOHIERARCHY"),
    ("docker", "runc", ["--cap-add", "SYS_ADMIN", "--env", "CGINIT_LAYOUT=hybrid"], "CG-LAYOUT"),
], ids=lambda value: value if str(value).startswith("CG-") else "")
@pytest.mark.view("unified")
def test_options_that_do_not_go_together(session, kind, runtime, options, code):
    cure_and_boot(session.engine(kind, runtime, "unified"), options, code)


@pytest.mark.view("hybrid")
def test_a_method_that_needs_the_engines_mounts(session):
    cure_and_boot(session.engine("docker", "runc", "hybrid"),
                  ["--cap-add", "SYS_ADMIN", "--env", "CGINIT_METHOD=bind", "--tmpfs", "/sys/fs/cgroup"], "CG-NOVIEW")


@pytest.mark.view("v1")
def test_the_newest_systemd_on_a_v1_host(session):
    engine = session.engine("docker", "runc", "v1")
    engine.image("newest")
    options = ["--cap-add", "SYS_ADMIN"]
    told, status = explain(engine, options, image="newest")
    assert status == 1 and told["missing"][0]["code"] == "CG-HOSTROOT"
    cured = follow(options, told["missing"][0]["remedies"][0])
    assert cured[-2:] == ["--env", "CGINIT_ALLOW_HOST_CGROUP=1"]
    assert explain(engine, cured, image="newest")[1] == 0
    with unchanged_machine(session):
        with engine.start("newest", "/sbin/init", options=cured, sys_admin=False) as container:
            assert wait_for_boot(container, True) == "running"
        assert len(host.clean_up(container.id)) == 1


@pytest.mark.view("v1")
def test_all_that_is_missing_is_told_at_once(session):
    engine = session.engine("docker", "runc", "v1")
    options = ["--init", "--cap-drop", "SETPCAP", "--env", "CGINIT_DROP_CAP=MKNOD"]
    told, status = explain(engine, options)
    assert status == 1
    assert [finding["code"] for finding in told["missing"]] == ["CG-NOTPID1", "CG-NOSYSADMIN", "CG-NOSETPCAP"]
    for finding in told["missing"]:
        options = follow(options, finding["remedies"][0])
    assert explain(engine, options)[0]["missing"] == []
    boots(engine, options)


@pytest.mark.parametrize("view", ["hybrid", "v1", "comount", "unified"])
def test_it_changes_nothing_where_all_is_well(session, view):
    engine = session.engine("docker", "runc", view)
    told, status = explain(engine, [], sys_admin=True)
    assert status == 0 and told["works"] and told["missing"] == []
    assert told["trial"] == {"tried": True, "why_not": None}
    assert told["facts"]["engine"] == "docker" and "cap_sys_admin" in told["facts"]["capabilities"]
    text, _ = explain(engine, [], sys_admin=True, form="text")
    assert text.startswith("The init would get its view.\n")
    assert "\033" not in text, "colours in a pipe"
    # A trial that left something would show in the container itself.
    with unchanged_machine(session):
        again = engine.run("bookworm", "/bin/sh", "-c",
                           "cat /proc/self/mountinfo /proc/self/cgroup; /cginit --explain >/tmp/said; "
                           "cat /proc/self/mountinfo /proc/self/cgroup", entrypoint="")
    assert again.returncode == 0, again.stderr
    lines = again.stdout.splitlines()
    assert lines[:len(lines) // 2] == lines[len(lines) // 2:], again.stdout
