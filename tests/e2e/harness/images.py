"""The images that the engines import: a cached root file system, plus the binary under test and what the tests need."""

import os
import re
import shutil
import tarfile
import time
from pathlib import Path

from .host import SUPPORT
from .shell import run

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]

# What the files in image/inits take the place of, and Debian's boot scripts: those are for machines. With CAP_SYS_ADMIN
# they mount over what the engine mounted, set the clock and unmount everything at the end.
REPLACED = re.compile(r"\./etc/(inittab|finit\.conf|finit\.d/.*\.conf|runit/[123]|runlevels/\w+/.+)")
UNITS = ("e2e-probe.service", "e2e-limited.service", "e2e-hog.service", "e2e-forks.service")


def binary_under_test():
    """CGINIT_BIN, else what the release preset built."""
    named = os.environ.get("CGINIT_BIN")
    if named:
        return Path(named).resolve()
    found = sorted(path for path in (ROOT / "build" / "release").glob("**/cginit")
                   if path.is_file() and os.access(path, os.X_OK))
    if not found:
        raise FileNotFoundError("build/release has no cginit: run cmake --preset release && cmake --build --preset release")
    return found[0]


def compile_programs(directory):
    """The init that tells how it was started, the storm of forks, and what crun needs where root has no CAP_SYS_RESOURCE."""
    programs = HERE / "programs"
    run("gcc", "-O2", "-Wall", "-static", "-o", directory / "dump-init", programs / "dump-init.c")
    run("gcc", "-O2", "-Wall", "-static", "-o", directory / "forks", programs / "forks.c")
    run("gcc", "-O2", "-Wall", "-shared", "-fPIC", "-o", directory / "setrlimit-shim.so",
        programs / "setrlimit-shim.c", "-ldl")


def _add(tar, source, target, mode):
    info = tar.gettarinfo(source, target)
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mode = mode
    with open(source, "rb") as content:
        tar.addfile(info, content)


def _empty(target):
    info = tarfile.TarInfo(target)
    info.mtime = time.time()
    return info


def _add_link(tar, target, to):
    info = tarfile.TarInfo(target)
    info.type = tarfile.SYMTYPE
    info.linkname = to
    tar.addfile(info)


def _add_tree(tar, source):
    """What lies below SOURCE, as it would below /."""
    for path in sorted(source.rglob("*")):
        target = f"./{path.relative_to(source)}"
        if path.is_symlink():
            _add_link(tar, target, os.readlink(path))
        elif path.is_file():
            _add(tar, path, target, path.stat().st_mode & 0o755)


def _copy_without(base, target, left_out):
    """Engines refuse a tarball that has a file twice."""
    with tarfile.open(base) as source, tarfile.open(target, "w") as tar:
        for member in source:
            if not left_out.fullmatch(member.name):
                tar.addfile(member, source.extractfile(member) if member.isreg() else None)


def _add_programs(tar, programs):
    _add(tar, binary_under_test(), "./cginit", 0o755)
    for program in ("dump-init", "forks"):
        _add(tar, programs / program, f"./e2e/{program}", 0o755)


def add_programs(tarball, programs):
    with tarfile.open(tarball, "a", dereference=True) as tar:
        _add_programs(tar, programs)


def root_file_system(name):
    """Its tarball. In another Debian's root, in-debian.sh, those are taken that were made outside."""
    made = os.environ.get("CGINIT_IMAGES")
    return Path(made) / f"{name}.tar" if made else run(SUPPORT / "make-image.sh", name, timeout=600).stdout.split()[-1]


def build_image(name, target, programs=None):
    """Makes the tarball of the image: the cached root file system NAME with /cginit and /e2e added; without cginit and what
    is compiled if no PROGRAMS are given."""
    base = root_file_system(name)
    if name == "inits":
        _copy_without(base, target, REPLACED)
    else:
        shutil.copyfile(base, target)
    image = HERE / "image"
    with tarfile.open(target, "a", dereference=True) as tar:
        if programs is not None:
            _add_programs(tar, programs)
        for script in ("probe", "probe-service"):
            _add(tar, image / script, f"./e2e/{script}", 0o755)
        _add(tar, image / "probe", "./e2e/not-executable", 0o644)
        _add(tar, image / "e2e-probe.service", "./e2e/no-program", 0o755)
        if name == "busybox":
            _add(tar, image / "rc-probe", "./etc/rc.d/e2e-probe", 0o755)
        elif name == "inits":
            _add_tree(tar, image / "inits")
        else:
            for unit in UNITS:
                _add(tar, image / unit, f"./etc/systemd/system/{unit}", 0o644)
            for directory in ("etc", "var"):
                # Newer than /usr: else each container's first boot spends its time on ldconfig and the like.
                tar.addfile(_empty(f"./{directory}/.updated"))
            _add_link(tar, "./etc/systemd/system/multi-user.target.wants/e2e-limited.service", "../e2e-limited.service")
    return target
