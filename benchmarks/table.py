"""One table of measurements, and which of them miss their limit."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A measurement beside what it is compared with, from the same run."""

    what: str
    measured: str
    beside: str
    ratio: str
    limit: str = ""
    good: bool = True


def show(rows: Iterable[Row]) -> int:
    """Print the table; returns how many rows miss their limit."""
    rows = list(rows)
    head = Row(
        what="what", measured="measured", beside="beside", ratio="ratio", limit="limit"
    )
    cells = [
        (row.what, row.measured, row.beside, row.ratio, row.limit)
        for row in [head, *rows]
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line, row in zip(cells, [head, *rows], strict=True):
        padded = [word.ljust(width) for word, width in zip(line, widths, strict=True)]
        sys.stdout.write("  ".join(padded) + ("" if row.good else "  MISSED") + "\n")
    return sum(not row.good for row in rows)
