"""What --explain says of a container, and the container that follows its first cure."""

import json
import shlex

from .boot import unchanged_machine
from .probe import wait_for_boot


def explain(engine, options, *, image="bookworm", sys_admin=False, form="json"):
    """What cginit says, and its exit status; nothing may have changed."""
    with unchanged_machine(engine.session):
        result = engine.run(image, f"--explain={form}", "/sbin/init", options=options, sys_admin=sys_admin)
    assert result.returncode in (0, 1), result.stdout + result.stderr
    assert result.stderr == ""
    return (json.loads(result.stdout) if form == "json" else result.stdout), result.returncode


def without(options, unwanted):
    kept, skip = [], False
    for position, option in enumerate(options):
        named = option.replace("--volume", "-v") in unwanted
        if not named and not skip:
            kept.append(option)
        skip = named and position + 1 < len(options) and not options[position + 1].startswith("-")
    return kept


def follow(options, remedy):
    """The options of `run` with the remedy that cginit named, as somebody would copy it."""
    setting = remedy["setting"]
    if remedy["where"] == "cginit":
        return [*options, "--env", setting]
    if setting.startswith("leave out "):
        kept = without(options, [word for word in shlex.split(setting) if word.startswith("-")])
        assert kept != options, f"nothing of {options} is left out by: {setting}"
        return kept
    setting, _, replaced = setting.partition(" instead of ")
    return [*without(options, shlex.split(replaced)), *shlex.split(setting)]


def runs(container):
    assert wait_for_boot(container, True) == "running"


def boots(engine, options, check=runs, image="bookworm"):
    with unchanged_machine(engine.session) as compare:
        with engine.start(image, "/sbin/init", options=options, sys_admin=False) as container:
            check(container)
            compare(running=[container.id])


def cure_and_boot(engine, options, code, ground="facts", check=runs, image="bookworm"):
    """The container is refused with this code, its first cure is followed as it stands, and then it boots."""
    told, status = explain(engine, options, image=image)
    assert status == 1 and not told["works"]
    first = told["missing"][0]
    assert (first["code"], first["ground"]) == (code, ground), told["missing"]
    assert first["remedies"][0]["where"] in (engine.kind, "cginit"), first["remedies"]
    text, _ = explain(engine, options, form="text", image=image)
    screen = text.splitlines()[:24]
    assert any(first["remedies"][0]["setting"] in line for line in screen), "the cure is not on the first screen:\n" + text
    cured = follow(options, first["remedies"][0])
    better, status = explain(engine, cured, image=image)
    assert status == 0 and better["works"], better["missing"]
    assert better["trial"]["tried"]
    boots(engine, cured, check, image)
