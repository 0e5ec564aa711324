"""The statistics of a column: missing and distinct values, range or most frequent ones.

Asks narwhals where it has a type for the column, else goes through the values one by
one. Values of unknown types are counted, never hashed or compared: that would run
their code.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import numbers
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import narwhals.stable.v2 as nw

from stepmagic.attachments.frames.cells import Cell, is_null, is_plain, type_name, write
from stepmagic.attachments.frames.sampling import Values

MOST_TOP = 5
"""Frequent values that are kept."""

_LARGEST_MEAN = 10**15
"""Integers from here on have means that are written rounded."""

_UNORDERED = (str, bool, bytes, complex, uuid.UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The statistics of one column's values."""

    nulls: int | None = None
    """None where they were not counted."""
    distinct: int | None = None
    """Of the values that are not null."""
    span: tuple[Cell, Cell, Cell] | None = None
    """Least, middle and greatest of numbers or dates."""
    length: str = ""
    """A text of the time from the earliest to the latest date."""
    top: tuple[tuple[Cell, int], ...] = ()
    """The most frequent values that occur more than once."""
    also: tuple[str, ...] = ()
    """What else there is: NaN and infinite values, types side by side."""


def summarise(values: Values) -> Summary:
    """Return the statistics of a column, empty where it cannot be counted."""
    try:
        if isinstance(values, list):
            return _of_values(values)
        try:
            return _of_series(values)
        except Exception:  # noqa: BLE001 - what has no kernel, Python counts
            return _of_values(values.to_list())
    except Exception:  # noqa: BLE001 - values of a column may raise anything
        return Summary()


def is_nested(values: Values) -> bool:
    """Whether a column contains containers or bytes."""
    return not isinstance(values, list) and (
        values.dtype.is_nested() or values.dtype == nw.Binary
    )


def _of_series(series: nw.Series[Any]) -> Summary:
    dtype = series.dtype
    nulls = int(series.null_count())
    if is_nested(series):
        return Summary(nulls=nulls)
    there = series.drop_nulls()
    if dtype.is_numeric():
        found = _of_numbers(there)
    elif dtype.is_temporal():
        found = _of_dates(there)
    else:
        found = _of_labels(there)
    return replace(found, nulls=nulls)


def _of_numbers(there: nw.Series[Any]) -> Summary:
    also: list[str] = []
    distinct = int(there.n_unique())
    if there.dtype.is_float():
        finite = there.filter(there.is_finite())
        if len(finite) < len(there):
            odd = there.filter(~there.is_finite()).to_list()
            also = _odd_numbers(odd)
        there = finite
    if not len(there):
        return Summary(distinct=distinct, also=tuple(also))
    low, middle, high = there.min(), _median(there), there.max()
    return Summary(distinct=distinct, span=_cells(low, middle, high), also=tuple(also))


