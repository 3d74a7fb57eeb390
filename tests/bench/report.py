#!/usr/bin/env python3
"""report.py BINARY LEFT SAMPLES GROWTH...: the table, and which budgets are kept.

BINARY is cginit's release binary, LEFT the number of cgroups that the bench left behind. Each other file has the lines of one
run of the driver: NAME LINES NANOSECONDS PEAK_RSS_KB. Exit status 1 if a budget is not kept.
"""
import collections
import os
import statistics
import sys

MAX_TIMES_C = 2.0
MIN_TIMES_FASTER_THAN_BASH = 8.0
MAX_BINARY_BYTES = 2_300_000
MAX_PEAK_KB = 3 * 1024
# Ten times the lines take ten times as long if the growth is linear, a hundred times if it is quadratic.
MAX_GROWTH = 12.0


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


def main():
    binary, left, base_path, *growth_paths = sys.argv[1:]
    base = {name: Times(samples) for name, samples in load(base_path).items()}
    ours, c, bash = base["cginit"], base["C"], base["bash"]
    size = os.path.getsize(binary)

    print(f"execve to the init's first instruction, microseconds; {ours.lines} lines in mountinfo, {ours.count} rounds\n")
    table(["", "median", "min", "x C (median)", "x C (min)", "peak RSS kB"],
          [[name, f"{t.median:.0f}", f"{t.least:.0f}", f"{t.median / c.median:.2f}", f"{t.least / c.least:.2f}", str(t.peak)]
           for name, t in base.items()])

    growth = []
    for path in growth_paths:
        samples = load(path)
        growth.append((Times(samples["C"]), Times(samples["cginit"])))
    table(["lines", "rounds", "cginit median", "min", "C median", "min", "ratio (median)", "ratio (min)", "cginit peak RSS kB"],
          [[str(t.lines), str(t.count), f"{t.median:.0f}", f"{t.least:.0f}", f"{k.median:.0f}", f"{k.least:.0f}",
            f"{t.median / k.median:.2f}", f"{t.least / k.least:.2f}", str(t.peak)] for k, t in growth])

    # What the lines cost: all of the time but that of the container without them. The kernel's own share, which has to
    # write them down, is in both.
    by_lines = {t.lines: (k, t) for k, t in growth}
    (k_less, t_less), (k_more, t_more) = by_lines[1000], by_lines[10000]
    ours_growth = (t_more.median - ours.median) / max(t_less.median - ours.median, 1)
    c_growth = (k_more.median - c.median) / max(k_less.median - c.median, 1)
    limit = max(MAX_GROWTH, MAX_GROWTH / 10 * c_growth)

    results = [
        verdict(ours.median <= MAX_TIMES_C * c.median,
                f"{ours.median / c.median:.2f} times the same system calls in C (at most {MAX_TIMES_C})"),
        verdict(bash.median >= MIN_TIMES_FASTER_THAN_BASH * ours.median,
                f"{bash.median / ours.median:.1f} times faster than bash (at least {MIN_TIMES_FASTER_THAN_BASH:.0f})"),
        verdict(ours_growth <= limit,
                f"from 1000 to 10000 lines {ours_growth:.1f} times the cost, C {c_growth:.1f} times (at most {limit:.1f})"),
        verdict(size <= MAX_BINARY_BYTES, f"{size / 1e6:.2f} MB binary (at most {MAX_BINARY_BYTES / 1e6:.1f})"),
        verdict(ours.peak <= MAX_PEAK_KB, f"{ours.peak / 1024:.2f} MiB resident at the peak (at most {MAX_PEAK_KB / 1024:.0f})"),
        verdict(left == "0", f"{left} cgroups left behind (none)"),
    ]
    return 0 if all(results) else 1


sys.exit(main())
