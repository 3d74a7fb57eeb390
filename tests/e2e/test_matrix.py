"""The selection of cases: needs nothing, so it says early when the matrix is not what it claims to be."""

import itertools

import cases
from harness import matrix

DIMENSIONS = {"a": [1, 2, 3], "b": ["x", "y"], "c": [False, True], "d": [0, 1, 2]}


def pairs(rows):
    return {pair for row in rows for pair in itertools.combinations(sorted(row.items()), 2)}


def everything(_):
    return True


def some(row):
    return not (row["a"] == 1 and row["b"] == "y") and not (row["c"] and row["d"] == 2)


def test_every_valid_pair_occurs():
    for valid in (everything, some):
        rows = matrix.selection(DIMENSIONS, valid)
        assert all(valid(row) for row in rows)
        assert pairs(rows) == pairs(matrix.product(DIMENSIONS, valid))


def test_the_selection_is_small_and_stable():
    rows = matrix.selection(DIMENSIONS, everything)
    assert len(rows) <= 12 < len(matrix.product(DIMENSIONS, everything))
    assert rows == matrix.selection(DIMENSIONS, everything)


def test_strength_three():
    rows = matrix.selection(DIMENSIONS, everything, strength=3)
    assert {t for row in rows for t in itertools.combinations(sorted(row.items()), 3)} == {
        t for row in matrix.product(DIMENSIONS, everything) for t in itertools.combinations(sorted(row.items()), 3)}


def test_every_value_of_the_boot_matrix_is_booted():
    for full in (False, True):
        chosen = cases.boot_cases(full)
        for name, values in cases.DIMENSIONS.items():
            assert {getattr(case, name) for case in chosen} == set(values)
        assert len({case.title for case in chosen}) == len(chosen)
