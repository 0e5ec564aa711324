"""The tables of a Markdown answer as frames: their cells as text or as numbers.

Knows Markdown through ``markdown.parser``, which is loaded with the first table, and
makes frames through ``schema.frame_of``.
"""

from __future__ import annotations

import re
from typing import Any

from stepmagic.schema import frame_of

_NUMBER = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?|[-+]?\d*\.?\d+([eE][-+]?\d+)?")
_BLANK = ("", "-", "–", "—", "n/a", "NaN")  # noqa: RUF001 - as tables have them


def read_tables(source: str) -> list[object]:
    """Return the tables of a Markdown text as frames, in order.

    Columns whose cells are all numbers, or blank, become numbers. Each table is a
    DataFrame of pandas, else of polars, else a list of dicts.
    """
    # markdown-it-py, which loading the extension must not load.
    from stepmagic.markdown.parser import parse  # noqa: PLC0415

    tables: list[object] = []
    header: list[str] = []
    rows: list[list[str]] = []
    row: list[str] = []
    is_inside = False
    for token in parse(source):
        match token.type:
            case "table_open":
                is_inside, header, rows = True, [], []
            case "table_close":
                is_inside = False
                tables.append(to_frame(header, rows))
            case "tr_open":
                row = []
            case "inline" if is_inside:
                row.append(_cell_text(token.children or []))
            case "tr_close":
                # Markdown's first row is the header.
                if header:
                    rows.append(row)
                else:
                    header = row
            case _:
                pass
    return tables


def to_frame(header: list[str], rows: list[list[str]]) -> object:
    """Return the cells of a table as a frame; see ``read_tables``."""
    names = _distinct(header)
    columns = {
        name: _column([row[place] for row in rows]) for place, name in enumerate(names)
    }
    records = zip(*columns.values(), strict=True)
    return frame_of([dict(zip(names, each, strict=True)) for each in records], names)


def _cell_text(children: list[Any]) -> str:
    texts = ("\n" if each.type == "hardbreak" else each.content for each in children)
    return "".join(texts).strip()


def _distinct(header: list[str]) -> list[str]:
    """Return names for the columns: no name is empty, and no two are the same."""
    names: list[str] = []
    for place, word in enumerate(header, 1):
        name = word or f"column {place}"
        while name in names:
            name = f"{name} ({place})"
        names.append(name)
    return names


def _column(cells: list[str]) -> list[Any]:
    """Return the cells of a column, as numbers if they all are."""
    minus = [cell.replace("\u2212", "-") for cell in cells]
    is_blank = [cell in _BLANK for cell in minus]
    if all(is_blank) or not all(
        blank or _NUMBER.fullmatch(cell)
        for blank, cell in zip(is_blank, minus, strict=True)
    ):
        return cells
    plain = [cell.replace(",", "") for cell in minus]
    is_integer = not any(is_blank) and all(
        cell.lstrip("+-").isdecimal() for cell in plain
    )
    read = int if is_integer else float
    return [
        None if blank else read(cell)
        for blank, cell in zip(is_blank, plain, strict=True)
    ]
