#!/usr/bin/env python3
"""report.py full|wide LEFT SAMPLES GROWTH...: the tables, and which budgets are kept.

LEFT is the number of cgroups that the bench left behind. Each other file has the lines of one
run of the driver: NAME LINES NANOSECONDS PEAK_RSS_KB; wide needs none of GROWTH. Exit status 1 if a budget is not kept.
"""
import collections
import statistics
import sys

Bounds = collections.namedtuple("Bounds", "times_c times_faster_than_bash growth peak_kb cgroups_left")

# At most so much, of times_faster_than_bash at least. None is not asked about: wide is for the ratios that a busy machine
# leaves as they are. Of growth: ten times the lines take ten times as long if it is linear, a hundred times if it is quadratic.
BOUNDS = {
    "full": Bounds(times_c=2.0, times_faster_than_bash=8.0, growth=12.0, peak_kb=3 * 1024, cgroups_left=0),
    "wide": Bounds(times_c=3.0, times_faster_than_bash=7.0, growth=None, peak_kb=None, cgroups_left=0),
}


def load(path):
    samples = collections.defaultdict(list)
    with open(path, encoding="ascii") as file:
        for line in file:
            name, lines, nanoseconds, peak = line.split()
            samples[name].append((int(nanoseconds) / 1000, int(peak), int(lines)))
    return samples


class Times:
    """Microseconds of one candidate."""

    def __init__(self, samples):
        times = [sample[0] for sample in samples]
        self.count = len(times)
        self.median = statistics.median(times)
        self.least = min(times)
        self.peak = max(sample[1] for sample in samples)
        self.lines = samples[0][2]


def table(head, rows):
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    for line in [head, *rows]:
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())
    print()


def verdict(kept, text):
    print(f"{'PASS' if kept else 'FAIL'}  {text}")
    return kept


def show_base(base):
    ours, c = base["cginit"], base["C"]
    print(f"execve to the init's first instruction, microseconds; {ours.lines} lines in mountinfo, {ours.count} rounds\n")
    table(["", "median", "min", "x C (median)", "x C (min)", "peak RSS kB"],
          [[name, f"{t.median:.0f}", f"{t.least:.0f}", f"{t.median / c.median:.2f}", f"{t.least / c.least:.2f}", str(t.peak)]
           for name, t in base.items()])


def show_growth(growth):
    table(["lines", "rounds", "cginit median", "min", "C median", "min", "ratio (median)", "ratio (min)", "cginit peak RSS kB"],
          [[str(t.lines), str(t.count), f"{t.median:.0f}", f"{t.least:.0f}", f"{k.median:.0f}", f"{k.least:.0f}",
            f"{t.median / k.median:.2f}", f"{t.least / k.least:.2f}", str(t.peak)] for k, t in growth])


def cost_of_lines(base, growth):
    """How many times as much 10000 lines cost as 1000: C's and cginit's.

    The cost is all of the time but that of the container without them. The kernel's own share, which has to write them down,
    is in both.
    """
    by_lines = {times[0].lines: times for times in growth}
    return [(more.median - plain.median) / max(less.median - plain.median, 1)
            for plain, less, more in zip((base["C"], base["cginit"]), by_lines[1000], by_lines[10000])]


def judge(bounds, base, growth, left):
    """A verdict for each bound."""
    ours, c, bash = base["cginit"], base["C"], base["bash"]
    times_c, times_faster = ours.median / c.median, bash.median / ours.median
    yield verdict(times_c <= bounds.times_c, f"{times_c:.2f} times the same system calls in C (at most {bounds.times_c})")
    yield verdict(times_faster >= bounds.times_faster_than_bash,
                  f"{times_faster:.1f} times faster than bash (at least {bounds.times_faster_than_bash:.0f})")
    if bounds.growth is not None:
        c_growth, our_growth = cost_of_lines(base, growth)
        limit = max(bounds.growth, bounds.growth / 10 * c_growth)
        yield verdict(our_growth <= limit, f"from 1000 to 10000 lines {our_growth:.1f} times the cost, "
                                           f"C {c_growth:.1f} times (at most {limit:.1f})")
    if bounds.peak_kb is not None:
        yield verdict(ours.peak <= bounds.peak_kb,
                      f"{ours.peak / 1024:.2f} MiB resident at the peak (at most {bounds.peak_kb / 1024:.0f})")
    yield verdict(left <= bounds.cgroups_left, f"{left} cgroups left behind (at most {bounds.cgroups_left})")


def main():
    which, left, base_path, *growth_paths = sys.argv[1:]
    base = {name: Times(samples) for name, samples in load(base_path).items()}
    growth = [(Times(samples["C"]), Times(samples["cginit"])) for samples in map(load, growth_paths)]
    show_base(base)
    if growth:
        show_growth(growth)
    return 0 if all(list(judge(BOUNDS[which], base, growth, int(left)))) else 1


sys.exit(main())
