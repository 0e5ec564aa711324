"""Records as frames, with each library or none."""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package apart
import polars as pl
import pytest

from stepmagic.schema import Records, Schema, frame_of

ROWS: list[dict[str, Any]] = [{"a": 1, "b": [1]}, {"a": "x", "c": None}]


@dataclass
class Item:
    """A record."""

    name: str
    price: float | None = None


def test_frame_is_pandas_where_it_is_installed() -> None:
    frame = frame_of(ROWS, ["c"])
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["c", "a", "b"]
    assert frame.a.tolist() == [1, "x"]


def test_frame_is_polars_where_pandas_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As where it is not installed.
    monkeypatch.setitem(sys.modules, "pandas", None)
    frame = frame_of(ROWS)
    assert isinstance(frame, pl.DataFrame)
    assert frame.columns == ["a", "b", "c"]


def test_rows_stay_where_there_is_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    assert frame_of(ROWS) is ROWS


def test_list_of_records_is_a_list_with_a_frame() -> None:
    records = Schema.of(list[Item]).read('[{"name": "pen", "price": 2}]')
    assert isinstance(records, Records)
    assert records == [Item("pen", 2.0)]
    frame: Any = records.to_frame()
    assert frame.to_dict("records") == [{"name": "pen", "price": 2.0}]
    copied = pickle.loads(pickle.dumps(records))  # noqa: S301 - our own bytes
    assert copied == records
    assert list(copied[:0]) == []


def test_no_records_still_have_columns() -> None:
    assert list(Schema.of(list[Item]).read("[]").to_frame().columns) == [
        "name",
        "price",
    ]


@pytest.mark.parametrize("kind", [list[int], list[list[Item]], dict[str, Item], Item])
def test_what_is_no_list_of_records_has_none(kind: Any) -> None:
    assert Schema.of(kind).record_columns == ()


def test_items_of_a_users_own_schema_are_records_where_they_are_objects() -> None:
    held = {"type": "object", "properties": {"a": {"type": "integer"}}}
    schema = Schema.of({"type": "array", "items": held})
    assert [column.name for column in schema.record_columns] == ["a"]
    assert Schema.of({"type": "array"}).record_columns == ()
