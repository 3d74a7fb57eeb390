"""The seccomp profile that the project ships is Docker's own and what is added, and what make-profile.py closes stays closed."""

import json
import platform
import re
import runpy
import subprocess
from pathlib import Path

import pytest

from cases import Case
from harness.boot import check_everything
from harness.images import ROOT
from harness.unprivileged import booted, sandboxes_that_do_nothing, unit_says

SHIPPED = ROOT / "examples/seccomp/docker.json"
TOOL = ROOT / "examples/seccomp/make-profile.py"
PODMANS = Path("/usr/share/containers/seccomp.json")
AF_UNIX, AF_INET, AF_ALG, AF_VSOCK = 1, 2, 38, 40
# The kernel takes the lower half of the register as the family.
HIGH_BIT = 1 << 32


@pytest.mark.parametrize("view", [pytest.param(view, marks=pytest.mark.view(view)) for view in ("v1", "unified")])
def test_the_shipped_seccomp_profile(session, view):
    """It permits just that, beside what Docker's own does."""
    case = Case(view, "docker-runc", "private", "bookworm")
    with booted(session, case, permitted=["--security-opt", f"seccomp={SHIPPED}"]) as container:
        check_everything(session, case, container)
        wrong = sandboxes_that_do_nothing(container)
        assert not wrong, wrong
        assert unit_says(container, "hostname e2e-renamed && hostname") == "e2e-renamed"


def make_profile(default):
    return subprocess.run([TOOL, default], capture_output=True, text=True, check=False)


def made_of(tmp_path, profile):
    path = tmp_path / "default.json"
    path.write_text(json.dumps(profile))
    result = make_profile(path)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_the_profile_can_be_made_again(tmp_path):
    """Of what was made before the same comes; of another default, such as Podman's, what that permits and the rest."""
    assert make_profile(SHIPPED).stdout == SHIPPED.read_text()
    default = json.loads(PODMANS.read_text())
    made = json.loads(make_profile(PODMANS).stdout)
    *rules, added = made["syscalls"]
    assert added["action"] == "SCMP_ACT_ALLOW" and "unshare" in added["names"]
    closed = {"socket", *runpy.run_path(TOOL)["CLOSED_CALLS"]}

    def others(rules):
        kept = ({**rule, "names": [name for name in rule["names"] if name not in closed]} for rule in rules)
        return [rule for rule in kept if rule["names"]]

    assert others(rules) == others(default["syscalls"])
    # The first one permits all that it does not name.
    (tmp_path / "open.json").write_text('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}')
    (tmp_path / "other.json").write_text("[1]")
    for wrong in (tmp_path / "open.json", "/no/such/file", tmp_path / "other.json"):
        result = make_profile(wrong)
        assert result.returncode == 1 and result.stdout == "" and f"error: {wrong}" in result.stderr


def allow(*arguments, names=("socket",), action="SCMP_ACT_ALLOW"):
    return {"names": list(names), "action": action, "args": list(arguments)}


def compared(operator, value, index=0, **more):
    return {"index": index, "value": value, "op": f"SCMP_CMP_{operator}", **more}


# What default profiles say of socket(2).
SOCKET_RULES = {
    "docker-20.10": [allow(names=("accept", "io_uring_enter", "io_uring_register", "io_uring_setup", "socket", "socketcall"))],
    "docker-23": [allow(compared("NE", AF_VSOCK))],
    "docker-29.4": [allow(compared("LT", AF_ALG)), allow(compared("EQ", 39)), allow(compared("GT", AF_VSOCK))],
    "docker-of-single-families": [allow(compared("LT", 12)), *(allow(compared("EQ", family)) for family in (16, 17, 39, 44))],
    "podman": [allow(compared("EQ", 16), compared("EQ", 9, index=2), action="SCMP_ACT_ERRNO"),
               allow(compared("NE", 9, index=2)), allow(compared("NE", 16))],
    "both-ends": [allow(compared("LE", AF_ALG), compared("GE", AF_VSOCK))],
    "one-too-many": [allow(compared("EQ", AF_ALG)), allow(compared("EQ", AF_INET)), allow(compared("EQ", AF_ALG | HIGH_BIT))],
    "masked": [allow(compared("MASKED_EQ", 0xff, valueTwo=AF_VSOCK)), allow(compared("MASKED_EQ", 0xff, valueTwo=AF_UNIX))],
    "logged": [allow(action="SCMP_ACT_LOG")],
}


