"""Real inits come up in every engine, view and variant, and everything that must hold does."""

from harness.boot import booted, check_everything


def test_boot(session, boot_case):
    with booted(session, boot_case) as container:
        check_everything(session, boot_case, container)
