"""What the tests of this run did how often, for the end of pytest's output."""

from collections import Counter

_COUNTS = {}


def add(subject, **counts):
    """add("races", execs=12): counts of one subject make one line, in the order in which they came."""
    _COUNTS.setdefault(subject, Counter()).update(counts)


def lines():
    return [f"{subject}: " + ", ".join(f"{count:g} {name.replace('_', ' ')}" for name, count in counts.items())
            for subject, counts in _COUNTS.items()]
