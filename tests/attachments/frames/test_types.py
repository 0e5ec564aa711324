"""What is a table, by its type alone."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import namedtuple
from typing import Any, NamedTuple

import duckdb
import narwhals
import narwhals.stable.v1
import narwhals.stable.v2
import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest

from frame_strategies import Hostile
from stepmagic.attachments.frames import is_frame, preview


@dataclasses.dataclass
class Invoice:
    """A record."""

    number: int
    total: float


Untyped = namedtuple("Untyped", "x")  # noqa: PYI024 - many records are made like this


class Point(NamedTuple):
    """A record too."""

    x: int
    y: int


FRAME = pd.DataFrame({"a": [1, 2]})
TABLE = pa.table({"a": [1, 2]})
STRUCTURED = np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])


class Loud(pd.DataFrame):  # type: ignore[misc]  # pandas ships no types
    """A frame that has a name of its own."""


@pytest.mark.parametrize(
    ("value", "kind", "size"),
    [
        (FRAME, "pandas DataFrame", "2 rows × 1 column"),
        (Loud(FRAME), "pandas DataFrame", "2 rows × 1 column"),
        (FRAME["a"], "pandas Series", "2 values"),
        (pl.DataFrame({"a": [1]}), "polars DataFrame", "1 row × 1 column"),
        (pl.Series("a", [1]), "polars Series", "1 value"),
        (pl.LazyFrame({"a": [1]}), "polars LazyFrame", "1 row × 1 column"),
        (TABLE, "pyarrow Table", "2 rows × 1 column"),
        (TABLE.to_batches()[0], "pyarrow RecordBatch", "2 rows × 1 column"),
        (TABLE.column(0), "pyarrow ChunkedArray", "2 values"),
        (narwhals.from_native(FRAME), "pandas DataFrame", "2 rows × 1 column"),
        (
            narwhals.stable.v1.from_native(pl.LazyFrame({"a": [1]})),
            "polars LazyFrame",
            "1 row × 1 column",
        ),
        (
            narwhals.stable.v2.from_native(FRAME["a"], series_only=True),
            "pandas Series",
            "2 values",
        ),
        (np.zeros((3, 2)), "numpy array", "3 rows × 2 columns"),
        (np.zeros(3), "numpy array", "3 values"),
        (np.zeros((0, 2)), "numpy array", "0 rows × 2 columns"),
        (STRUCTURED, "numpy array", "1 row × 2 columns"),
        (STRUCTURED.view(np.recarray), "numpy array", "1 row × 2 columns"),
        (np.array(["a"]), "numpy array", "1 value"),
        ([{"a": 1}], "list of records", "1 row × 1 column"),
        ([Invoice(1, 2.5)], "list of records", "1 row × 2 columns"),
        ([Point(1, 2)], "list of records", "1 row × 2 columns"),
        ([Untyped(1)], "list of records", "1 row × 1 column"),
        ([{"a": 1}, Point(1, 2)], "list of records", "2 rows × 3 columns"),
    ],
)
def test_table_is_told_by_its_type(value: Any, kind: str, size: str) -> None:
    assert is_frame(value)
    made = preview(value)
    assert (made.kind, made.size) == (kind, size)
    assert made.text.startswith(f"{kind}: {size}\n")


def test_relation_of_duckdb_is_a_table() -> None:
    relation = duckdb.connect().sql("select 1 as a, 'x' as b")
    assert is_frame(relation)
    assert preview(relation).size == "1 row × 2 columns"


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "text",
        [],
        [1, 2],
        [{1: 2}],
        [{"a": 1}, 2],
        [(1, 2)],
        ({"a": 1},),
        {"a": [1]},
        np.zeros((2, 2, 2)),
        np.float64(1),
        np.zeros(2, dtype="V8"),
        np.zeros((2, 2), dtype=[("a", "i4")]),
        pd.Index([1]),
        pd,
        Invoice(1, 2.5),
        Hostile(),
        [Hostile()],
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_none(value: Any) -> None:
    assert not is_frame(value)


def test_no_code_of_a_value_runs() -> None:
    class Pretender:
        @property  # type: ignore[misc]  # `object` can set it
        def __class__(self) -> Any:
            message = "asked for its class"
            raise AssertionError(message)

    assert not is_frame(Pretender())
    assert not is_frame([Pretender()])


def test_package_loads_no_library_of_frames() -> None:
    code = """
import sys
from stepmagic.attachments.frames import is_frame, preview
is_frame([1])
"""
    libraries = {"numpy", "pandas", "polars", "pyarrow", "duckdb"}
    check = code + f"sys.exit(bool({libraries} & set(sys.modules)))"
    without = "from stepmagic.attachments import frames\nimport sys\n"
    lazily = without + "sys.exit('narwhals' in sys.modules)"
    for script in (check, lazily):
        run = subprocess.run([sys.executable, "-c", script], check=False)  # noqa: S603 - our own code
        assert run.returncode == 0


def test_records_need_no_library_of_frames() -> None:
    """An environment without numpy, pandas and polars has previews of records."""
    code = """
import sys
for name in ("numpy", "pandas", "polars", "pyarrow", "duckdb"):
    sys.modules[name] = None
from stepmagic.attachments.frames import is_frame, preview
rows = [{"a": 1.5, "b": "x"}, {"a": 2, "b": None}]
assert is_frame(rows) and not is_frame(7)
assert "1.5 / 1.5 / 2" in preview(rows).text
"""
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code


def test_arrays_need_no_other_library() -> None:
    code = """
import sys
for name in ("pandas", "polars", "pyarrow"):
    sys.modules[name] = None
import numpy as np
from stepmagic.attachments.frames import preview
assert "0 / 1 / 2" in preview(np.arange(3)).text
dates = preview(np.array(["2020-01-01", "NaT"], "M8[ns]")).text
assert "2020-01-01T00:00:00.000000000" in dates, dates
assert "\\t1\\t1\\t" in dates, dates
"""
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code


def test_unknown_name_of_the_package_is_an_error() -> None:
    from stepmagic.attachments import frames  # noqa: PLC0415 - the module itself

    with pytest.raises(AttributeError, match="no attribute 'prewiev'"):
        _ = frames.prewiev
