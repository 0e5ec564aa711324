"""CSV and similar formats: one dialect, found in the text, for every reader.

Values are separated by what separates them outside quotes in most lines; comments and
blank lines before the header are skipped, which is reported. A text with a row of more
values than the header has names is not read as a table, since readers would have to
guess what the row means.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TextIO

_SEPARATORS = ",;\t|"
_PROBED = 200
"""Rows that a dialect is found from."""

_SHOWN = 300
"""Characters of the lines before the header that are quoted."""

_TITLE = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[\d.,]*\d[\d.,]*(?:[eE][-+]?\d+)?%?")


class IrregularError(ValueError):
    """The text cannot be parsed as a table by the dialect found in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How the values of a text are written."""

    separator: str
    names: tuple[str, ...]
    """Of the columns, without duplicates."""
    skip: int = 0
    """Lines up to the first row of data."""
    is_spaced: bool = False
    """Whether a space before a quote is not part of a value."""
    is_trailed: bool = False
    """Whether each row ends with a separator that the header does not have."""
    comment: str = ""
    """The prefix of a comment line, which is not a row."""
    remarks: tuple[str, ...] = ()
    """How the table differs from the text, a sentence each."""

    @property
    def is_plain(self) -> bool:
        """Whether any reader that is given the separator reads it the same."""
        return not (self.is_spaced or self.is_trailed or self.comment)


def find_dialect(text: str, name: str, *, is_tabbed: bool = False) -> Dialect:
    """Return the dialect of a text, or of its beginning.

    Raises:
        IrregularError: There is no line in it, or its quotes are not closed.
    """
    skip, before, separator = _preamble(text)
    comment = "#" if any(line.startswith("#") for line in before) else ""
    rest = "".join(islice(io.StringIO(text, newline=""), skip, None))
    if not separator:
        separator = "\t" if is_tabbed else _most_regular(rest)
    is_spaced = f'{separator} "' in rest[: _PROBED * 100] and separator != " "
    found = Dialect(separator=separator, names=(), is_spaced=is_spaced, comment=comment)
    reader = _reader(io.StringIO(rest, newline=""), found)
    rows = [row for row in islice(_checked(reader), _PROBED) if row]
    if not rows:
        message = "there is no row in it"
        raise IrregularError(message)
    remarks = _about_preamble(before, name)
    header_lines = _lines_of_first(rest, found)
    if _is_data(rows[0]) and any(map(str.strip, rows[0])):
        names = [f"column {number}" for number in range(1, len(rows[0]) + 1)]
        remarks.append(
            f"`{name}` has no header: its first line is numbers, and the columns are "
            "numbered."
        )
        header_lines = 0
    else:
        names = rows[0]
    unique, renamed = unique_names(names)
    if renamed:
        remarks.append(f"Names that occur twice in `{name}` are numbered.")
    longer = [row for row in rows[1:] if len(row) == len(names) + 1]
    is_trailed = bool(longer) and not any(row[-1].strip() for row in longer)
    return replace(
        found,
        names=unique,
        skip=skip + header_lines,
        is_trailed=is_trailed,
        remarks=tuple(remarks),
    )


def rows_of(file: TextIO, dialect: Dialect) -> Iterator[list[str]]:
    """Yield the rows of data, each as long as the header, without blank lines.

    Values that are missing at the end of a row are empty.

    Raises:
        IrregularError: A row has too many values, or its quotes are not closed.
    """
    for _ in range(dialect.skip):
        file.readline()
    width = len(dialect.names)
    reader = _reader(file, dialect)
    for row in _checked(reader):
        if len(row) == width:
            yield row
        elif len(row) > width:
            if any(value.strip() for value in row[width:]):
                line = dialect.skip + reader.line_num
                message = (
                    f"line {line:,} has {len(row):,} values, and the header {width:,}"
                )
                raise IrregularError(message)
            yield row[:width]
        elif row:
            yield [*row, *[""] * (width - len(row))]


def _reader(file: Iterable[str], dialect: Dialect) -> Any:
    if comment := dialect.comment:
        file = (line for line in file if not line.startswith(comment))
    return csv.reader(
        file,
        delimiter=dialect.separator,
        skipinitialspace=dialect.is_spaced,
        strict=True,
    )


def _checked(reader: Any) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as exc:
        message = f"line {reader.line_num:,}: {exc}"
        raise IrregularError(message) from exc


def _preamble(text: str) -> tuple[int, list[str], str]:
    """Return how many lines are before the header, those with text, a separator."""
    before: list[str] = []
    separator = ""
    number = 0
    for number, line in enumerate(io.StringIO(text, newline="")):
        if found := _TITLE.fullmatch(line):
            separator = found[1]
        elif line.startswith("#"):
            before.append(line.strip())
        elif line.strip():
            return number, before, separator
    return number, before, separator


def _about_preamble(before: list[str], name: str) -> list[str]:
    if not before:
        return []
    words = " / ".join(before)
    words = words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
    return [f"Lines of `{name}` that begin with # are not rows: {words}"]


def _most_regular(text: str) -> str:
    """Return the separator by which most rows are as long as the first."""

    def regularity(separator: str) -> tuple[float, int]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        try:
            lengths = [len(row) for row in islice(reader, _PROBED) if row]
        except csv.Error:
            return (0, 0)
        if not lengths or lengths[0] == 1:
            return (0, 0)
        # One more than the header has: a separator at the end of each row.
        alike = sum(lengths[0] <= length <= lengths[0] + 1 for length in lengths)
        return (alike / len(lengths), lengths[0])

    return max(_SEPARATORS, key=regularity)


def _lines_of_first(text: str, dialect: Dialect) -> int:
    """Return how many lines the header takes; there may be a line break in a name."""
    reader = _reader(io.StringIO(text, newline=""), replace(dialect, comment=""))
    for row in _checked(reader):
        if row:
            break
    return int(reader.line_num)


def _is_data(row: list[str]) -> bool:
    """Whether a first row is numbers and no names."""
    values = [value.strip() for value in row if value.strip()]
    return bool(values) and all(map(_NUMBER.fullmatch, values)) and len(values) > 1


def unique_names(names: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """Return names that differ, and whether some had to be changed."""
    given = list(names)
    counts: Counter[str] = Counter()
    found: list[str] = []
    for name in given:
        counts[name] += 1
        another = name if counts[name] == 1 else f"{name} ({counts[name]})"
        while another in found or (another != name and another in given):
            another += "'"
        found.append(another)
    return tuple(found), found != given
