"""pytest's side of the tests that run inside a guest of tests/support/run-guest.py: which of them a kind of host gets."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness.hooks import pytest_runtest_makereport, pytest_runtest_protocol  # noqa: E402,F401
from real_host import KINDS, GuestSession  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "kinds(*names): the kinds of host that the test is for, if not for all")
    config.addinivalue_line("markers", "last: what it does to the host is not undone")


def _is_for_this_host(item):
    call = getattr(item, "callspec", None)
    kinds = [value.kinds for value in call.params.values() if hasattr(value, "kinds")] if call is not None else []
    kinds += [marker.args for marker in item.iter_markers("kinds")]
    return all(set(KINDS) & set(names) for names in kinds)


def pytest_collection_modifyitems(config, items):
    """What is for other hosts is not skipped: nothing is missing."""
    others = [item for item in items if not _is_for_this_host(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = sorted((item for item in items if item not in others),
                      key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def session():
    running = GuestSession()
    yield running
    running.close()
