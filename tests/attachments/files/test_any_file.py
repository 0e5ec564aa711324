"""Tables with known contents: every name and number in a preview is held against them.

Each table is tried as a frame of pandas, polars, pyarrow and Dask, and as a CSV, TSV,
JSON Lines, Parquet and Arrow file.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.dataframe
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from preview_text import rows, schema
from stepmagic.attachments import files
from stepmagic.attachments.frames import Preview, preview
from stepmagic.transcript import Text

dd: Any = dask.dataframe
TYPES: dict[type, tuple[Any, str]] = {
    int: (pl.Int64, "Int64"),
    float: (pl.Float64, "Float64"),
    bool: (pl.Boolean, "boolean"),
    str: (pl.String, "str"),
    dt.date: (pl.Date, "datetime64[us]"),
}
VALUES: dict[type, st.SearchStrategy[Any]] = {
    int: st.integers(-(10**17), 10**17),
    float: st.integers(-4000, 4000).map(lambda n: n / 4),
    bool: st.booleans(),
    # Codes, some with zeros in front, some with what separates values in files.
    str: st.from_regex(r"0[0-9]{2,4}|[B-Z]{2}[0-9]{1,3}|a[,;|\" ]b", fullmatch=True),
    dt.date: st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1)),
}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, tuple[type, list[Any]]]:
    """Return columns by name: what type they are of, and their values."""
    count = draw(st.integers(1, 12))
    name = st.from_regex(r"[a-z][a-z_ ]{0,8}[a-z]", fullmatch=True)
    found: dict[str, tuple[type, list[Any]]] = {"key": (int, list(range(count)))}
    for each in draw(st.lists(name, max_size=4, unique=True)):
        kind = draw(st.sampled_from(list(TYPES)))
        values = st.lists(VALUES[kind] | st.none(), min_size=count, max_size=count)
        found[each] = (kind, draw(values))
    return found


def as_written(value: Any) -> str:
    """Return the text of a cell."""
    if value is None:
        return "null"
    return f"{value:g}" if type(value) is float else str(value)


def frames_of(table: dict[str, tuple[type, list[Any]]]) -> Iterator[Any]:
    """Yield the table in four libraries."""
    polars = pl.DataFrame(
        {name: values for name, (_, values) in table.items()},
        schema={name: TYPES[kind][0] for name, (kind, _) in table.items()},
    )
    pandas = pd.DataFrame(
        {
            name: pd.Series(values, dtype=TYPES[kind][1])
            for name, (kind, values) in table.items()
        }
    )
    yield from (polars, polars.lazy(), polars.to_arrow(), pandas)
    yield dd.from_pandas(pandas, npartitions=2)


def files_of(frame: pl.DataFrame, folder: Path) -> Iterator[Path]:
    """Write the table into files of five formats, and yield them."""
    for suffix, separator in ((".csv", ","), (".tsv", "\t")):
        path = folder / f"a{suffix}"
        text = io.StringIO()
        writer = csv.writer(text, delimiter=separator, lineterminator="\n")
        writer.writerow(frame.columns)
        writer.writerows(frame.rows())
        path.write_text(text.getvalue(), "utf-8")
        yield path
    lines = (json.dumps(row, default=str) for row in frame.to_dicts())
    (folder / "a.jsonl").write_text("\n".join(lines), "utf-8")
    frame.write_parquet(folder / "a.parquet")
    frame.write_ipc(folder / "a.feather")
    yield from (folder / f"a.{end}" for end in ("jsonl", "parquet", "feather"))


def check(made: Preview, table: dict[str, tuple[type, list[Any]]]) -> None:
    """Hold a preview against the table."""
    count = len(table["key"][1])
    noun = "row" if count == 1 else "rows"
    assert made.size.startswith(f"{count} {noun} × {len(table)} column")
    assert list(schema(made)) == list(table)
    for name, (kind, values) in table.items():
        _, nulls, distinct, *more = schema(made)[name]
        there = [value for value in values if value is not None]
        assert nulls == str(len(values) - len(there))
        assert distinct == str(len(set(there)))
        if more and " / " in more[0] and kind is not bool:
            low, _, high = more[0].partition(" (")[0].split(" / ")
            assert low.removesuffix(" 00:00:00") == as_written(min(there))
            assert high.removesuffix(" 00:00:00") == as_written(max(there))
    for row in rows(made)[1:]:
        shown = [cell.removesuffix(" 00:00:00").strip('"') for cell in row[1:]]
        expected = [as_written(values[int(row[0])]) for _, values in table.values()]
        assert shown == [cell.strip('"') for cell in expected]


@settings(max_examples=25)
@given(tables())
def test_names_and_numbers_are_those_of_the_table(
    table: dict[str, tuple[type, list[Any]]],
) -> None:
    frames = list(frames_of(table))
    for frame in frames:
        check(preview(frame, tokens=20_000), table)
    with tempfile.TemporaryDirectory() as folder:
        for path in files_of(frames[0], Path(folder)):
            attached = files.attach_path(path)
            (part,) = attached.parts
            assert isinstance(part, Text)
            made = Preview(text=part.text, kind=attached.kind, size=attached.size)
            check(made, table)
