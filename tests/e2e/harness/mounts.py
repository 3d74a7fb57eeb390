"""/proc/PID/mountinfo and /proc/PID/cgroup as values."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mount:
    """One line of mountinfo:
    161 160 0:29 /docker/0a59 /sys/fs/cgroup/cpu ro,nosuid shared:7 - cgroup cgroup rw,cpu
    """

    device: str
    root: str
    point: str
    flags: frozenset
    kind: str
    source: str
    options: tuple

    @property
    def is_cgroup(self):
        return self.kind in ("cgroup", "cgroup2")

    @property
    def writable(self):
        return "rw" in self.flags and "rw" in self.options


def unescape(text):
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text


def parse_mountinfo(text):
    mounts = []
    for line in text.splitlines():
        left, right = line.split(" - ", 1)
        _, _, device, root, point, flags = left.split()[:6]
        kind, source, options = right.split(" ", 2)
        mounts.append(Mount(device, unescape(root), unescape(point), frozenset(flags.split(",")), kind, source,
                            tuple(options.split(","))))
    return mounts


def cgroup_mounts(text):
    return [mount for mount in parse_mountinfo(text) if mount.is_cgroup]


@dataclass(frozen=True)
class Membership:
    """One line of /proc/PID/cgroup: 4:memory:/docker/0a59 (v1), 1:name=systemd:/ (v1, named), 0::/init.scope (v2)."""

    controllers: frozenset
    path: str

    @property
    def name(self):
        return ",".join(sorted(self.controllers)) or "unified"


def parse_cgroup(text):
    memberships = []
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        memberships.append(Membership(frozenset(filter(None, controllers.split(","))), path))
    return memberships


def membership_of(mount, memberships):
    """The line of /proc/PID/cgroup for the hierarchy that is mounted there. v1 names its controllers in the superblock
    options, among others: rw,xattr,name=systemd."""
    for membership in memberships:
        if mount.kind == "cgroup2" and not membership.controllers:
            return membership
        if mount.kind == "cgroup" and membership.controllers and membership.controllers <= set(mount.options):
            return membership
    raise AssertionError(f"{mount.point}: no line of /proc/PID/cgroup belongs to {mount.kind} {mount.options}")


def is_below(path, ancestor):
    """True for the ancestor itself too."""
    return path == ancestor or path.startswith(ancestor.rstrip("/") + "/")
