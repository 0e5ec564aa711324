"""The summary of a column."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pytest

from preview_text import rows, schema
from stepmagic.attachments.frames import preview


def test_200_000_rows_are_counted_exactly() -> None:
    frame = pl.DataFrame({"n": [None, *range(199_999)]})
    made = preview(frame)
    assert schema(made)["n"][1:3] == ["1", "199,999"]
    assert "sample of" not in made.text


def test_missing_and_infinite_values_are_told_apart() -> None:
    values = [1.0, None, float("nan"), float("inf"), float("-inf"), float("inf")]
    cells = schema(preview(pl.DataFrame({"x": values})))["x"]
    assert cells == ["Float64", "1", "4", "1 / 1 / 1; 1 NaN; 2 inf; 1 -inf"]
    shown = [row[1] for row in rows(preview(pl.DataFrame({"x": values})))]
    assert shown == ["x", "1", "null", "NaN", "inf", "-inf", "inf"]
    odd = schema(preview([{"x": value} for value in values]))["x"]
    assert odd == ["float", "1", "4", "1 / 1 / 1; 1 NaN; 2 inf; 1 -inf"]
    only = schema(preview(pl.DataFrame({"x": [float("nan")]})))["x"]
    assert only == ["Float64", "0", "1", "1 NaN"]


def test_values_that_cannot_be_counted_are_still_shown() -> None:
    signal = decimal.Decimal("sNaN")  # has no hash
    frame = pd.DataFrame({"signal": [signal], "quiet": [decimal.Decimal("NaN")]})
    made = preview(frame)
    assert schema(made)["signal"] == ["object", "?", "?"]
    assert schema(made)["quiet"] == ["object", "1", "0"]
    assert rows(made)[1][1:] == ["sNaN", "null"]


def test_nan_among_objects_is_a_null_as_in_other_columns() -> None:
    flags = pd.DataFrame({"k": [1], "flag": [True]})
    merged = pd.DataFrame({"k": [1, 2, 3]}).merge(flags, how="left")
    assert schema(preview(merged))["flag"][:3] == ["object", "2", "1"]
    mixed = pd.Series(["a", np.nan, None, 1, 1], name="m", dtype=object)
    assert schema(preview(mixed))["m"][1:3] == ["2", "2"]
    assert [row[1] for row in rows(preview(mixed))[2:4]] == ["null", "null"]


@pytest.mark.parametrize(
    "values",
    [
        [2**60 + n for n in range(5)],
        [2**60 + n for n in range(4)],
        [-(2**62), -(2**62) + 1],
        [1e308, 1.7e308],
    ],
)
def test_a_median_is_between_the_least_and_the_greatest(values: list[Any]) -> None:
    for frame in (pd.DataFrame({"n": values}), pl.DataFrame({"n": values})):
        words = schema(preview(frame))["n"][3]
        low, middle, high = map(decimal.Decimal, words.split(" / "))
        assert low <= middle <= high


def test_all_are_null_only_where_100_percent_are() -> None:
    values = pl.Series("rare", [None] * 300_000, dtype=pl.Int8)
    assert schema(preview(values))["rare"][1] == "100%"
    assert schema(preview(values.scatter(0, 1)))["rare"][1] == ">99.9%"
