"""Tab-separated text as it is drawn on a page: its cells below one another.

A model is sent the tabs; only people need the columns.
"""

from __future__ import annotations

from itertools import groupby, zip_longest

_WIDEST = 32
"""Letters; a longer cell would push the next column out of sight in every line."""

_GAP = "  "


def in_columns(text: str) -> str:
    r"""Return text with the cells of neighbouring lines padded to one width.

    >>> print(in_columns("a table\nrow\tn\n10\t3"))
    a table
    row  n
    10   3
    """
    lines: list[str] = []
    for is_table, group in groupby(text.split("\n"), key=lambda line: "\t" in line):
        found = list(group)
        lines += _padded(found) if is_table else found
    return "\n".join(lines)


def _padded(lines: list[str]) -> list[str]:
    rows = [line.split("\t") for line in lines]
    widths = [
        max((len(cell) for cell in column if len(cell) <= _WIDEST), default=0)
        for column in zip_longest(*rows, fillvalue="")
    ]
    return [
        _GAP.join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=False)
        ).rstrip()
        for row in rows
    ]
