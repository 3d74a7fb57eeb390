"""The rows of `cginit --help`, and of what has to say the same, in one shape."""

import re
from typing import NamedTuple, Optional

# `--layout=auto|host  [CGINIT_LAYOUT]`, `--explain[=text|json]`, `-v, --verbose`
HEAD = re.compile(
    r"(?P<names>-[\w-]+(?:, -[\w-]+)*)(?:\[=(?P<optional>[^\]]+)\]|=(?P<values>\S+))?(?:\s+\[(?P<variable>CGINIT_\w+)\])?"
)
SETTING = re.compile(r'\{\s*"(-[^"]*)",\s*(nullptr|"[^"]*"),\s*(nullptr|"[^"]*"),\s*((?:"[^"]*"\s*)+),')


class Row(NamedTuple):
    group: str
    names: tuple  # ("-v", "--verbose")
    values: Optional[str]  # "auto|host", "KIND[:VERSION]"
    variable: Optional[str]
    optional: bool = False  # the value can be left out

    @property
    def name(self):
        return self.names[-1]

    @property
    def choices(self):
        """The values that are written as they are: not LIST, PATH."""
        return [value for value in (self.values or "").split("|") if value.islower()]


def row_of(where, group, head):
    found = HEAD.fullmatch(head.strip())
    if not found:
        raise ValueError(f"{where}: not understood: {head!r}")
    optional = found["optional"] is not None
    return Row(group, tuple(found["names"].split(", ")), found["optional"] or found["values"], found["variable"], optional)


def help_rows(text):
    rows, group = [], None
    for line in text.splitlines():
        if re.fullmatch(r"\S.*:", line):
            group = line[:-1]
        elif line.startswith("  -"):
            rows.append(row_of("cginit --help", group, line))
    return rows


def setting_rows(text):
    """{name: (values, variable, what a value must be)} of the table in src/cli/settings.cpp."""
    rows = {}
    for names, variable, values, expected in SETTING.findall(text):
        bare = values.strip('"').removeprefix("[=") if values != "nullptr" else None
        words = "".join(re.findall(r'"([^"]*)"', expected))
        rows[names.split(",")[-1]] = (bare, variable.strip('"') if variable != "nullptr" else None, words)
    return rows
