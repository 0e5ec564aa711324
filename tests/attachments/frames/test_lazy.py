"""Queries: exact counts, rows from all over, and nothing collected whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import polars as pl
import pytest
from polars.io.plugins import register_io_source

from preview_text import rows, schema
from stepmagic.attachments.frames import lazy, preview
from stepmagic.attachments.frames import types as kinds
from stepmagic.attachments.frames.lazy import open_lazy
from stepmagic.errors import AttachmentError

NO_TAIL = "\nThe last rows were not read."


@pytest.fixture
def connection() -> Iterator[Any]:
    with duckdb.connect() as opened:
        yield opened


def test_relation_shows_its_rows_in_their_order(connection: Any) -> None:
    relation = connection.sql(
        "select 999999 - i as i, i * 2 as i, [i] as l from range(1000000) t(i) "
        "order by 1 desc"
    )
    made = preview(relation)
    assert made.size == "1,000,000 rows × 3 columns"
    shown = rows(made)[1:]
    assert len(shown) == 15
    for position, down, doubled, nested in shown:
        assert int(down) == 999_999 - int(position)
        assert int(doubled) == 2 * int(position)
        assert nested == f"[{position}]"
    assert [row[0] for row in shown[-5:]] == [str(999_995 + n) for n in range(5)]
    lines = schema(made)
    assert lines["l"] == ["BIGINT[]", "?", "?"]  # never read for statistics


def test_relation_of_a_thousand_million_rows_is_not_collected(connection: Any) -> None:
    made = preview(connection.sql("select i, i + 1 as j from range(1000000000) t(i)"))
    assert made.size == "1,000,000,000 rows × 2 columns"
    assert "Counts and ranges are of the first 200,000 rows;" in made.text
    assert made.text.endswith(NO_TAIL)
    assert max(int(row[0]) for row in rows(made)[1:]) < 200_000


def test_relation_that_is_gone_is_an_error() -> None:
    connection = duckdb.connect()
    relation = connection.sql("select 1")
    connection.close()
    with pytest.raises(AttachmentError, match="`r` could not be read: "):
        preview(relation, name="r")


class Numbers:
    """A source of rows that polars reads in batches, which counts what it gave."""

    def __init__(self, count: int, text: str = "x" * 100) -> None:
        self.count = count
        self.text = text
        self.given: list[int] = []
        self.asked: list[list[str] | None] = []

    @property
    def frame(self) -> pl.LazyFrame:
        """The source as a frame."""
        columns = {"n": pl.Int64(), "text": pl.String(), "list": pl.List(pl.Int64)}
        return register_io_source(self._batches, schema=pl.Schema(columns))

    def _batches(
        self,
        columns: list[str] | None,
        predicate: pl.Expr | None,
        limit: int | None,
        _batch: int | None,
    ) -> Iterator[pl.DataFrame]:
        self.asked.append(columns)
        self.given.append(0)
        end = self.count if limit is None else min(limit, self.count)
        for begin in range(0, end, 100_000):
            size = min(100_000, end - begin)
            self.given[-1] += size
            batch = pl.select(n=pl.int_range(begin, begin + size)).with_columns(
                text=pl.lit(self.text) + pl.col("n").cast(pl.String),
                list=pl.concat_list("n"),
            )
            batch = batch.select(columns) if columns is not None else batch
            yield batch if predicate is None else batch.filter(predicate)


def test_lazy_frame_is_read_in_one_pass() -> None:
    source = Numbers(1_000_000)
    made = preview(source.frame)
    assert made.size == "1,000,000 rows × 3 columns"
    assert source.given == [1_000_000] * 2  # the count, the sample
    assert source.asked[0] in (["n"], ["text"], ["list"], [])
    for position, number, text, nested in rows(made)[1:]:
        assert number == position
        assert text.endswith(f"x{position}")
        assert nested == f"[{position}]"
    assert schema(made)["n"][2] == "≥200,008"
    assert schema(made)["list"] == ["List(Int64)", "?", "?"]


def test_head_alone_is_read_of_what_is_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lazy, "MOST_PASSED", 1_000_000)
    source = Numbers(1_000_000)
    made = preview(source.frame)
    # Fewer rows than of numbers and texts: lists may be of any size.
    assert source.given == [1_000_000, 1_000]
    assert "of the first 1,000 rows" in made.text
    assert made.text.endswith(NO_TAIL)
    made = preview(source.frame.select("n", "text").with_columns(m="n"))
    assert "of the first 200,000 rows" in made.text


def test_memory_holds_a_sample_and_no_more(tmp_path: Path) -> None:
    """500 MB of text go by; a sample of them is 30 MB."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("only Linux tells the peak")
    path = tmp_path / "long.parquet"
    Numbers(4_000_000).frame.drop("list").sink_parquet(path)
    code = f"""
import re, pathlib, sys
import polars as pl
from stepmagic.attachments.frames import preview
def peak_mb():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) / 1e3
preview(pl.LazyFrame({{"a": ["x"]}}))
pathlib.Path("/proc/self/clear_refs").write_text("5")
before_mb = peak_mb()
assert "4,000,000 rows" in preview(pl.scan_parquet({str(path)!r})).text
sys.exit(peak_mb() - before_mb > 300)
"""
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code


def test_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AttachmentError, match=r"`lf` could not be read: .*Error"):
        preview(pl.scan_csv(tmp_path / "none.csv"), name="lf")


def test_short_lazy_frame_is_measured_in_full() -> None:
    frame = pl.LazyFrame({"position": [3, 1, 2], "l": [[1], None, []]})
    made = preview(frame)
    assert schema(made) == {
        "position": ["Int64", "0", "3", "1 / 2 / 3"],
        "l": ["List(Int64)", "1", "?"],
    }
    assert [row[1] for row in rows(made)[1:]] == ["3", "1", "2"]


def test_other_lazy_frames_give_their_first_rows(connection: Any) -> None:
    """What has no reader of its own goes through narwhals, as duckdb does here."""
    relation = connection.sql("select i, 'x' as s from range(300000) t(i)")
    assert isinstance(nw.from_native(relation), nw.LazyFrame)
    source = open_lazy(relation, kinds.Kind("lazy", "Ibis table"))
    read = source.read([0, 1], 200_000, 0)
    assert source.rows == 300_000
    assert (read.scope, read.has_tail) == ("the first 200,000 rows", False)
    assert len(read.column(1)) == 200_000
    assert [column.dtype for column in source.columns] == ["Int64", "String"]
