"""What is combined with what: a full product, or a small selection in which every pair of values occurs."""

import itertools


def product(dimensions, valid):
    """All combinations that make sense, in order; DIMENSIONS maps a name to its values."""
    names = list(dimensions)
    rows = (dict(zip(names, values)) for values in itertools.product(*dimensions.values()))
    return [row for row in rows if valid(row)]


def _tuples(row, strength):
    return set(itertools.combinations(sorted(row.items()), strength))


def selection(dimensions, valid, strength=2):
    """The same rows for the same input, so few that each combination of STRENGTH values that is valid at all occurs.

    Greedy: the row that adds the most is taken first, the first of several equals.
    """
    candidates = product(dimensions, valid)
    numbers = {}
    masks = []
    for row in candidates:
        mask = 0
        for item in sorted(_tuples(row, strength)):
            mask |= 1 << numbers.setdefault(item, len(numbers))
        masks.append(mask)
    open_bits = (1 << len(numbers)) - 1
    chosen = []
    while open_bits:
        best = max(range(len(candidates)), key=lambda i: ((masks[i] & open_bits).bit_count(), -i))
        chosen.append(candidates[best])
        open_bits &= ~masks[best]
    return chosen