def is_true(argument, value):
    operand = argument["value"]
    return {"EQ": value == operand, "NE": value != operand, "LT": value < operand, "LE": value <= operand,
            "GT": value > operand, "GE": value >= operand,
            "MASKED_EQ": value & operand == argument.get("valueTwo")}[argument["op"].removeprefix("SCMP_CMP_")]


def permits(profile, family, protocol=0):
    """Whether the filter that runc makes of the profile lets socket(family, 0, protocol) through: of comparisons of the same
    argument runc makes a rule each."""
    values = {0: family, 1: 0, 2: protocol}
    for rule in profile["syscalls"]:
        arguments = rule.get("args") or []
        same = len({argument["index"] for argument in arguments}) < len(arguments)
        true = (any if same else all)(is_true(argument, values[argument["index"]]) for argument in arguments)
        if "socket" in rule["names"] and rule["action"] != "SCMP_ACT_ERRNO" and (true or not arguments):
            return True
    return False


@pytest.mark.parametrize("form", SOCKET_RULES)
def test_two_kinds_of_sockets_are_closed_whatever_the_profile_is_made_of(tmp_path, form):
    default = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": SOCKET_RULES[form]}
    made = made_of(tmp_path, default)
    for family in (AF_ALG, AF_VSOCK):
        for high in (0, HIGH_BIT, 1 << 63, 0xffffffff << 32):
            assert not permits(made, family | high), f"{family | high:#x}"
    for family in set(range(46)) - {AF_ALG, AF_VSOCK}:
        for protocol in (0, 9):
            assert permits(made, family, protocol) == permits(default, family, protocol), (family, protocol)
    # Sockets are made that way too.
    assert not any(name.startswith("io_uring") for rule in made["syscalls"] for name in rule["names"])
    # What it says of other calls, and what it denies, is as it was.
    assert ("socketcall" in made["syscalls"][0]["names"]) == ("socketcall" in default["syscalls"][0]["names"])
    denied = [rule for rule in default["syscalls"] if rule["action"] == "SCMP_ACT_ERRNO"]
    assert [rule for rule in made["syscalls"] if rule["action"] == "SCMP_ACT_ERRNO"] == denied
    assert made_of(tmp_path, made) == made


def test_the_shipped_profile_closes_them():
    profile = json.loads(SHIPPED.read_text())
    permitted = {family for family in range(64) if permits(profile, family)}
    assert permitted == set(range(46)) - {AF_ALG, AF_VSOCK}
    assert not permits(profile, AF_ALG | HIGH_BIT) and not permits(profile, AF_VSOCK | HIGH_BIT)


SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
EPERM = 1


def errors_of(engine, profile, families):
    """What the kernel says of sockets of these families below the profile: {family: its error, 0 for none}."""
    script = f"for (@ARGV) {{ $! = 0; syscall({SOCKET}, $_ + 0, 5, 0); print $_, '=', $! + 0, ' ' }}"
    said = engine.run("bookworm", "-e", script, *map(str, families), entrypoint="/usr/bin/perl", sys_admin=False,
                      options=["--security-opt", f"seccomp={profile}"])
    assert said.returncode == 0, said.stderr
    return {int(family): int(error) for family, error in re.findall(r"(\d+)=(\d+)", said.stdout)}


@pytest.mark.parametrize("view, runtime", [
    pytest.param(view, runtime, marks=pytest.mark.view(view)) for view, runtime in (("v1", "crun"), ("unified", "runc"))])
