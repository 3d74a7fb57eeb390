"""The rows of `cginit --help`, of docs/use.md and of src/cli/options.toml, in one shape."""

import importlib.util
import re
import sys
from typing import NamedTuple, Optional

# `--layout=auto|host  [CGINIT_LAYOUT]`, `--explain[=text|json]`, `-v, --verbose`
HEAD = re.compile(
    r"(?P<names>-[\w-]+(?:, -[\w-]+)*)(?:\[=(?P<optional>[^\]]+)\]|=(?P<values>\S+))?(?:\s+\[(?P<variable>CGINIT_\w+)\])?"
)


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


def rows_module(source):
    """src/cli/generate_options.py, which reads the rows."""
    file = source / "src/cli/generate_options.py"
    spec = importlib.util.spec_from_file_location("generate_options", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def toml_rows(rows):
    """What --help has to show of them: no variable where there is no value to give it."""
    return [
        Row(option.heading, option.names, "|".join(option.values) or None,
            option.variable if option.is_readable else None, option.optional_value)
        for option in rows.options
    ]
