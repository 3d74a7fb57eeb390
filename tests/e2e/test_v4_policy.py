"""--writable and --drop-cap in every view."""

import pytest

from harness import policy

# Every policy meets every view, and each of the three kinds of systemd; the newest has no v2 on a v1 host.
CASES = [
    ("hybrid", "bookworm", policy.TRACKING), ("v1", "trixie", policy.TRACKING), ("unified", "newest", policy.TRACKING),
    ("hybrid", "newest", policy.LISTED), ("v1", "bookworm", policy.LISTED), ("unified", "trixie", policy.LISTED),
    ("hybrid", "newest", policy.DROPPED), ("v1", "trixie", policy.DROPPED), ("unified", "bookworm", policy.DROPPED),
]


@pytest.mark.parametrize("view, image, option", [pytest.param(*case, id="-".join(case), marks=pytest.mark.view(case[0]))
                                                 for case in CASES])
def test_systemd_boots(session, view, image, option):
    engine = session.engine("docker", "runc", view)
    policy.check_boot(session, engine, image, [option], ["--memory", "700m"] if view != "unified" else [])
