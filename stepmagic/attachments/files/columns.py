"""The values of a CSV file: what is a number, a date or true, and what stays text.

A value is read as something else only where it can be written back: a code with a
leading zero, a date that may be read both ways and a number too long to be exact stay
text, and with them every value of their column.
"""

from __future__ import annotations

import datetime as dt
import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["int", "float", "bool", "date", "datetime", "str"]

# Of RE2 and Rust too, so that a query can ask the same of a large file.
_WHOLE = r"(?:0|[1-9][0-9]{0,14})"
PATTERNS: dict[Kind, str] = {
    "int": r"0|-?[1-9][0-9]{0,17}",
    # A bare number before an E, as in 12E4, is more often a code.
    "float": (
        rf"-?(?:{_WHOLE}(?:[eE][-+][0-9]+)?"
        rf"|(?:{_WHOLE}\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    ),
    "bool": r"true|false|True|False|TRUE|FALSE",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "datetime": (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}"
        r"(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    ),
}
MISSING = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None")
"""Words for missing values, in a column of numbers or dates."""

_READERS: dict[Kind, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "bool": lambda text: text.lower() == "true",
    "date": dt.date.fromisoformat,
    "datetime": dt.datetime.fromisoformat,
}
_COMPILED = {kind: re.compile(pattern) for kind, pattern in PATTERNS.items()}
_AMBIGUOUS = re.compile(r"\d{1,2}([/.-])\d{1,2}\1(?:\d{4}|\d{2})(?:[ T].*)?")
_TWO_PLACES = re.compile(r"-?\d+(?:\.\d{1,2})?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of texts as what they say."""

    name: str
    kind: Kind
    values: list[Any]
    """None where the text is empty or says that it is missing."""
    words: tuple[str, ...] = ()
    """Words for missing values that occur in it."""
    is_ambiguous: bool = False
    """Whether it is dates of which the day and the month may change places."""


def kind_of(texts: Iterable[str]) -> tuple[Kind, tuple[str, ...]]:
    """Return the values of a column's texts, and its words for missing values."""
    distinct = {text.strip() for text in texts} - {""}
    words = tuple(word for word in MISSING if word in distinct)
    known = distinct.difference(words)
    if not known:
        return "str", ()
    for kind, pattern in _COMPILED.items():
        if all(map(pattern.fullmatch, known)):
            if kind == "float" and _are_versions(known):
                break
            return kind, words
    return "str", ()


def read_column(name: str, texts: Sequence[str]) -> Column:
    """Return a column of what its texts say."""
    kind, words = kind_of(texts)
    if kind != "str":
        empty = {"", *words}
        read = _READERS[kind]
        known: dict[str, Any] = {}
        try:
            for text in set(texts):
                bare = text.strip()
                known[text] = None if bare in empty else read(bare)
        except ValueError:  # a date such as 2024-02-30
            pass
        else:
            values = [known[text] for text in texts]
            return Column(name, kind, values, words)
    there = [text for text in texts if text]
    ambiguous = bool(there) and all(map(_AMBIGUOUS.fullmatch, there))
    return Column(name, "str", [text or None for text in texts], (), ambiguous)


def remarks_on(columns: Iterable[Column]) -> list[str]:
    """Return how columns differ from their texts, or cannot be read, as sentences."""
    found: list[str] = []
    missing = [column for column in columns if column.words]
    if missing:
        words = dict.fromkeys(word for column in missing for word in column.words)
        found.append(f"{_listed(words)} is null in {_names(missing)}.")
    ambiguous = [column for column in columns if column.is_ambiguous]
    if ambiguous:
        found.append(
            f"Dates in {_names(ambiguous)} are as they are written: whether the day or "
            "the month is first is not known."
        )
    return found


def frame_of(columns: Sequence[Column]) -> Any:
    """Return columns as a frame of polars or pandas, else as a list of records."""
    for library, make in (("polars", _polars), ("pandas", _pandas)):
        try:
            module = importlib.import_module(library)
        except ImportError:
            continue
        return make(module, columns)
    names = [column.name for column in columns]
    rows = zip(*(column.values for column in columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _polars(module: Any, columns: Sequence[Column]) -> Any:
    kinds = {
        "int": module.Int64,
        "float": module.Float64,
        "bool": module.Boolean,
        "date": module.Date,
        "datetime": module.Datetime("us"),
        "str": module.String,
    }
    return module.DataFrame(
        {column.name: column.values for column in columns},
        schema={column.name: kinds[column.kind] for column in columns},
    )


def _pandas(module: Any, columns: Sequence[Column]) -> Any:
    kinds = {"int": "Int64", "float": "Float64", "bool": "boolean"}
    kinds |= {"datetime": "datetime64[us]", "date": "object", "str": "object"}
    series = [module.Series(each.values, dtype=kinds[each.kind]) for each in columns]
    frame = module.concat(series, axis=1)
    frame.columns = [column.name for column in columns]
    return frame


def _are_versions(texts: Iterable[str]) -> bool:
    """Whether numbers are such as 3.9 and 3.10, which as numbers would be 3.1."""
    held = list(texts)
    if not all(map(_TWO_PLACES.fullmatch, held)):
        return False
    places = {len(text.partition(".")[2]) for text in held}
    long = (text for text in held if len(text.partition(".")[2]) == max(places))
    return {1, 2} <= places and any(text.endswith("0") for text in long)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _names(columns: Sequence[Column]) -> str:
    shown = ", ".join(column.name[:60] for column in columns[:8])
    more = len(columns) - 8
    return f"{shown} and {more} more" if more > 0 else shown
