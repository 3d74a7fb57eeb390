"""A cgroup namespace that cannot be returned to, on a v2 host with nsdelegate: from within a cgroup namespace no process can be
moved across its root."""

import pytest

from harness.from_above import boots_in_a_private_one, boots_there, falls_back_there
from real_host import VIEW
from test_v4_without_nsdelegate import v2_options


@pytest.mark.kinds("v2")
@pytest.mark.parametrize("way", [falls_back_there, boots_there, boots_in_a_private_one])
def test_a_cgroup_namespace_from_above(session, way):
    session.use_view(VIEW)
    assert "nsdelegate" in v2_options(session.view)
    way(session, VIEW)
    assert "nsdelegate" in v2_options(session.view), "such an engine cannot set it for the host"
