#!/usr/bin/env python3
"""--explain=json of every capture fulfils docs/explain.schema.json, and agrees with the text and the exit status.

    check_explain.py CGINIT SOURCE_DIR
"""

import copy
import json
import subprocess
import sys
from pathlib import Path

import jsonschema

# One of each way to decide.
INITS = ["systemd:252", "systemd:219", "systemd:262", "busybox"]


def explain(cginit, capture, init, form):
    return subprocess.run([cginit, "--root", str(capture), "--init-traits", init, f"--explain={form}"],
                          capture_output=True, text=True, check=False, env={})


def problems_of(cginit, validator, documented, capture, init):
    answer = explain(cginit, capture, init, "json")
    where = f"{capture.name}, {init}"
    if answer.stderr or answer.returncode not in (0, 1):
        return [f"{where}: exit status {answer.returncode}: {answer.stderr}"]
    told = json.loads(answer.stdout)
    found = [f"{where}: {error.json_path}: {error.message}" for error in validator.iter_errors(told)]
    if told["works"] != (answer.returncode == 0) or told["works"] == bool(told["missing"]):
        found.append(f"{where}: works is {told['works']}, the exit status {answer.returncode}")
    text = explain(cginit, capture, init, "text")
    for finding in told["missing"]:
        if finding["code"] not in documented:
            found.append(f"{where}: docs/errors.md has no {finding['code']}")
        if finding["code"] not in text.stdout:
            found.append(f"{where}: the text does not tell of {finding['code']}")
        if not finding["remedies"] and not finding["cure"]:
            found.append(f"{where}: {finding['code']} without a cure")
    if text.returncode != answer.returncode:
        found.append(f"{where}: exit status {answer.returncode} as JSON, {text.returncode} as text")
    return found


def strictness_problems(validator, told):
    """A schema that takes anything would show nothing."""
    for path in ("works", "missing", "facts", "plan"):
        broken = copy.deepcopy(told)
        del broken[path]
        if validator.is_valid(broken):
            yield f"docs/explain.schema.json takes an answer without {path}"
    broken = copy.deepcopy(told)
    broken["facts"]["engine"] = "moby"
    if validator.is_valid(broken):
        yield "docs/explain.schema.json takes any engine"


def main():
    cginit, source = sys.argv[1], Path(sys.argv[2])
    schema = json.loads((source / "docs/explain.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    documented = (source / "docs/errors.md").read_text(encoding="utf-8")
    captures = sorted((source / "tests/captures").glob("*.txt"))
    problems = [] if captures else ["no capture was found"]
    for capture in captures:
        for init in INITS:
            problems += problems_of(cginit, validator, documented, capture, init)
    problems += strictness_problems(validator, json.loads(explain(cginit, captures[0], INITS[0], "json").stdout))
    print("\n".join(problems) or f"{len(captures) * len(INITS)} explanations are as documented")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
