"""`docker update` and `podman update` with today's engines, where this machine has the controllers: on v1."""

import pytest

from harness import updates
from harness.tables import Tables
from test_ways import COLUMNS, TABLE


@pytest.mark.parametrize("column", ["Docker", "Podman, crun", "Podman, runc"])
@pytest.mark.view("v1")
def test_limits_that_the_engine_changes(session, column):
    engine = session.engine(*COLUMNS[column], "v1")
    with updates.limited(session, engine, "private") as container:
        for change in updates.CHANGES:
            # crun writes the rules for devices, too, of which the kernel refuses one, and says no more than that it failed.
            refusal = "crun update" if column.endswith("crun") else "device or resource busy"
            seen = updates.outcome(container, session.view, change, change.v1, refusal)
            Tables(TABLE).hold("What a running container is given", change.row, column, seen)
