"""pytest's side of the end-to-end tests: options and order."""

import pytest

import cases
from harness.hooks import (in_order, nothing_leaks, pytest_runtest_makereport, pytest_runtest_protocol,  # noqa: F401
                           pytest_terminal_summary)
from harness.session import Session


def pytest_addoption(parser):
    group = parser.getgroup("cginit")
    group.addoption("--full", action="store_true", help="boot all that can be combined, not a selection")
    group.addoption("--strength", type=int, default=2, help="how many values of the matrix occur in every combination")


def pytest_generate_tests(metafunc):
    if "boot_case" in metafunc.fixturenames:
        option = metafunc.config.getoption
        chosen = cases.boot_cases(option("--full"), option("--strength"))
        metafunc.parametrize("boot_case", chosen, ids=[case.title for case in chosen])


def pytest_configure(config):
    config.addinivalue_line("markers", "view(name): the cgroup view that the test needs; tests of one view run in a row")


def pytest_collection_modifyitems(items):
    in_order(items, cases.DIMENSIONS["view"])


@pytest.fixture(scope="session")
def session():
    running = Session()
    yield running
    running.close()
