#!/usr/bin/env python3
"""The engine's own seccomp profile, what cginit needs besides to build its view without CAP_SYS_ADMIN, and two kinds of
sockets closed that older engines leave open.

    make-profile.py DEFAULT.json > PROFILE.json

DEFAULT.json is what the engine uses where nobody says otherwise. Docker's is seccomp/default.json of its module
github.com/moby/profiles (before Docker 29 profiles/seccomp/default.json of its sources, on Debian in the package
golang-github-docker-docker-dev), Podman's is /usr/share/containers/seccomp.json, which permits all of this already, but for
sethostname. README.md beside this script says which one docker.json was made of; make it again when the engine has a new one.

AF_ALG (the kernel's cryptography, CVE-2026-31431) and AF_VSOCK (the host's virtual machines) are closed whatever DEFAULT.json
says of socket(2), and with them io_uring, which makes sockets past every filter (IORING_OP_SOCKET, Linux 5.19). What is left
is socketcall(2) of 32-bit programs: its arguments are behind a pointer, and without it old 32-bit programs have no network.
examples/apparmor/cginit closes it there too.
"""

import json
import sys
from pathlib import Path

# What the engines permit with CAP_SYS_ADMIN only. The kernel asks for the capability all the same, and in the container's
# own user namespace no process has it: unshare opens the way to one that has.
ADDED = {
    # cginit: the user namespaces, and the way back from a cgroup namespace where a plan is taken back.
    "unshare", "setns",
    # cginit and systemd: the view, and what services have of their own (PrivateTmp=, ProtectSystem=, DynamicUser=).
    "clone", "mount", "umount2", "mount_setattr", "open_tree", "move_mount", "name_to_handle_at",
    # systemd: hostnamectl.
    "sethostname",
}
COMMENT = "for cginit: a user namespace, and what may be done in one"

AF_ALG, AF_VSOCK = 38, 40
CLOSED_FAMILIES = {AF_ALG, AF_VSOCK}
# AF_MCTP is 45, the last one of Linux 5.15 to 6.18. A later one stays closed until it is here.
FAMILIES = range(46)
# Another way to a socket.
CLOSED_CALLS = {"io_uring_setup", "io_uring_enter", "io_uring_register"}
DENYING = {"SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP"}
INT = 0xffffffff


def holds(condition, value):
    """Whether seccomp's comparison of an argument with `value` is true: seccomp(2), seccomp_rule_add(3)."""
    operand, operator = condition["value"], condition["op"]
    if operator == "SCMP_CMP_MASKED_EQ":
        return value & operand == condition.get("valueTwo", 0)
    return {"SCMP_CMP_EQ": value == operand, "SCMP_CMP_NE": value != operand, "SCMP_CMP_LT": value < operand,
            "SCMP_CMP_LE": value <= operand, "SCMP_CMP_GT": value > operand, "SCMP_CMP_GE": value >= operand}[operator]


def lets_in(condition, family):
    """A filter compares all 64 bits of the register, and the kernel takes the lower 32 as the family: `> 40` is true of
    0x100000026, which is AF_ALG."""
    if condition["op"] == "SCMP_CMP_EQ":
        return condition["value"] & INT == family
    if condition["op"] == "SCMP_CMP_MASKED_EQ":
        return (family ^ condition.get("valueTwo", 0)) & condition["value"] & INT == 0
    if condition["op"] in ("SCMP_CMP_LT", "SCMP_CMP_LE"):
        return holds(condition, family)
    return True


def comparison(operator, value):
    return {"index": 0, "value": value, "op": operator}


def permitted_families(condition):
    """Comparisons that let in what `condition` does (None: everything), but no closed family. The kernel knows none below 1,
    so that the lower end is one comparison; what is above is named one by one."""
    if condition is not None and not any(lets_in(condition, family) for family in CLOSED_FAMILIES):
        return [condition]
    families = [family for family in FAMILIES
                if family not in CLOSED_FAMILIES and (condition is None or holds(condition, family))]
    first = 0
    while first < len(families) and families[first] == first:
        first += 1
    lowest = [comparison("SCMP_CMP_LT", first)] if first > 1 else []
    return lowest + [comparison("SCMP_CMP_EQ", family) for family in families[first if lowest else 0:]]


def alternatives(rule):
    """Runtimes take comparisons of different arguments as one condition, and those of the same argument each as a rule."""
    arguments = rule.get("args") or []
    if len({argument["index"] for argument in arguments}) == len(arguments):
        return [arguments]
    return [[argument] for argument in arguments]


def without_closed_families(rule):
    """For a rule that permits socket(2): the rules that permit the same of the families that stay open."""
    rules = []
    for arguments in alternatives(rule):
        family = next((argument for argument in arguments if argument["index"] == 0), None)
        others = [argument for argument in arguments if argument["index"] != 0]
        rules += [{**rule, "names": ["socket"], "args": [permitted, *others]} for permitted in permitted_families(family)]
    return rules


def closed(rule):
    """What becomes of a rule of the engine's."""
    if rule["action"] in DENYING:
        return [rule]
    names = [name for name in rule["names"] if name not in CLOSED_CALLS]
    others = [name for name in names if name != "socket"]
    rules = [{**rule, "names": others}] if others else []
    return rules + (without_closed_families(rule) if "socket" in names else [])


def profile_of(default):
    profile = json.loads(default)
    if profile["defaultAction"] not in DENYING:
        raise ValueError("it permits what it does not name")
    # What was added before is made anew.
    rules = [made for rule in profile["syscalls"] if rule.get("comment") != COMMENT for made in closed(rule)]
    rules.append({"names": sorted(ADDED), "action": "SCMP_ACT_ALLOW", "args": [], "comment": COMMENT, "includes": {},
                  "excludes": {}})
    profile["syscalls"] = rules
    return json.dumps(profile, indent=1) + "\n"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    try:
        print(profile_of(Path(sys.argv[1]).read_text(encoding="utf-8")), end="")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(f"error: {sys.argv[1]} is no seccomp profile of an engine's: {error}")


if __name__ == "__main__":
    main()
