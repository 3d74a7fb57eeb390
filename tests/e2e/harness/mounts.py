"""/proc/PID/mountinfo and /proc/PID/cgroup as values."""

from dataclasses import dataclass, field


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
    id: int = field(default=0, compare=False)
    parent: int = field(default=0, compare=False)

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
        number, parent, device, root, point, flags = left.split()[:6]
        kind, source, options = right.split(" ", 2)
        mounts.append(Mount(device, unescape(root), unescape(point), frozenset(flags.split(",")), kind, source,
                            tuple(options.split(",")), int(number), int(parent)))
    return mounts


def cgroup_mounts(text, sealed=False):
    """SEALED: without those that cginit covered in a user namespace, where nobody can uncover them."""
    mounts = parse_mountinfo(text)
    return [mount for mount in mounts if mount.is_cgroup and not (sealed and is_covered_by_cginit(mount, mounts))]


def is_covered_by_cginit(mount, mounts):
    by_id = {other.id: other for other in mounts}
    below, current = set(), mount
    while current is not None and current.id not in below:
        below.add(current.id)
        current = by_id.get(current.parent)
    return any(other.source.startswith("cginit:[") and other.id not in below and is_below(mount.point, other.point) for other in mounts)


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
