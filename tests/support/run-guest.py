#!/usr/bin/python3
"""Boots a real host in QEMU, runs a command there as root, and ends with the command's exit status.

    run-guest.py [--programs DIR] [--result DIR] [--timeout SECONDS] KIND COMMAND...
    run-guest.py --programs DIR

KIND is v1, hybrid or v2, with systemd as the host's init, or v1-flat, without systemd on a kernel whose v1 memory
hierarchy is flat; today is a v2 host of Debian's testing suite, selinux the same with SELinux enforcing. The command runs in a
copy of this checkout's tests, docs and examples; CGINIT_BIN, CGINIT_PROGRAMS and CGINIT_RESULT name the binary under test,
the compiled test programs, and the directory that comes back as DIR. 124: it took too long; 125: the guest did not come up,
or went away. --programs: they are there; without KIND they are made there.

The guest has no network, one processor, and a disk whose changes are thrown away. CGINIT_GUEST_ACCEL=kvm makes it fast
where stock kernels boot under KVM; QEMU's own translation works everywhere.
"""

import argparse
import os
import resource
import shlex
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from harness import attacks, host_settings, images, leftovers  # noqa: E402


@dataclass(frozen=True)
class Kind:
    guest: str  # make-guest.sh's name
    kernel: str  # the suite that it is from
    arguments: str
    processors: int = 1


LEGACY = "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller"
# The second processor is for the one test that needs it: two are slower than one where both are translated.
KINDS = {
    "v1": Kind("stable", "bookworm", f"{LEGACY}=1"),
    "hybrid": Kind("stable", "bookworm", f"{LEGACY}=0"),
    "v2": Kind("stable", "bookworm", "systemd.unified_cgroup_hierarchy=1 maxcpus=1", processors=2),
    "v1-flat": Kind("stable", "bullseye", "init=/usr/local/sbin/flat-init"),
    "today": Kind("today", "forky", "maxcpus=1", processors=2),
    "selinux": Kind("selinux", "forky", "security=selinux selinux=1 enforcing=1"),
}
QUIET = ("console=ttyS0 panic=-1 quiet loglevel=4 systemd.show_status=0 net.ifnames=0 mitigations=off tsc=reliable "
         "no_timer_check random.trust_cpu=on systemd.condition_needs_update=0")
# Not the processor with most features: wide vector instructions are what is translated worst.
ACCELERATORS = {"tcg": ["-accel", "tcg,tb-size=512", "-cpu", "Westmere,+rdrand"], "kvm": ["-accel", "kvm", "-cpu", "host"]}
# How much slower than the machine itself a translated one is: the tests' time limits are for the machine.
PATIENCE = {"tcg": 4, "kvm": 1}
# For the kernel and the init before the command, and for the result after it.
BOOT_SECONDS = 150
MEMORY_MIB, RESULT_MIB = 3072, 64
PASSED_ON = ("CGINIT_MUST_RUN",)


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--programs", type=Path)
    parser.add_argument("--result", type=Path)
    parser.add_argument("--timeout", type=int, default=300)
    parser.add_argument("kind", choices=KINDS, nargs="?")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if arguments.kind is None and arguments.programs is None:
        parser.error("which KIND?")
    return arguments


def compile_programs(directory):
    directory.mkdir(parents=True, exist_ok=True)
    images.compile_programs(directory)
    attacks.compile_program(directory)
    host_settings.compile_program(directory)
    leftovers.compile_program(directory)


def accelerator():
    return os.environ.get("CGINIT_GUEST_ACCEL", "tcg")


def pack_job(target, arguments, work):
    """The second disk: a tar with the command and all that it needs."""
    kind, command, timeout = arguments.kind, arguments.command, arguments.timeout
    programs = arguments.programs or work / "programs"
    if arguments.programs is None:
        compile_programs(programs)
    variables = {"CGINIT_BIN": "/job/cginit", "CGINIT_PROGRAMS": "/job/programs", "CGINIT_RESULT": "/job/result",
                 "CGINIT_GUEST_KIND": kind, "CGINIT_PATIENCE": PATIENCE[accelerator()], "PYTHONDONTWRITEBYTECODE": "1"}
    variables |= {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    script = work / "command"
    script.write_text("#!/bin/sh\ncd /job/checkout || exit\nexec env " +
                      shlex.join([*(f"{name}={value}" for name, value in variables.items()),
                                  "timeout", "--signal=INT", "--kill-after=60", str(timeout), *command]) + "\n")
    script.chmod(0o755)
    with tarfile.open(target, "w") as tar:
        tar.add(script, "command")
        tar.add(images.binary_under_test(), "cginit")
        tar.add(programs, "programs")
        for directory in ("docs", "tests/e2e", "tests/hosts", "tests/support", "examples"):
            tar.add(ROOT / directory, f"checkout/{directory}",
                    filter=lambda entry: None if "__pycache__" in entry.name else entry)


def qemu(directory, kind, work):
    drive = "if=virtio,format=raw,cache=unsafe,file="
    return [
        # It ends with this process, however that ends.
        "setpriv", "--pdeathsig", "TERM", "qemu-system-x86_64", "-machine", "q35", *ACCELERATORS[accelerator()],
        "-smp", str(kind.processors), "-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config", "-display", "none",
        "-nic", "none", "-no-reboot",
        "-kernel", directory / f"vmlinuz-{kind.kernel}", "-initrd", directory / f"initrd-{kind.kernel}",
        "-append", f"{QUIET} {kind.arguments}", "-drive", f"snapshot=on,{drive}{directory}/root.img",
        "-drive", f"readonly=on,{drive}{work}/job.tar", "-drive", f"{drive}{work}/result.tar",
        "-serial", f"file:{work}/console", "-serial", "stdio"]


def boot(command, work, seconds):
    """Runs QEMU to its end, with the job's output on our own; False if that took too long."""
    with open(work / "qemu.log", "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, env={**os.environ, "TMPDIR": str(work)})
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        process.kill()
        process.wait()


def main():
    arguments = parse_arguments()
    if arguments.kind is None:
        compile_programs(arguments.programs)
        return 0
    kind = KINDS[arguments.kind]
    made = subprocess.run([SUPPORT / "make-guest.sh", kind.guest], check=True, stdout=subprocess.PIPE, text=True)
    # Not below /tmp: that may be a tmpfs, and the snapshot grows.
    with tempfile.TemporaryDirectory(prefix="cginit-guest-", dir="/var/tmp") as name:
        work = Path(name)
        pack_job(work / "job.tar", arguments, work)
        for disk, mebibytes in (("job.tar", 1), ("result.tar", RESULT_MIB)):
            with open(work / disk, "ab") as file:
                size = file.tell()
                # A disk is made of whole sectors.
                file.truncate(max(mebibytes << 20, (size + (1 << 20)) >> 20 << 20))
        begin = time.monotonic()
        in_time = boot(qemu(Path(made.stdout.strip()), kind, work), work, arguments.timeout + BOOT_SECONDS)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"{arguments.kind} guest: {time.monotonic() - begin:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of them "
              "computing", flush=True)
        result = arguments.result or work / "result"
        result.mkdir(parents=True, exist_ok=True)
        try:
            with tarfile.open(work / "result.tar") as tar:
                tar.extractall(result)
            return int((result / "status").read_text())
        except (tarfile.TarError, FileNotFoundError):
            said = "".join((work / name).read_text(errors="replace")[-4000:] for name in ("qemu.log", "console"))
            print(f"the {arguments.kind} guest {'ended without a result' if in_time else 'took too long'}; it said\n{said}")
            return 125 if in_time else 124


if __name__ == "__main__":
    sys.exit(main())
