"""Hundreds of boots leave the machine as it was."""

import re
import time
from pathlib import Path

import pytest

from harness import tally
from harness.boot import unchanged_machine
from harness.bundles import Runtime
from harness.leaks import LINGERING, zombies

# Of one lane; there are two.
BOOTS = 84
LANES = 2
# Of memory that the kernel cannot give back, per boot. What is in use at any moment goes up and down by some megabytes.
MOST_KB_PER_BOOT = 8
NOISE_KB = 6000


def kernel_memory():
    """KB that the kernel holds for itself, and cannot give back."""
    meminfo = dict(re.findall(r"^(\w+): +(\d+) kB$", Path("/proc/meminfo").read_text(), re.M))
    return int(meminfo["SUnreclaim"]) + int(meminfo["Percpu"]) + int(meminfo["KernelStack"])


def give_back():
    """Removed memory cgroups are freed with the last thing that was charged to them, be it only cached."""
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


@pytest.mark.parametrize("runtime, view, cgroupns", [
    pytest.param(*case, id="-".join(case), marks=pytest.mark.view(case[1]))
    for case in (("runc", "hybrid", "host"), ("crun", "v1", "private"), ("runc", "unified", "private"))])
def test_boots_leave_nothing(session, runtime, view, cgroupns):
    """Of an init that ends at once."""
    boots = Runtime(session, runtime, view)
    with unchanged_machine(session):
        bundles = [boots.bundle(boots.config(["/cginit", "--", "/bin/true"], cgroupns)) for _ in range(LANES)]
        boots.loop(bundles, 3, LANES, timeout=20)
        give_back()
        zombies_before = zombies(session.view).get(LINGERING, 0)
        before, begin = kernel_memory(), time.monotonic()
        statuses, said = boots.loop(bundles, BOOTS, LANES, timeout=60)
        seconds = time.monotonic() - begin
        assert statuses == [0] * LANES, "\n".join(said)
        views = sum(text.count("cginit: info: ") for text in said)
        assert views == LANES * BOOTS, f"{views} views in {LANES * BOOTS} boots"
        give_back()
        left = session.leaks.left()
        assert not left, "\n".join(left)
        lingering = zombies(session.view).get(LINGERING, 0) - zombies_before
        grown = kernel_memory() - before
    assert grown < NOISE_KB + MOST_KB_PER_BOOT * LANES * BOOTS, f"{grown} KB more in the kernel"
    # Each boot has two.
    assert lingering < LANES * BOOTS // 4, f"{lingering} more memory cgroups that are not freed"
    tally.add("boots in a loop", boots=LANES * BOOTS, seconds=round(seconds))
