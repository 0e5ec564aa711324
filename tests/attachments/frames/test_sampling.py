"""The rows that are read of a long table."""

from __future__ import annotations

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pytest

from preview_text import rows, schema
from stepmagic.attachments.frames import preview


def test_long_table_is_sampled_and_says_so() -> None:
    frame = pd.DataFrame({"n": range(1_000_000), "half": [None, 1.0] * 500_000})
    made = preview(frame)
    assert made.size == "1,000,000 rows × 2 columns"
    sample = "a sample of 200,008 rows (seed 0)"
    assert f"Counts and ranges are of {sample}; distinct is a lower bound." in made.text
    assert made.differences == (
        f"Counts and ranges are of {sample}; distinct is a lower bound.",
    )
    cells = schema(made)
    assert cells["n"][2] == "≥200,008"
    low, middle, high = map(float, cells["n"][3].split(" / "))
    assert (low, high) == (0, 999_999)  # both ends are in every sample
    assert middle == pytest.approx(500_000, rel=0.01)
    assert float(cells["half"][1].removesuffix("%")) == pytest.approx(50, abs=1)
    assert [row[0] for row in rows(made)[-5:]] == [str(999_995 + n) for n in range(5)]
    for row in rows(made)[1:]:
        assert row[0] == row[1]


def test_sample_meets_every_hour_of_the_day() -> None:
    """A fixed stride of 24 rows would see one hour only."""
    frame = pl.DataFrame({"hour": [n % 24 for n in range(4_800_000)]})
    assert schema(preview(frame))["hour"][2] == "≥24"
