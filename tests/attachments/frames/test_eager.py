"""Tables in memory, whatever the library."""

from __future__ import annotations

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest

from preview_text import rows, schema
from stepmagic.attachments.frames import preview


def test_libraries_show_the_same_rows() -> None:
    frame = pl.DataFrame({"n": range(500_000)})
    texts = [
        preview(data).text.split("\n", 3)[3].partition("Rows")[2]
        for data in (frame, frame.to_arrow(), frame.to_pandas(), frame.lazy())
    ]
    assert len(set(texts)) == 1
    assert preview(frame, seed=1).text != preview(frame).text


def test_index_shows_where_it_is_not_the_default() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    assert rows(preview(frame)) == [
        ["row", "index (index)", "a"],
        ["0", "x", "1"],
        ["1", "y", "2"],
    ]
    assert preview(frame).size == "2 rows × 1 column"
    assert "(index)" not in preview(frame.reset_index(drop=True)).text
    assert "(index)" in preview(frame.set_axis(range(1, 3))).text


def test_levels_of_an_index_and_of_names() -> None:
    frame = pd.DataFrame(
        np.arange(8).reshape(4, 2),
        index=pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", None]),
        columns=pd.MultiIndex.from_tuples([("x", 1), ("x", 2)]),
    )
    made = preview(frame)
    labels = ["k (index)", "level 1 (index)", "('x', 1)", "('x', 2)"]
    assert rows(made)[0] == ["row", *labels]
    assert rows(made)[3] == ["2", "b", "1", "4", "5"]
    assert schema(made)["k (index)"] == ["str", "0", "2", "a ×2, b ×2"]
    long = frame.take(np.tile(range(4), 60_000))
    assert rows(preview(long))[-1] == ["239999", "b", "2", "6", "7"]


def test_names_may_repeat_and_be_anything() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "a", 0, "0"])
    assert rows(preview(frame)) == [
        ["row", "a", "a", "0", '"0"'],
        ["0", "1", "2", "3", "4"],
    ]
    table = pa.table([pa.array([1]), pa.array(["x"])], names=["a", "a"])
    assert rows(preview(table)) == [["row", "a", "a"], ["0", "1", "x"]]


def test_field_that_fails_is_null() -> None:
    class Broken(tuple[int]):
        __slots__ = ()
        _fields = ("a",)

        @property
        def a(self) -> int:
            raise RuntimeError

    assert rows(preview([Broken((1,))])) == [["row", "a"], ["0", "null"]]


def test_records_may_miss_fields() -> None:
    data = [
        {"a": 1},
        {"a": "x", "b": 2.5},
        {"a": None, "c": [1]},
        {"a": b""},
        {"a": ()},
    ]
    cells = schema(preview(data))
    assert cells["a"][0] == "int or str or bytes or others"
    assert cells["a"][3] == "types int ×1, str ×1, bytes ×1, 1 more"
    assert cells["b"] == ["float", "4", "1", "2.5 / 2.5 / 2.5"]
    assert schema(preview([{"a": None}]))["a"][0] == "null"
    many = preview([{"n": n} for n in range(300_000)])
    assert rows(many)[-1] == ["299999", "299999"]


def test_arrays_of_numpy() -> None:
    array = np.arange(12.0).reshape(4, 3)
    assert schema(preview(array))["1"] == ["float64", "0", "4", "1 / 5.5 / 10"]
    long = preview(np.arange(1_000_000, dtype="u2"))
    assert rows(long)[-1] == ["999999", str(999_999 % 65536)]
    fields = np.zeros(2, dtype=[("m", "f8", (2, 2)), ("s", "U3"), ("n", "i4")])
    assert rows(preview(fields))[1] == ["0", "[[0, 0], [0, 0]]", '""', "0"]


def test_views_of_text_in_arrow_are_read() -> None:
    table = pa.table(pl.DataFrame({"s": ["a", "b"], "b": [b"x", b"y"], "v": [1, 2]}))
    assert rows(preview(table))[1] == ["0", "a", "<1 byte>", "1"]


def test_a_series_without_a_name_is_called_values() -> None:
    assert "values" in schema(preview(pd.Series([1, 2])))
    assert "values" in schema(preview(pl.Series([1, 2])))
    assert "0" not in schema(preview(pd.Series([1], name="a")))


def test_geometries_have_a_reference_system_bounds_and_all_their_digits() -> None:
    geopandas = pytest.importorskip("geopandas")
    frame = geopandas.GeoDataFrame(
        {"n": [1, 2]},
        geometry=geopandas.points_from_xy([-95.3698012, 4.5], [29.7604267, 9]),
        crs="EPSG:4326",
    )
    made = preview(frame)
    assert made.kind == "geopandas GeoDataFrame"
    assert rows(made)[1] == ["0", "1", "POINT (-95.3698012 29.7604267)"]
    assert "CRS: EPSG:4326; bounds (least x, y, greatest x, y): -95.3698012" in (
        made.text
    )
    assert "29.76" not in preview(frame, redact=["geometry"]).text
