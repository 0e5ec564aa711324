"""Data of any kind as rows, and columns joined to it."""

from __future__ import annotations

import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest

from stepmagic.ask.batch.tables import Column, table_of
from stepmagic.errors import AttachmentError

Point = namedtuple("Point", ["x", "y"])  # noqa: PYI024 - users have untyped ones


@dataclass
class Pair:
    """A record of a user's."""

    x: int
    y: int


ADDED = [
    Column(name="s", kind="string", values=["a", None]),
    Column(name="i", kind="integer", values=[1, None]),
    Column(name="n", kind="number", values=[0.5, None]),
    Column(name="b", kind="boolean", values=[True, None]),
    Column(name="o", kind="object", values=[{"k": 1}, None]),
]


@pytest.mark.parametrize(
    ("data", "columns"),
    [
        (pd.DataFrame({"x": [1, 2]}), {"x": [1, 2]}),
        (pd.DataFrame({0: [1, 2]}), {"0": [1, 2]}),
        (pd.Series([1, 2], name="x"), {"x": [1, 2]}),
        (pd.Series([1, 2]), {"only": [1, 2]}),
        (pl.DataFrame({"x": [1, 2]}), {"x": [1, 2]}),
        (pl.Series([1, 2]), {"only": [1, 2]}),
        (pa.table({"x": [1, 2]}), {"x": [1, 2]}),
        (nw.from_native(pl.DataFrame({"x": [1, 2]})), {"x": [1, 2]}),
        ([1, 2], {"only": [1, 2]}),
        ((1, 2), {"only": [1, 2]}),
        (range(1, 3), {"only": [1, 2]}),
        (np.array([1, 2]), {"only": [1, 2]}),
        ([{"x": 1}, {"x": 2, "y": 3}], {"x": [1, 2], "y": [None, 3]}),
        ([Point(1, 2), Point(3, 4)], {"x": [1, 3], "y": [2, 4]}),
        ([Pair(1, 2), Pair(3, 4)], {"x": [1, 3], "y": [2, 4]}),
        ([], {"only": []}),
    ],
)
def test_data_has_rows_and_columns(data: Any, columns: dict[str, list[Any]]) -> None:
    table = table_of(data, "only")
    assert {name: list(table.values(name)) for name in table.names} == columns
    assert table.count == len(next(iter(columns.values())))


def test_an_array_of_pictures_has_a_picture_in_each_row() -> None:
    pictures = np.zeros((3, 32, 32, 3), dtype="uint8")
    table = table_of(pictures, "image")
    assert [each.shape for each in table.values("image")] == [(32, 32, 3)] * 3


@pytest.mark.parametrize(
    "data",
    [
        "text",
        b"bytes",
        {"x": [1]},
        7,
        np.zeros((2, 2)),
        np.zeros((32, 32, 3), dtype="uint8"),
        pl.DataFrame({"x": [1]}).lazy(),
    ],
)
def test_what_has_no_rows_is_refused(data: Any) -> None:
    with pytest.raises(AttachmentError):
        table_of(data, "only")


def test_two_columns_of_a_name_are_refused() -> None:
    with pytest.raises(AttachmentError, match="two columns 'x'"):
        table_of(pd.DataFrame([[1, 2]], columns=["x", "x"]), "only")


def test_pandas_keeps_its_index_and_gets_types_that_miss_values() -> None:
    data = pd.DataFrame({"x": [1, 2]}, index=["p", "p"])
    found = table_of(data, "only").joined(ADDED)
    assert list(found.index) == ["p", "p"]
    kinds = [str(dtype) for dtype in found.dtypes]
    assert kinds == ["int64", "str", "Int64", "float64", "boolean", "object"]
    assert found.iloc[1, 1:].isna().all()
    assert list(data.columns) == ["x"]


def test_polars_gets_its_own_types() -> None:
    found = table_of(pl.DataFrame({"x": [1, 2]}), "only").joined(ADDED)
    kinds = [pl.Int64, pl.String, pl.Int64, pl.Float64, pl.Boolean]
    assert found.dtypes[:5] == kinds
    assert found["s"].to_list() == ["a", None]
    assert found["o"].to_list()[0] == {"k": 1}


def test_pyarrow_stays_pyarrow() -> None:
    found = table_of(pa.table({"x": [1, 2]}), "only").joined(ADDED[:2])
    assert isinstance(found, pa.Table)
    assert found.column("i").to_pylist() == [1, None]


def test_a_list_becomes_a_frame_whatever_it_holds() -> None:
    strange = [object(), [1]]
    found = table_of(strange, "only").joined(ADDED[:1])
    assert isinstance(found, pd.DataFrame)
    assert list(found["only"]) == strange


WITHOUT = """
import sys
for name in {missing!r}:
    sys.modules[name] = None
from stepmagic.ask.batch.tables import Column, table_of
added = [Column(name="s", kind="string", values=["a", None])]
print(table_of([1, object], "x").joined(added))
"""


@pytest.mark.parametrize(
    ("missing", "printed"),
    [
        (["pandas"], "shape: (2, 2)"),
        (["pandas", "polars"], "[{'x': 1, 's': 'a'}, {'x': <class 'object'>, 's': N"),
    ],
)
def test_a_list_becomes_what_is_installed(missing: list[str], printed: str) -> None:
    run = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", WITHOUT.format(missing=missing)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert printed in run.stdout, run.stderr
