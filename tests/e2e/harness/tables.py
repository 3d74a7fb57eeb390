"""docs/inits.md: what the tests saw, kept in Markdown tables that they hold themselves against."""

import math
import os
from pathlib import Path

from .images import ROOT
from .shell import PATIENCE

UPDATE = os.environ.get("CGINIT_UPDATE_TABLE") == "1"


def _cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


class Tables:
    """The tables of one file; each is named by the heading above it, its rows by their first cell."""

    def __init__(self, path=ROOT / "docs" / "inits.md"):
        self._path = Path(path)
        self._lines = self._path.read_text().splitlines()

    def _extent(self, title):
        """The lines of a table: where its head is, and where it ends."""
        start = self._lines.index(f"## {title}")
        head = next(i for i in range(start, len(self._lines)) if self._lines[i].startswith("|"))
        end = next((i for i in range(head, len(self._lines)) if not self._lines[i].startswith("|")), len(self._lines))
        return head, end

    def columns(self, title):
        return _cells(self._lines[self._extent(title)[0]])[1:]

    def rows(self, title):
        """{name: {column: cell}}"""
        head, end = self._extent(title)
        rows = [_cells(line) for line in self._lines[head + 2:end]]
        return {row[0]: dict(zip(self.columns(title), row[1:])) for row in rows}

    def hold(self, title, row, column, seen):
        """Fails if the table has something else there; with CGINIT_UPDATE_TABLE=1 it gets what was seen."""
        if UPDATE:
            self._update(title, row, column, seen)
        said = self.rows(title).get(row, {}).get(column)
        assert said == seen, (f"{self._path.name}, {title}: {row}, {column}: {said!r} in the table, but {seen!r} was seen;"
                              " CGINIT_UPDATE_TABLE=1 writes it")

    def hold_at_most(self, title, row, column, seen, slack):
        """Fails if a number is more than SLACK above the table's; with CGINIT_UPDATE_TABLE=1 that is what was seen, rounded
        up."""
        if UPDATE:
            self._update(title, row, column, str(math.ceil(seen)))
        said = self.rows(title).get(row, {}).get(column, "")
        assert said.isdecimal() and seen <= int(said) + slack * PATIENCE, (
            f"{self._path.name}, {title}: {row}, {column}: {said!r} in the table, but {seen:.1f} was seen;"
            " CGINIT_UPDATE_TABLE=1 writes it")

    def _update(self, title, row, column, seen):
        rows, columns = self.rows(title), self.columns(title)
        rows.setdefault(row, {})[column] = seen
        head, end = self._extent(title)
        first = _cells(self._lines[head])[0]
        body = [[name, *(cells.get(column, "") for column in columns)] for name, cells in rows.items()]
        widths = [max(map(len, column)) for column in zip([first, *columns], *body)]
        self._lines[head:end] = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |"
                                 for cells in ([first, *columns], ["-" * width for width in widths], *body)]
        self._path.write_text("\n".join(self._lines) + "\n")
