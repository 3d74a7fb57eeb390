#!/usr/bin/env python3
"""The engine's own seccomp profile, and beside it what cginit needs to build its view without CAP_SYS_ADMIN.

    make-profile.py DEFAULT.json > PROFILE.json

DEFAULT.json is what the engine uses where nobody says otherwise: Docker's is profiles/seccomp/default.json of its sources (on
Debian in the package golang-github-docker-docker-dev), Podman's is /usr/share/containers/seccomp.json. docker.json beside
this script was made of Docker's; make it again when the engine has a new one. Podman's permits all of this already, but for
sethostname.
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


def profile_of(default):
    profile = json.loads(default)
    # What was added before is made anew.
    rules = [rule for rule in profile["syscalls"] if rule.get("comment") != COMMENT]
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
