r"""Values as the text of a table's cells: short, on one line, unambiguous.

A cell contains no tab, line break or invisible character: those are written as
escapes, ``\t``, ``\n``, ``\\`` and so on, as in the "Linear TSV" convention. ``null``
is a missing value; a text that could be mistaken for something else is put in double
quotes. Objects of unknown types are written by their ``repr``, which may fail.
"""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from stepmagic.attachments.frames.types import MAPPINGS
from stepmagic.attachments.reprs import library_of, without_addresses

NULL = "null"
WIDEST = 200
"""Characters of a value that are kept; more are only counted."""

_LONGEST_LABEL = 2_000
"""Characters of a column's name; those of survey exports are entire questions."""

_SUFFIX = 16
"""Characters of ``… (+123 characters)``: to cut fewer than these would save nothing."""

_DIGITS = 6
_LARGEST_PLAIN, _SMALLEST_PLAIN = 1e15, 1e-4
_MOST_DIGITS = 300
"""Digits of a whole number that are written out; Python refuses 4,300."""

_MISTAKEN = re.compile(r'|\s.*|.*\s|".*|null|NaN|-?inf|\[redacted\]', re.DOTALL)
_LITERAL = re.compile(r"[-+]?[\d.][\d._eE+-]*|True|False|None", re.DOTALL)

_DATES = (dt.datetime, dt.date, dt.time, dt.timedelta)
_NUMBERS = (int, float, decimal.Decimal)
_PLAIN = (*_NUMBERS, *_DATES, str, bool, complex, bytes, uuid.UUID, fractions.Fraction)
_NUMPY_DATES = ("datetime64", "timedelta64")
_SETS = (set, frozenset)
_CONTAINERS = (*MAPPINGS, *_SETS, list, tuple)
_DEEPEST = 4
"""Containers inside one another that are written out; one may hold itself."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a value, cut when it is drawn."""

    text: str
    """Its first characters, not yet escaped."""
    characters: int
    """How many characters it has in all; more than ``text`` where it was cut."""
    is_partial: bool = False
    """Whether not even that many characters are all, as in a long list."""

    @classmethod
    def of(cls, text: str, *, is_partial: bool = False) -> Cell:
        """Return the cell of a text of any length."""
        return cls(text[: WIDEST + _SUFFIX], len(text), is_partial)

    def cut(self, width: int) -> str:
        """Return the cell's text on one line, cut to ``width`` and what is missing."""
        if self.characters <= min(width + _SUFFIX, len(self.text)):
            return escape(self.text)
        more = "" if self.is_partial else f" (+{self.characters - width:,} characters)"
        return f"{escape(self.text[:width])}…{more}"

    def is_cut(self, width: int) -> bool:
        """Whether ``cut`` leaves characters out."""
        return self.characters > min(width + _SUFFIX, len(self.text))


def escape(text: str) -> str:
    """Return text with everything that breaks a row or does not show as an escape."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character == "\\" or not character.isprintable():
        return character.encode("unicode_escape").decode("ascii")
    return character


def write(value: Any, *, mixed: bool = False) -> Cell:
    """Return a value as a cell.

    Args:
        value: Anything; code of an unknown type runs only as its ``repr``.
        mixed: Whether the column has both texts and numbers, so that ``"1"`` needs its
            quotes.
    """
    if issubclass(type(value), str):
        # `str` methods, since a subclass may have overridden its own.
        head = str.__getitem__(value, slice(0, WIDEST + _SUFFIX))
        characters = str.__len__(value)
        mistaken = _MISTAKEN.fullmatch(head) or (mixed and _LITERAL.fullmatch(head))
        if mistaken and characters <= len(head):
            return Cell.of(f'"{head}"')
        return Cell(head, characters)
    try:
        text = _text(value)
        nested = type(value) in _CONTAINERS or type_name(value) == "ndarray"
        return Cell.of(text, is_partial=nested and "…" in text)
    except Exception:  # noqa: BLE001 - a value's own code may raise anything
        return Cell.of(f"<{type_name(value)}>")


def label(value: Any) -> str:
    """Return the name of a column as code would write it: ``('a', 1)``, ``0``.

    Texts are written without quotes, except those that look like a number.
    """
    if type(value) is str and len(value) > WIDEST:
        text, length = value[:_LONGEST_LABEL], len(value)
    elif type(value) is tuple and all(map(is_plain, value)):
        text = repr(value)[:_LONGEST_LABEL]
        length = len(repr(value))
    else:
        cell = write(value, mixed=True)
        text, length = cell.text, cell.characters
    more = length - len(text)
    return text + (f"… (+{more:,} characters)" if more else "")


def type_name(value: Any) -> str:
    """Return the name of a value's type, without reading anything of the value."""
    name: str = type.__dict__["__name__"].__get__(type(value))
    return name


