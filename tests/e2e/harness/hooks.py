"""pytest hooks of every conftest.py: time limits, and skips that are not allowed."""

import os
import signal

import pytest

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
