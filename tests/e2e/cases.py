"""The boots: which engine, view, image and option are combined."""

from dataclasses import dataclass, fields
from pathlib import Path

from harness import matrix

DIMENSIONS = {
    "view": ("hybrid", "v1", "comount", "unified"),
    "engine": ("docker-runc", "docker-crun", "podman-runc", "podman-crun"),
    "cgroupns": ("host", "private"),
    "image": ("bookworm", "trixie", "busybox"),
    # What is at /sys/fs/cgroup when cginit starts: the engine's own mounts, a bind of the host's tree (a user's -v), or
    # what podman --systemd=always makes of it.
    "tree": ("engine", "bind-ro", "bind-rw", "bind-rshared", "podman-systemd"),
    "rootfs": ("writable", "read-only"),
    "secret": ("none", "file"),
    "method": ("auto", "bind"),
    # An image that has cginit as its entrypoint may be given cginit once more.
    "chain": ("one", "two"),
}


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
        return self.image != "busybox"


def machine_v2_controllers():
    for path in ("/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/unified/cgroup.controllers"):
        if Path(path).exists():
            return Path(path).read_text().split()
    return []


def possible(row, v2_controllers=tuple(machine_v2_controllers())):
    """What the engines themselves can do, on a machine whose cgroup2 has these controllers."""
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
