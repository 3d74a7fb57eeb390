"""pytest's side of the end-to-end tests: options and order."""

import pytest

import cases
from harness import tally
from harness.hooks import pytest_runtest_makereport, pytest_runtest_protocol  # noqa: F401
from harness.leaks import none_left
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


def _view_of(item):
    """Tests say with @pytest.mark.view("v1") or through their case which view they need."""
    call = getattr(item, "callspec", None)
    for value in call.params.values() if call is not None else ():
        if hasattr(value, "view"):
            return value.view
    marker = item.get_closest_marker("view")
    return marker.args[0] if marker else ""


def pytest_configure(config):
    config.addinivalue_line("markers", "view(name): the cgroup view that the test needs; tests of one view run in a row")


def pytest_collection_modifyitems(items):
    """One view after the other: each is set up once, and torn down before the next one."""
    order = ["", *cases.DIMENSIONS["view"]]
    items.sort(key=lambda item: order.index(_view_of(item)))


@pytest.fixture(scope="session")
def session():
    running = Session()
    yield running
    running.close()


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
