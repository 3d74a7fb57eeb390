"""The boots: which engine, view, image and option are combined."""

from dataclasses import dataclass, fields
from pathlib import Path

from harness import matrix

DIMENSIONS = {
    "view": ("hybrid", "v1", "comount", "unified"),
    "engine": ("docker-runc", "docker-crun", "podman-runc", "podman-crun"),
    "cgroupns": ("host", "private"),
    "image": ("bullseye", "bookworm", "backports", "trixie", "newest", "busybox"),
    # What is at /sys/fs/cgroup when cginit starts: the engine's own mounts, a bind of the host's tree (a user's -v), or
    # what podman --systemd=always makes of it. test_boot.py has an empty volume besides.
    "tree": ("engine", "bind-ro", "bind-rw", "bind-rshared", "podman-systemd"),
    "rootfs": ("writable", "read-only"),
    "secret": ("none", "file"),
    "method": ("auto", "bind"),
    # An image that has cginit as its entrypoint may be given cginit once more.
    "chain": ("one", "two"),
}


# The oldest systemd that refuses cgroup v1. Debian's newest is at least that; which one is read from its image.
FIRST_UNIFIED_ONLY = 258


@dataclass(frozen=True)
class Init:
    """An init and how it is started and stopped."""

    name: str
    image: str
    command: tuple = ("/sbin/init",)
    kind: str = "systemd"  # what cginit calls it
    # Prints its version, in the image.
    version: tuple = ("/bin/systemctl", "--version")
    stop_signal: int = 37  # SIGRTMIN+3
    # The last that most inits do is reboot(2), which in a container ends them; without the capability they wait for ever.
    stop_options: tuple = ()


def debian_version(package):
    return ("/usr/bin/dpkg-query", "--show", "--showformat=${Version}", package)


REBOOT = ("--cap-add", "SYS_BOOT")
SYSTEMD_IMAGES = ("bullseye", "bookworm", "backports", "trixie", "newest")
INITS = {init.name: init for init in (
    *(Init(f"systemd, {image}", image) for image in SYSTEMD_IMAGES),
    Init("sysvinit", "inits", kind="sysvinit", version=debian_version("sysvinit-core"), stop_signal=30,
         stop_options=REBOOT),
    Init("busybox", "busybox", kind="busybox", version=("/bin/busybox",), stop_signal=12),
    Init("openrc-init", "inits", ("/sbin/openrc-init",), "openrc", debian_version("openrc"), 15, REBOOT),
    Init("runit", "inits", ("/sbin/runit",), "runit", debian_version("runit"), 18, REBOOT),
    Init("s6-svscan", "inits", ("/usr/bin/s6-svscan", "/etc/e2e-s6"), "s6", debian_version("s6"), 15),
    Init("finit", "inits", ("/sbin/finit",), "finit", debian_version("finit"), 12, REBOOT),
)}


@dataclass(frozen=True)
class Case:
    view: str
    engine: str
    cgroupns: str
    image: str
    tree: str = "engine"
    rootfs: str = "writable"
    secret: str = "none"
    method: str = "auto"
    chain: str = "one"
    init: str = ""  # one of INITS, where it is not the image's /sbin/init

    @property
    def title(self):
        """What differs from the plain boot: hybrid-docker-runc-host-bookworm-bind_rw."""
        parts = [self.view, self.engine, self.cgroupns, self.image]
        parts += [f"{field.name}_{getattr(self, field.name)}" for field in fields(self)[4:]
                  if getattr(self, field.name) != field.default]
        return "-".join(parts)

    @property
    def kind(self):
        return self.engine.split("-")[0]

    @property
    def runtime(self):
        return self.engine.split("-")[1]

    @property
    def systemd(self):
        return self.image in SYSTEMD_IMAGES

    @property
    def tty(self):
        """Inits flush their terminal when they start, and with it what the engine had not read yet: cginit's lines. Where
        those are looked for it is a pipe; systemd has what matters in the journal, too."""
        return self.image != "newest" and not self.init

    @property
    def layouts(self):
        """The layouts that the init may get, each a name that cginit's info line has."""
        if self.view == "unified" or self.image == "newest" or self.init == "finit":
            return {"unified"}
        # A bind of the host's tree shows cgroup2 to every init; else systemd is given it beside the v1 hierarchies, by a
        # fresh mount.
        shown = self.tree.startswith("bind-")
        if self.view == "hybrid" and (shown or (self.systemd and self.method != "bind")):
            return {"hybrid"}
        return {"legacy"}

    @property
    def at_host_root(self):
        """No cgroup2 but the host's own root, for an init that has to have cgroup2: only with --allow-host-cgroup."""
        return self.view in ("v1", "comount") and self.layouts == {"unified"}


def machine_v2_controllers():
    for path in ("/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/unified/cgroup.controllers"):
        if Path(path).exists():
            return Path(path).read_text().split()
    return []


def possible(row, v2_controllers=tuple(machine_v2_controllers())):
    """What the engines themselves can do, on a machine whose cgroup2 has these controllers, and cginit with that."""
    if Case(**row).at_host_root:
        return False  # test_inits.py boots these.
    if row["engine"].endswith("-crun"):
        # "cgroups in hybrid mode not supported, drop all controllers from cgroupv2"
        if row["view"] == "hybrid" and v2_controllers:
            return False
        # Docker always asks for something of io: "the requested cgroup controller `io` is not available"
        if row["view"] == "unified" and row["engine"] == "docker-crun" and "io" not in v2_controllers:
            return False
    # From inside a private namespace the host's tree is /../..: which of its cgroups is the own one cannot be told, so
    # that without a namespace of its own there is nothing cginit could bind. Podman's systemd mode shows the host's
    # name=systemd on v1.
    if row.get("method") == "bind" and row["cgroupns"] == "private":
        if row["tree"].startswith("bind-") or (row["tree"] == "podman-systemd" and row["view"] != "unified"):
            return False
    return row["tree"] != "podman-systemd" or row["engine"].startswith("podman")


def boot_cases(full=False, strength=2):
    """FULL: all that the engines can set up, each with one of cginit's own options at a time, and every three of the
    values together. Else every STRENGTH of them, two for a run that shall take minutes."""
    if full:
        setups = {name: DIMENSIONS[name] for name in ("view", "engine", "cgroupns", "image", "tree")}
        options = [{}, {"rootfs": "read-only"}, {"secret": "file"}, {"method": "bind"}, {"chain": "two"}]
        rows = [{**row, **option} for row in matrix.product(setups, possible) for option in options
                if possible({**row, **option}) and (not option or row["tree"] == "engine")]
        rows += matrix.selection(DIMENSIONS, possible, strength=3)
    else:
        rows = matrix.selection(DIMENSIONS, possible, strength)
    order = {name: DIMENSIONS[name] for name in ("view", "engine")}
    return sorted(dict.fromkeys(Case(**row) for row in rows),
                  key=lambda case: [values.index(getattr(case, name)) for name, values in order.items()])
