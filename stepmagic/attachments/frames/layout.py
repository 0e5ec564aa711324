"""A preview's text within its budget of tokens.

The table of columns comes first, then the rows. Both are tab-separated: a tab is one
character where the padding and rules of a pipe table are four or more, so that twice
the rows fit, and a cell contains no tab, so nothing in it needs quotes.

What does not fit is left out in the order of ``DETAILS``: sampled rows, tail rows, top
values, characters of long cells, head rows, and at last columns from the middle; the
first and the last stay. One line says what was left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from stepmagic.attachments.frames.cells import Cell, escape
from stepmagic.attachments.frames.sampling import Column
from stepmagic.attachments.frames.summary import Summary
from stepmagic.transcript.usage import estimate_tokens, format_count

LEAST_TOKENS = 100
"""The budget below which not even a table's size might fit."""

CHARACTERS_A_COLUMN = 32
"""The least a column takes, about: its line, and a few cells."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of a table is shown."""

    sample: int = 5
    tail: int = 5
    top: int = 5
    width: int = 100
    """Characters of a cell."""
    head: int = 5


def _details() -> tuple[Detail, ...]:
    found = [Detail()]
    for field, values in (
        ("sample", (3, 0)),
        ("tail", (2, 0)),
        ("top", (3, 1, 0)),
        ("width", (40, 20, 10)),
        ("head", (2, 1)),
    ):
        found += [replace(found[-1], **{field: value}) for value in values]
    return tuple(found)


DETAILS = _details()
"""From all to least; each leaves out one thing more than the one before."""

_LABEL = 24
"""Characters of a column's name that always stay."""

_FLOAT = re.compile("float|double", re.IGNORECASE)
_MOST_DTYPES = 4
"""Types by which columns left out are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A column with what is drawn of it."""

    column: Column
    summary: Summary
    cells: tuple[Cell, ...]
    """One for each of the rows shown."""
    is_redacted: bool = False
    failure: str = ""
    """Why some of its values cannot be read; empty where all can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a preview is written from."""

    kind: str
    name: str
    """With a space before it; empty where it has none."""
    size: str
    columns: Sequence[Column]
    rows: int
    read: int
    """Rows that the summaries are of."""
    scope: str
    """Which rows these are; empty where they are all."""
    head: Sequence[int]
    """Positions of the rows shown, in three groups."""
    sample: Sequence[int]
    tail: Sequence[int]
    seed: int
    remarks: tuple[str, ...]
    """Lines of their own, such as that the tail was not read."""
    show: Callable[[int], Shown]
    """Measures a column; only those are asked for that may fit."""
    label: Callable[[int, int], str]
    """Returns the name of a column, by its number, cut to a width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A text that keeps to its budget."""

    text: str
    left_out: str
    """One sentence; empty where nothing is."""
    numbers: tuple[int, ...]
    """The columns in it."""


def lay_out(table: Table, *, tokens: int) -> Layout:
    """Return the most detailed text of a table that takes at most ``tokens``."""
    count = len(table.columns)
    fitting = _fitting(table, tokens)
    if len(fitting) == count:
        layout = _most_detailed(table, fitting, tokens)
        if layout is not None:
            return layout
    while fitting:
        layout = _written(table, fitting, DETAILS[-1], tokens)
        if estimate_tokens(layout.text) <= tokens:
            return layout
        fitting = fitting[:-1]
    return _size_alone(table, tokens)


def _most_detailed(table: Table, fitting: Sequence[int], tokens: int) -> Layout | None:
    """Return the text with all columns in the first detail that fits, if one does."""
    best: Layout | None = None
    first, end = 0, len(DETAILS)
    place = 0  # most tables fit in all detail
    while first < end:
        layout = _written(table, fitting, DETAILS[place], tokens)
        if estimate_tokens(layout.text) <= tokens:
            best, end = layout, place
        else:
            first = place + 1
        place = (first + end) // 2
    return best