def is_null(value: Any) -> bool:
    """Whether a value is missing: None, ``pandas.NA`` or ``NaT``; NaN is a number."""
    if value is None:
        return True
    name = type_name(value)
    if name in ("NAType", "NaTType"):
        return True
    return name in _NUMPY_DATES and str(value) == "NaT"


def is_plain(value: Any) -> bool:
    """Whether a value's hash and comparison are Python's own, numpy's or pandas'."""
    return type(value) in _PLAIN or _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    kind = type(value)
    return (
        kind.__module__.partition(".")[0] in ("numpy", "pandas")
        and kind.__hash__ is not None
    )


def _text(value: Any, depth: int = 0) -> str:
    kind: Any = type(value)
    if is_null(value):
        text = NULL
    elif kind in _CONTAINERS or type_name(value) == "ndarray":
        text = _nested(value, depth)
    elif kind in _WRITERS:
        text = _WRITERS[kind](value)
    elif _is_scalar(value):
        item = value.item() if hasattr(value, "item") else value
        # numpy returns dates to the nanosecond as plain integers.
        counts = type(item) in _WRITERS and type_name(value) not in _NUMPY_DATES
        text = _WRITERS[type(item)](item) if counts else str(value)
    elif kind.__repr__ is object.__repr__:  # only an address in memory
        text = f"<{type_name(value)}>"
    elif library_of(kind) == "shapely":  # whose repr rounds coordinates
        text = str(value)
    else:
        text = without_addresses(repr(value))
    return str.__str__(text)


def number(value: float) -> str:
    """Return a float to six digits, but with all the digits of its integer part."""
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        return "NaN"
    size = abs(value)
    if size and not _SMALLEST_PLAIN <= size < _LARGEST_PLAIN:
        return f"{value:.{_DIGITS}g}"
    integer_digits = math.floor(math.log10(size)) + 1 if size else 1
    text = f"{value:.{max(2, _DIGITS - integer_digits)}f}".rstrip("0").rstrip(".")
    return text if text != "-0" else "0"


def _integer(value: int) -> str:
    if value.bit_length() > _MOST_DIGITS * 3:
        return f"<integer of {value.bit_length():,} bits>"
    return str(value)


def _bytes(value: bytes) -> str:
    return f"<{len(value):,} byte{'' if len(value) == 1 else 's'}>"


def _nested(value: Any, depth: int) -> str:
    """Return the first items of a container of containers, down to some depth."""
    mapping = type(value) in MAPPINGS
    opening, closing = "{}" if mapping or type(value) in _SETS else "[]"
    count = len(value)
    if depth >= _DEEPEST:
        return f"{opening}…{closing}" if count else opening + closing
    if mapping:
        pairs = islice(value.items(), WIDEST)
        texts = (f"{_inner(k, depth)}: {_inner(item, depth)}" for k, item in pairs)
    else:
        texts = (_inner(item, depth) for item in islice(value, WIDEST))
    found: list[str] = []
    characters = 0
    while characters < WIDEST // 2 and (text := next(texts, None)) is not None:
        found.append(text)
        characters += len(text) + 2
    if type(value) in _SETS:
        found.sort()
    if count > len(found):
        found.append(f"… (+{count - len(found):,} items)")
    return opening + ", ".join(found) + closing


def _inner(value: Any, depth: int) -> str:
    """Return a value inside another; a text in quotes."""
    if not issubclass(type(value), str):
        return _text(value, depth + 1)
    cell = Cell.of(str.__str__(value))
    more = cell.characters - len(cell.text)
    return f'"{cell.text}"' + (f"… (+{more:,} characters)" if more else "")


_WRITERS: dict[type, Callable[[Any], str]] = {
    **dict.fromkeys((bool, complex, decimal.Decimal, uuid.UUID, *_DATES), str),
    fractions.Fraction: str,
    int: _integer,
    float: number,
    **dict.fromkeys((bytes, bytearray, memoryview), _bytes),
}
