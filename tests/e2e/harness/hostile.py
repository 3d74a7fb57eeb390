"""A container that is set up against cginit, and the judgement: it boots with a good view, or says why and is as before."""

import re
import shlex
from dataclasses import dataclass
from typing import Callable, Optional

from . import checks
from .bundles import OUT
from .probe import parse_probe

# What the container is before and after a cginit that gives up; $PROC is where /proc is to be found.
_FACTS = f'facts() {{ (ulimit -n 64; cat "$PROC/self/mountinfo" "$PROC/self/cgroup"; ls -l "$PROC/self/ns/cgroup"; ' \
         f'ls -A /proc/driver) >"{OUT}/$1" 2>&1; }}'
TRUE = ("/bin/true",)


def probing(where=""):
    """The init that looks around, where it may open files; WHERE are variables of the probe."""
    return "/bin/sh", "-c", f"ulimit -n 64; {where} exec /e2e/probe >{OUT}/probe 2>&1"


@dataclass(frozen=True)
class Setup:
    """SCRIPT is run in the container before cginit, LAST by the process that becomes cginit, CHANGE on the bundle's
    configuration. The init comes up, or cginit ends with STATUS and one error that has all of SAYS."""

    title: str
    script: str = ":"
    last: str = ":"
    change: Optional[Callable] = None
    init: tuple = probing()
    options: tuple = ()  # of cginit's
    runtime_options: tuple = ()
    status: int = 0
    says: tuple = ()
    proc: str = "/proc"
    within: str = ""  # a directory to chroot to
    direct: bool = False  # no shell before cginit, which would be in the way

    def command(self, as_init=True):
        """As PID 1; or as its child, where the facts before and after can be told."""
        words = [*(["chroot", self.within] if self.within else []), "/cginit", *self.options, "--", *self.init]
        if self.direct:
            return words
        cginit = shlex.join(words)
        start = f"{self.last}; exec {cginit}"
        if not as_init:
            start = f"facts before; ({start}); status=$?; facts after; exit $status"
        return ["/bin/sh", "-c", f"PROC={self.proc}; {_FACTS}; {self.script}; {start}"]


def _comparable(facts):
    """Without the numbers of mounts and their peer groups, which are others for a mount that was moved and moved back."""
    # 161 160 0:29 /docker/0a59 /sys/fs/cgroup/cpu ro,nosuid shared:7 - cgroup cgroup rw,cpu
    lines = [re.sub(r"^\d+ \d+ ", "", re.sub(r" (shared|master|propagate_from):\d+", "", line)) for line in facts.splitlines()]
    # lrwxrwxrwx 1 root root 0 Nov 23 04:30 /proc/self/ns/cgroup -> cgroup:[4026532333]
    return sorted(re.sub(r"^.* (\S+ -> cgroup:)", r"\1", line) for line in lines)


def _check_view(outcome, flat):
    seen = parse_probe((outcome.out / "probe").read_text(errors="replace"))
    assert seen.mounts, "no cgroups at all"
    for mount in seen.mounts:
        assert mount.root == "/", f"V1: {mount.point} shows {mount.root}"
    checks.check_consistent(seen)
    checks.check_writable(seen, flat)


def _check_refusal(setup, outcome):
    assert outcome.status == setup.status, f"exit status {outcome.status}, not {setup.status}:\n{outcome.said[-2000:]}"
    assert len(outcome.errors) == 1, f"{len(outcome.errors)} errors, not one:\n{outcome.said[-2000:]}"
    assert len(outcome.errors[0]) < 2000, f"an error of {len(outcome.errors[0])} characters"
    for part in setup.says:
        assert part in outcome.errors[0], f"nothing about {part}:\n{outcome.errors[0]}"


def _check_nothing_changed(outcome):
    before, after = (_comparable((outcome.out / name).read_text(errors="replace")) for name in ("before", "after"))
    assert any("/sys/fs/cgroup" in line or " sysfs " in line for line in before), f"no facts:\n{before}"
    assert before == after, f"V6: {set(before) ^ set(after)}"


def judge(runtime, setup):
    """Fails if the container is neither the one nor the other."""
    outcome = runtime.run(setup.command(), setup.change, options=setup.runtime_options)
    rehearsal = "--dry-run" in setup.options
    if not setup.status:
        assert outcome.status == 0, f"exit status {outcome.status}:\n{outcome.said[-2000:]}"
        assert not outcome.errors, outcome.said[-2000:]
        if setup.init[0] != TRUE[0] and not rehearsal:
            _check_view(outcome, runtime.view.flat_controllers())
        return
    _check_refusal(setup, outcome)
    if setup.status == 125 and not setup.direct and not rehearsal:
        again = runtime.run(setup.command(as_init=False), setup.change, options=setup.runtime_options)
        _check_refusal(setup, again)
        _check_nothing_changed(again)


def judge_all(runtime, setups):
    """Every one of them, whatever the one before came to."""
    wrong = []
    for setup in setups:
        try:
            judge(runtime, setup)
        except (AssertionError, OSError) as error:
            wrong.append(f"{setup.title}: {error}")
    assert not wrong, f"{len(wrong)} of {len(setups)}:\n" + "\n\n".join(wrong)