def most_columns(tokens: int) -> int:
    """Return how many columns may fit a budget at the very most."""
    return max(2, 4 * tokens // CHARACTERS_A_COLUMN)


def from_both_ends(count: int) -> list[int]:
    """Return columns in the order in which they stay: 0, 9, 1, 8, ..."""
    return [n // 2 if n % 2 == 0 else count - 1 - n // 2 for n in range(count)]


def _fitting(table: Table, tokens: int) -> list[int]:
    """Return the columns that may fit with the least detail, in that order."""
    found: list[int] = []
    free = float(tokens)
    detail = DETAILS[-1]
    for number in from_both_ends(len(table.columns))[: most_columns(tokens)]:
        shown = table.show(number)
        cells = [
            table.label(number, _label_width(detail)),
            _line(table, number, detail),
        ]
        cells += [cell.cut(detail.width) for cell in shown.cells[: detail.head]]
        free -= estimate_tokens("\t".join(cells)) - 1
        if free < 0:
            break
        found.append(number)
    return found


def _written(
    table: Table, fitting: Sequence[int], detail: Detail, tokens: int
) -> Layout:
    numbers = tuple(sorted(fitting))
    shown = tuple(map(table.show, numbers))
    lines = [f"{table.kind}{table.name}: {table.size}"]
    if table.scope and numbers:
        lines.append(scope_sentence(table.scope))
    lines += _schema(table, numbers, detail)
    lines += _rows(table, numbers, detail)
    lines += table.remarks if numbers else ()
    lines += filter(None, map(failure_sentence, shown))
    left_out = _left_out(table, shown, detail, tokens)
    lines += [left_out] if left_out else []
    return Layout(text="\n".join(lines), left_out=left_out, numbers=numbers)


def scope_sentence(scope: str) -> str:
    """Return which rows the statistics of a table describe."""
    return f"Counts and ranges are of {scope}; distinct is a lower bound."


def failure_sentence(shown: Shown) -> str:
    """Return why values of a column are written as ``?``."""
    if not shown.failure:
        return ""
    name = Cell.of(shown.column.label).cut(_LABEL)
    return f"Values of {name} written as ? could not be read: {shown.failure}"


def _size_alone(table: Table, tokens: int) -> Layout:
    left_out = f"Left out to fit {tokens:,} tokens: all but the size."
    text = f"{table.kind}: {table.size}\n{left_out}"
    return Layout(text=text, left_out=left_out, numbers=())


def _schema(table: Table, numbers: Sequence[int], detail: Detail) -> list[str]:
    """Return a line a column, with a line in place of those in the middle."""
    if not numbers:
        return []
    lines = ["column\tdtype\tnulls\tdistinct\tleast / median / greatest, or top values"]
    before = -1
    for number in numbers:
        if number > before + 1:
            lines.append(_gap(table.columns[before + 1 : number]))
        lines.append(_line(table, number, detail))
        before = number
    if before + 1 < len(table.columns):
        lines.append(_gap(table.columns[before + 1 :]))
    return lines


def _gap(columns: Sequence[Column]) -> str:
    dtypes = Counter(column.dtype for column in columns).most_common()
    words = [
        f"{count:,} {Cell.of(dtype).cut(_LABEL)}"
        for dtype, count in dtypes[:_MOST_DTYPES]
    ]
    more = len(dtypes) - len(words)
    words += [f"{more:,} more types"] if more else []
    noun = format_count(len(columns), "column")
    return f"… {noun} not shown: {', '.join(words)}"


def _line(table: Table, number: int, detail: Detail) -> str:
    shown = table.show(number)
    summary = shown.summary
    nulls, distinct = "?", "?"
    if summary.nulls is not None:
        nulls = f"{summary.nulls:,}"
        if table.scope and summary.nulls:
            nulls = _share(summary.nulls, table.read)
    if summary.distinct is not None:
        distinct = ("≥" if table.scope else "") + f"{summary.distinct:,}"
    dtype = Cell.of(shown.column.dtype).cut(max(_LABEL, detail.width))
    cells = [table.label(number, _label_width(detail)), dtype, nulls, distinct]
    values = _values(shown, detail)
    return "\t".join([*cells, values]) if values else "\t".join(cells)


def _share(count: int, of: int) -> str:
    """Return a percentage; ``100%`` is all and nothing less."""
    text = f"{100 * count / of:.3g}%"
    return ">99.9%" if text == "100%" and count < of else text


def _values(shown: Shown, detail: Detail) -> str:
    """Return a text with a column's range or its top values."""
    summary = shown.summary
    if shown.is_redacted:
        return "[redacted]"
    words: list[str] = []
    if summary.span:
        span = " / ".join(cell.cut(max(detail.width, _LABEL)) for cell in summary.span)
        words.append(span + (f" ({summary.length})" if summary.length else ""))
    if detail.top and summary.top:
        width = min(detail.width, 40)
        words.append(
            ", ".join(
                f"{_listed(cell.cut(width))} ×{count:,}"
                for cell, count in summary.top[: detail.top]
            )
        )
    return "; ".join([*words, *summary.also])


def _listed(text: str) -> str:
    """Return a text in a list; in quotes where it contains a separator of the list."""
    parts = any(sign in text for sign in (", ", "×", ";"))
    return f'"{text}"' if parts and not text.startswith('"') else text


def _rows(table: Table, numbers: Sequence[int], detail: Detail) -> list[str]:
    """Return the rows shown with their positions, in the table's order."""
    shown = tuple(map(table.show, numbers))
    if not shown or not table.rows:
        return []
    head = table.head[: detail.head]
    sample = table.sample[: detail.sample]
    tail = table.tail[max(0, len(table.tail) - detail.tail) :]
    begin = len(table.head) + len(table.sample) + len(table.tail) - len(tail)
    places = {
        **{position: place for place, position in enumerate(head)},
        **{position: len(table.head) + n for n, position in enumerate(sample)},
        **{position: begin + n for n, position in enumerate(tail)},
    }
    words = [
        f"first {len(head)}",
        f"{len(sample)} sampled (seed {table.seed})" if sample else "",
        f"last {len(tail)}" if tail else "",
    ]
    which = ", ".join(filter(None, words))
    if len(places) == table.rows:
        which = "all"
    is_float = (_FLOAT.search(one.column.dtype) for one in shown)
    rounded = ", floats to 6 digits" if any(is_float) else ""
    lines = [f"Rows, numbered from 0{rounded}: {which}"]
    width = _label_width(detail)
    lines.append("\t".join(["row", *(table.label(n, width) for n in numbers)]))
    for position, place in sorted(places.items()):
        cells = (one.cells[place].cut(detail.width) for one in shown)
        lines.append("\t".join([str(position), *cells]))
    return lines


def _label_width(detail: Detail) -> int:
    return max(_LABEL, detail.width)


def make_labels(columns: Sequence[Column]) -> Callable[[int, int], str]:
    """Return what cuts the name of a column so that no other is cut to the same.

    Names that only differ at their ends, as in exports of surveys, keep their ends.
    """

    @cache
    def cut(width: int) -> list[str]:
        names = [Cell.of(column.label).cut(width) for column in columns]
        for shorten in (_ends, _numbered):
            known: dict[str, set[str]] = {}
            for name, column in zip(names, columns, strict=True):
                known.setdefault(name, set()).add(column.label)
            names = [
                shorten(column.label, width, number) if len(known[name]) > 1 else name
                for number, (name, column) in enumerate(
                    zip(names, columns, strict=True)
                )
            ]
        return names

    def label(number: int, width: int) -> str:
        name = cut(width)[number]
        return f"{name} (index)" if columns[number].is_index else name

    return label


def _ends(label: str, width: int, _: int) -> str:
    end = width * 2 // 3
    return f"{escape(label[: width - end])}…{escape(label[-end:])}"


def _numbered(label: str, width: int, number: int) -> str:
    return f"{_ends(label, width, number)} (column {number + 1})"


def _left_out(table: Table, shown: Sequence[Shown], detail: Detail, tokens: int) -> str:
    """Return in one line what the budget had no room for."""
    full = DETAILS[0]
    rows = (
        ("sampled", table.sample, detail.sample),
        ("tail", table.tail, detail.tail),
        ("head", table.head, detail.head),
    )
    words = [
        format_count(len(found) - kept, f"{word} row")
        for word, found, kept in rows
        if len(found) > kept
    ]
    tops = [len(one.summary.top) for one in shown if not one.is_redacted]
    if max(tops, default=0) > detail.top:
        words.append(f"top values after {detail.top}" if detail.top else "top values")
    if detail.width < full.width and any(_is_cut(shown, detail.width)):
        words.append(f"characters of cells after {detail.width}")
    missing = len(table.columns) - len(shown)
    if missing:
        words.append(f"{missing:,} of {len(table.columns):,} columns")
    if not words:
        return ""
    return f"Left out to fit {tokens:,} tokens: {', '.join(words)}."


def _is_cut(shown: Sequence[Shown], width: int) -> Iterable[bool]:
    return (cell.is_cut(width) for one in shown for cell in one.cells)
