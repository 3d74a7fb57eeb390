#!/usr/bin/python3
"""Draws view.svg: what a container sees of its cgroups before cginit and after, as --dry-run says it of a capture.

    draw_view.py [--check] CGINIT PROJECT

The capture is one of a container of Docker's on a hybrid host, with the capability CAP_SYS_ADMIN. With --check nothing is written:
exits with 1 if the picture is another one than the binary says.
"""

import re
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

CAPTURE = "tests/captures/docker-v1hybrid-capsysadmin.txt"
OPTIONS = ["--dry-run", "--log-level=off", "--init-traits", "systemd:252"]

#   ├─ cpu          ro own     /docker/2511eb3ed… * rw private /docker/251…/cginit
ROW = re.compile(r"^  (?P<point>\S.*?)\s{2,}(?P<before>-|r[ow] .*?)\s+(?P<changed>\*?)\s*(?P<after>(?:-|r[ow] ).*)$")

HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc">
<title id="title">A container's cgroups before cginit and after</title>
<desc id="desc">{description}</desc>
<style>
  text {{ font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; fill: #1f2328 }}
  .page {{ fill: #ffffff; stroke: #d1d9e0 }} .head {{ font-weight: bold }} .weak {{ fill: #59636e }}
  .ro {{ fill: #b35900 }} .rw {{ fill: #1a7f37 }}
  @media (prefers-color-scheme: dark) {{
    text {{ fill: #f0f6fc }} .page {{ fill: #0d1117; stroke: #3d444d }} .weak {{ fill: #9198a1 }} .ro {{ fill: #f0883e }} .rw {{ fill: #3fb950 }}
  }}
</style>
<rect class="page" x="0.5" y="0.5" width="{right}" height="{bottom}" rx="6"/>
"""
LEFT, BEFORE, AFTER, WIDTH, LINE, TOP = 20, 190, 500, 840, 22, 34


def rows_of(said):
    """(mount point, before, after) of each row of the picture in the plan."""
    lines = iter(said.splitlines())
    next(line for line in lines if line.startswith("view "))
    rows = []
    for line in lines:
        if line.startswith("  *"):
            return rows, line.strip()
        found = ROW.match(line)
        assert found, f"a row that draw_view.py cannot read: {line}"
        rows.append((found["point"], found["before"], found["after"]))
    raise SystemExit("error: the plan has no picture")


def text(x, line, words, kind=""):
    return f'<text x="{x}" y="{TOP + line * LINE}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{escape(words)}</text>\n'


def kind_of(mount):
    return mount[:2] if mount[:2] in ("ro", "rw") else "weak"


def drawn(rows, legend):
    height = TOP + (len(rows) + 3) * LINE
    description = "; ".join(f"{point.lstrip('├└─ ')}: {before}, then {after}" for point, before, after in rows)
    parts = [HEAD.format(width=WIDTH, height=height, right=WIDTH - 1, bottom=height - 1, description=escape(description)),
             text(LEFT, 0, "mount", "head"), text(BEFORE, 0, "as the engine made it", "head"),
             text(AFTER, 0, "as the init gets it", "head")]
    for number, (point, before, after) in enumerate(rows, 1):
        parts += [text(LEFT, number, point), text(BEFORE, number, before, kind_of(before)), text(AFTER, number, after, kind_of(after))]
    parts.append(text(LEFT, len(rows) + 1.6, legend.partition("; ")[2], "weak"))
    return "".join(parts) + "</svg>\n"


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    if len(arguments) != 2:
        raise SystemExit(__doc__)
    project = Path(arguments[1])
    said = subprocess.run([arguments[0], *OPTIONS, f"--root={project / CAPTURE}"], capture_output=True, text=True, check=True).stdout
    picture = drawn(*rows_of(said))
    path = project / "docs" / "view.svg"
    if "--check" not in sys.argv:
        path.write_text(picture)
    elif not path.exists() or path.read_text() != picture:
        raise SystemExit(f"FAIL: {path} is not what cginit says: run src/report/draw_view.py")


if __name__ == "__main__":
    main()
