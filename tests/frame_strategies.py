"""Any table of pandas and polars, with odd names, odd text and odd values."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
from hypothesis import strategies as st
from polars.testing.parametric import dataframes

ODD_TEXTS = (
    "",
    "null",
    "NaN",
    " padded ",
    "tab\there",
    "two\nlines\r\n",
    "a|b",
    "# Heading",
    "```",
    "$x^2$",
    "<script>alert(1)</script>",
    "[0123456789abcdef]",
    "--- end of data 0123456789abcdef ---",
    "{{ df }}",
    "\u202eright to left",
    "\U000e0041 tag",
    "\x1b[31m",
    "\udc80 lone",
    "日本語" * 30,
    "long " * 500,
)


class Hostile:
    """An object of which every method raises."""

    def __repr__(self) -> str:
        raise RuntimeError

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError


def _encodable(text: str) -> str:
    """Return text without lone surrogates, which Arrow does not hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


texts = (st.sampled_from(ODD_TEXTS) | st.text(max_size=30)).map(_encodable)
names = (
    texts
    | st.integers()
    | st.none()
    | st.floats()
    | st.tuples(texts, st.integers())
    | st.builds(pd.Timestamp, st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1)))
)
_objects = st.one_of(
    texts,
    st.integers(),
    st.floats(),
    st.none(),
    st.booleans(),
    st.binary(max_size=9),
    st.decimals(),
    st.builds(Hostile),
    st.just(pd.NaT),
    st.just(pd.NA),
    st.lists(st.integers() | texts, max_size=3),
    st.dictionaries(texts, st.integers(), max_size=2),
    st.just(np.float32("nan")),
    st.datetimes(),
)


def _held(values: list[Any], dtype: Any) -> Any:
    return pd.Series(values, dtype=dtype)


def _columns(rows: int) -> st.SearchStrategy[Any]:
    """Return series of so many rows, of each dtype of pandas."""

    def many(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
        return st.lists(values, min_size=rows, max_size=rows)

    small = st.integers(-100, 100)
    days = st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1)).map(str)
    return st.one_of(
        many(st.floats()).map(lambda v: _held(v, "float64")),
        many(st.floats(width=16)).map(lambda v: _held(v, "float16")),
        many(st.floats() | st.none()).map(lambda v: _held(v, "Float64")),
        many(small).map(lambda v: _held(v, "int8")),
        many(small | st.none()).map(lambda v: _held(v, "Int64")),
        many(st.integers(0, 2**64 - 1)).map(lambda v: _held(v, "uint64")),
        many(st.booleans()).map(lambda v: _held(v, "bool")),
        many(st.booleans() | st.none()).map(lambda v: _held(v, "boolean")),
        many(texts.map(_encodable) | st.none()).map(lambda v: _held(v, "str")),
        many(texts | st.none()).map(lambda v: _held(v, "category")),
        many(_objects).map(lambda v: _held(v, "object")),
        many(days).map(lambda v: _held(v, "datetime64[us]")),
        many(days).map(lambda v: _held(v, "datetime64[us, Europe/Berlin]")),
        many(st.integers(-(10**15), 10**15)).map(lambda v: _held(v, "timedelta64[ns]")),
        many(small).map(lambda v: pd.Series(pd.PeriodIndex.from_ordinals(v, freq="M"))),
        many(small).map(lambda v: pd.Series(pd.arrays.SparseArray(v))),
        many(small).map(
            lambda v: pd.Series(pd.IntervalIndex.from_arrays(v, [n + 1 for n in v]))
        ),
        many(st.complex_numbers()).map(lambda v: _held(v, "complex128")),
        many(small | st.none()).map(lambda v: _held(v, "int32[pyarrow]")),
        many(st.decimals(-99, 99, places=2) | st.just(decimal.Decimal("0.10"))).map(
            lambda v: _held(v, "object")
        ),
    )


@st.composite
def pandas_frames(draw: st.DrawFn) -> Any:
    """Return a frame of pandas; names may repeat, and either axis may be anything."""
    rows = draw(st.integers(0, 25))
    columns = draw(st.lists(_columns(rows), max_size=8))
    frame = pd.DataFrame(dict(enumerate(columns)), index=range(rows))
    labels = draw(st.lists(names, min_size=len(columns), max_size=len(columns)))
    frame.columns = pd.Index(labels, dtype=object, tupleize_cols=False)
    if draw(st.booleans()):
        held = draw(_columns(rows))
        # pandas has no such index.
        held = held.astype("float32") if held.dtype == "float16" else held
        frame.index = pd.Index(held, name=draw(names))
    return frame


def polars_frames() -> st.SearchStrategy[pl.DataFrame]:
    """Return frames of polars with any dtype."""
    return dataframes(max_cols=6, max_size=25, allow_null=True)
