"""pytest hooks and fixtures of more than one conftest.py: time limits, skips that are not allowed, the order, what leaks."""

import os
import signal

import pytest

from . import tally
from .leaks import none_left
from .shell import PATIENCE

TEST_TIMEOUT = 240


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    limit = round(TEST_TIMEOUT * PATIENCE)

    def too_long(number, frame):
        raise TimeoutError(f"the test took more than {limit} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(limit)
    yield
    signal.alarm(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CGINIT_MUST_RUN") == "1":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"CGINIT_MUST_RUN=1 forbids this skip: {reason}"


def view_of(item):
    """Tests say with @pytest.mark.view("v1") or through their case which view they need."""
    call = getattr(item, "callspec", None)
    for value in call.params.values() if call is not None else ():
        if hasattr(value, "view"):
            return value.view
    marker = item.get_closest_marker("view")
    return marker.args[0] if marker else ""


def in_order(items, views):
    """One view after the other: each is set up once, and torn down before the next one."""
    order = ["", *views]
    items.sort(key=lambda item: order.index(view_of(item)))


@pytest.fixture(autouse=True)
def nothing_leaks(request):
    """After every test that had containers."""
    if "session" not in request.fixturenames:
        yield
        return
    with none_left(request.getfixturevalue("session")):
        yield


def pytest_terminal_summary(terminalreporter):
    for line in tally.lines():
        terminalreporter.write_line(f"counted: {line}")
