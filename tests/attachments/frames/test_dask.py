"""Dask frames: values under their own names, each partition computed once."""

from __future__ import annotations

from typing import Any

import dask.dataframe
import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types

from preview_text import rows, schema
from stepmagic.attachments.frames import preview

dd: Any = dask.dataframe

PEOPLE = pd.DataFrame(
    {
        "email": [f"u{n}@x.org" for n in range(6)],
        "city": ["Rome", "Oslo", "Bonn"] * 2,
        "spent": [1.5, 2.5, 3.5] * 2,
    }
)


def in_parts(frame: Any) -> Any:
    """Return two partitions with an index of 0, 1, 2 each, as two files have."""
    halves = [frame.iloc[:3].reset_index(drop=True), frame.iloc[3:]]
    halves[1] = halves[1].reset_index(drop=True)
    return dd.from_map(lambda n: halves[n], range(2), meta=frame.iloc[:0])


def test_values_are_under_their_own_names_and_redacted_ones_nowhere() -> None:
    made = preview(in_parts(PEOPLE))
    assert list(schema(made)) == ["email", "city", "spent"]
    assert rows(made)[5] == ["4", "u4@x.org", "Oslo", "2.5"]
    hidden = preview(in_parts(PEOPLE), redact=["email"]).text
    assert "@x.org" not in hidden
    assert "Oslo" in hidden


def test_an_index_with_a_name_is_a_column_and_a_filter_shifts_nothing() -> None:
    frame = in_parts(PEOPLE)
    indexed = preview(frame.set_index("spent", sort=False))
    assert rows(indexed)[1] == ["0", "1.5", "u0@x.org", "Rome"]
    oslo = preview(frame[frame.city == "Oslo"])
    assert rows(oslo)[1:] == [
        ["0", "u1@x.org", "Oslo", "2.5"],
        ["1", "u4@x.org", "Oslo", "2.5"],
    ]


def test_a_series_is_a_table_of_one_column() -> None:
    made = preview(in_parts(PEOPLE).spent)
    assert made.size == "6 values"
    assert schema(made)["spent"][2:] == ["3", "1.5 / 2.5 / 3.5"]


def test_partitions_are_computed_once_and_sampled_from_first_to_last() -> None:
    loads: list[int] = []

    def load(number: int) -> Any:
        loads.append(number)
        return pd.DataFrame({"i": np.arange(2_000) + 2_000 * number})

    meta = pd.DataFrame({"i": pd.Series([], dtype="int64")})
    frame = dd.from_map(load, range(150), meta=meta)
    loads.clear()
    made = preview(frame)
    assert sorted(loads) == list(range(150))
    assert made.size == "300,000 rows × 1 column"
    assert "a sample of 199," in made.differences[0]
    assert all(position == value for position, value in rows(made)[1:])
    assert rows(made)[-1] == ["299999", "299999"]
    assert made.notices == ("150 partitions were computed to count its rows.",)


def test_a_large_partition_gives_more_rows_than_small_ones() -> None:
    lengths = [300_000, *[10] * 40]
    frame = dd.from_map(
        lambda n: pd.DataFrame({"n": np.full(lengths[n], int(n == 0))}),
        range(len(lengths)),
        meta=pd.DataFrame({"n": pd.Series([], dtype="int64")}),
    )
    made = preview(frame)
    assert made.size == "300,400 rows × 1 column"
    assert schema(made)["n"][-1].startswith("0 / 1 / 1")
