"""pytest's side of the tests that run inside the root file system of today's engines, tests/support/in-debian.sh."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import cases  # noqa: E402
from harness.hooks import (in_order, nothing_leaks, pytest_runtest_makereport, pytest_runtest_protocol,  # noqa: E402,F401
                           pytest_terminal_summary)
from harness.session import Session  # noqa: E402
from versions import VERSIONS  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "view(name): the cgroup view that the test needs; tests of one view run in a row")


def pytest_report_header():
    return "engines: " + VERSIONS


def pytest_collection_modifyitems(items):
    in_order(items, cases.DIMENSIONS["view"])


@pytest.fixture(scope="session")
def session():
    running = Session()
    # systemd-nspawn's own mount is there as long as its container.
    running.engine_directories += ("/run/systemd/nspawn",)
    yield running
    running.close()