def _median(there: nw.Series[Any]) -> Any:
    """Return the median of numbers: the lower of two where their mean is inexact.

    A mean of large integers or of decimals is a rounded float, and one of large floats
    may be infinite: it could lie outside the least and the greatest.
    """
    low, high = there.min(), there.max()
    is_exact = not there.dtype.is_decimal() and not (
        there.dtype.is_integer() and max(abs(low), abs(high)) >= _LARGEST_MEAN
    )
    if is_exact:
        middle = there.median()
        if low <= middle <= high:
            return middle
    return there.sort()[(len(there) - 1) // 2]


def _odd_numbers(odd: Sequence[float]) -> list[str]:
    nans = sum(map(math.isnan, odd))
    plus = sum(number == math.inf for number in odd)
    counts = ((nans, "NaN"), (plus, "inf"), (len(odd) - nans - plus, "-inf"))
    return [f"{count:,} {word}" for count, word in counts if count]


def _of_dates(there: nw.Series[Any]) -> Summary:
    distinct = int(there.n_unique())
    if not len(there):
        return Summary(distinct=distinct)
    ordered = there.sort()
    low, middle, high = (
        ordered[place] for place in (0, (len(there) - 1) // 2, len(there) - 1)
    )
    return Summary(
        distinct=distinct, span=_cells(low, middle, high), length=_length(low, high)
    )


def _of_labels(there: nw.Series[Any]) -> Summary:
    if there.dtype == nw.Boolean:
        trues = int(there.sum())
        both = {True: trues, False: len(there) - trues}
        return _of_few(
            {value: count for value, count in both.items() if count}, least=1
        )
    if there.dtype != nw.String:
        there = there.cast(nw.String)
    there = there.alias("value")
    distinct = int(there.n_unique())
    if distinct == len(there):
        return Summary(distinct=distinct)
    counts = there.value_counts(name="count").filter(nw.col("count") > 1)
    # By the text too: libraries order equal counts each in its own way.
    first = counts.sort("count", "value", descending=[True, False]).head(MOST_TOP)
    return Summary(distinct=distinct, top=_top(first.rows()))


def _of_values(values: list[Any]) -> Summary:
    there = [value for value in values if not is_null(value)]
    nulls = len(values) - len(there)
    names = Counter(map(type_name, there))
    also = _types(names) if len(names) > 1 else []
    if not all(map(is_plain, there)):
        return Summary(nulls=nulls, also=tuple(also))
    distinct = len(set(there))
    odd = [value for value in there if not _is_finite(value)]
    finite = [value for value in there if _is_finite(value)]
    summary = Summary(
        nulls=nulls,
        distinct=distinct,
        also=(*also, *(_odd_numbers(odd) if odd else ())),
    )
    ordered = _in_order(finite)
    if ordered:
        low, high = ordered[0], ordered[-1]
        middle = ordered[(len(ordered) - 1) // 2]
        span = _cells(low, middle, high)
        return replace(summary, span=span, length=_length(low, high))
    return replace(summary, top=_of_few(Counter(finite), mixed=bool(also)).top)


def _of_few(
    counts: Mapping[Any, int], *, least: int = 2, mixed: bool = False
) -> Summary:
    """Return the summary of values that were counted one by one."""
    often = [(value, count) for value, count in counts.items() if count >= least]
    often.sort(key=lambda pair: (-pair[1], write(pair[0]).text))
    return Summary(distinct=len(counts), top=_top(often[:MOST_TOP], mixed=mixed))


def _is_finite(value: Any) -> bool:
    if issubclass(type(value), decimal.Decimal):
        return bool(value.is_finite())
    return not issubclass(type(value), float) or math.isfinite(value)


def _types(names: Counter[str]) -> list[str]:
    """Return which types occur in a column, the most frequent ones by name."""
    words = [f"{name} ×{count:,}" for name, count in islice(names.most_common(), 3)]
    more = len(names) - len(words)
    return ["types " + ", ".join(words) + (f", {more} more" if more else "")]


def _in_order(values: list[Any]) -> list[Any]:
    """Return numbers or dates sorted; nothing for what has no range worth telling."""
    kinds = set(map(type, values))
    if len(kinds) > 1 and not all(map(_is_number, kinds)):
        return []
    if any(issubclass(kind, _UNORDERED) for kind in kinds):
        return []
    try:
        return sorted(values)
    except TypeError:  # dates with and without a time zone
        return []


def _is_number(kind: type) -> bool:
    return issubclass(kind, (numbers.Real, decimal.Decimal))


def _length(low: Any, high: Any) -> str:
    """Return the time between two dates: ``365 days``, ``2:00:00``."""
    if not issubclass(type(low), dt.date):
        return ""
    between: dt.timedelta = high - low
    if between.days:
        return f"{between.days:,} day{'' if between.days == 1 else 's'}"
    seconds = int(between.total_seconds())
    return str(dt.timedelta(seconds=seconds)) if seconds else ""


def _cells(low: Any, middle: Any, high: Any) -> tuple[Cell, Cell, Cell]:
    return write(low), write(middle), write(high)


def _top(
    counts: Sequence[tuple[Any, ...]], *, mixed: bool = False
) -> tuple[tuple[Cell, int], ...]:
    return tuple((write(value, mixed=mixed), int(count)) for value, count in counts)