def test_what_is_closed_is_closed_in_a_container(session, tmp_path, view, runtime):
    """EPERM is the filter's word; the kernel says something else of what it lacks."""
    engine = session.engine("docker", runtime, view)
    closed = [AF_ALG, AF_VSOCK, AF_ALG | HIGH_BIT, AF_VSOCK | HIGH_BIT]
    families = [AF_UNIX, *closed]
    without = errors_of(engine, "unconfined", families)
    assert len(without) == len(families) and EPERM not in without.values(), without
    errors = errors_of(engine, SHIPPED, families)
    assert errors == {AF_UNIX: without[AF_UNIX], **dict.fromkeys(closed, EPERM)}
    # A filter that only compares is no filter.
    compares = json.loads(SHIPPED.read_text())
    compares["syscalls"] = [rule for rule in compares["syscalls"] if rule["names"] != ["socket"]]
    compares["syscalls"] += SOCKET_RULES["docker-29.4"]
    (tmp_path / "compares.json").write_text(json.dumps(compares))
    errors = errors_of(engine, tmp_path / "compares.json", families)
    assert errors[AF_ALG] == EPERM and errors[AF_ALG | HIGH_BIT] == without[AF_ALG | HIGH_BIT], errors


# Each a way around the container: the kernel's memory, keys and programs, files by their number, and sockets past the filter.
NEVER_PERMITTED = {"add_key", "keyctl", "request_key", "bpf", "perf_event_open", "userfaultfd", "kexec_load", "kexec_file_load",
                   "init_module", "finit_module", "open_by_handle_at", "iopl", "ioperm", "pivot_root", "reboot", "swapon",
                   "io_uring_setup", "io_uring_enter", "io_uring_register"}
# What Docker permits since 20.10, whose profile Debian 12 has: examples/seccomp/README.md.
NEWER = {"cachestat", "clock_settime64", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "getxattrat", "listmount",
         "listxattrat", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "map_shadow_stack", "mseal", "pkey_alloc",
         "pkey_free", "pkey_mprotect", "process_vm_readv", "process_vm_writev", "removexattrat", "riscv_flush_icache",
         "riscv_hwprobe", "set_mempolicy_home_node", "setxattrat", "statmount", "swapcontext", "uretprobe"}


def profile_in_force(engine, *options):
    """What the daemon tells the runtime: (the default action, {(call, action, its arguments)})."""
    with engine.start("busybox", "3600", entrypoint="/bin/sleep", sys_admin=False, tty=False, options=options) as container:
        directory = engine.session.docker_daemon(engine.view).directory
        config, = (directory / "exec").glob(f"containerd/**/{container.id}/config.json")
        profile = json.loads(config.read_text())["linux"]["seccomp"]
    return profile["defaultAction"], {
        (name, rule["action"], json.dumps(rule.get("args") or []), rule.get("errnoRet"))
        for rule in profile["syscalls"] for name in rule["names"]}


@pytest.mark.parametrize("capabilities", [(), ("--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE")],
                         ids=["default", "more"])
@pytest.mark.view("unified")
def test_the_profile_is_the_engines_own_and_what_is_added(session, capabilities):
    """Of the Docker that is installed here, which may be older than the one that the profile was made of; which rules it has
    depends on the container's capabilities."""
    engine = session.engine("docker", "runc", "unified")
    tool = runpy.run_path(TOOL)
    action, rules = profile_in_force(engine, *capabilities)
    our_action, our_rules = profile_in_force(engine, *capabilities, "--security-opt", f"seccomp={SHIPPED}")
    assert our_action == action == "SCMP_ACT_ERRNO"
    closed = {"socket", *tool["CLOSED_CALLS"]}
    missing = {name for name, *_ in rules - our_rules}
    assert missing <= closed and "socket" in missing, "made of another Docker's: make it again"
    more = our_rules - rules
    assert {(name, "SCMP_ACT_ALLOW", "[]", None) for name in tool["ADDED"]} <= our_rules
    assert {name for name, *_ in more} <= tool["ADDED"] | NEWER | {"socket"}, "made of another Docker's: make it again"
    assert all(action == "SCMP_ACT_ALLOW" for _, action, *_ in more), more
    if not capabilities:
        permitted = {name for name, action, *_ in our_rules if action == "SCMP_ACT_ALLOW"}
        assert not NEVER_PERMITTED & permitted
        assert {"cachestat", "fchmodat2", "mseal", "statmount", "setxattrat"} <= permitted
