"""What is dropped to meet a budget, in which order, and that it is said."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pytest

from stepmagic.attachments.frames import Preview, preview

FRAME = pd.DataFrame(
    {
        "text": [f"{'some words ' * 12}{n % 40}" for n in range(60)],
        **{f"n{n}": np.arange(60) * (n + 1) for n in range(8)},
        **{f"city{n}": ["Graz", "Linz", "Wien", "Salzburg"] * 15 for n in range(2)},
    }
).to_dict("records")


def left_out(made: Preview) -> str:
    """Return what the last line says is missing."""
    last = made.text.rpartition("\n")[2]
    found = re.fullmatch(r"Left out to fit [\d,]+ tokens: (.*)\.", last)
    assert (made.differences[:1] == (last,)) == (found is not None)
    return found.group(1) if found else ""


def test_detail_is_dropped_in_the_stated_order() -> None:
    seen: list[str] = []
    for tokens in range(3000, 99, -12):
        made = preview(FRAME, tokens=tokens)
        assert made.tokens <= tokens
        words = left_out(made)
        if words not in seen:
            seen.append(words)
    short = "top values, characters of cells after 10"
    assert seen[:12] == [
        "",
        "2 sampled rows",
        "5 sampled rows",
        "5 sampled rows, 3 tail rows",
        "5 sampled rows, 5 tail rows",
        "5 sampled rows, 5 tail rows, top values after 3",
        "5 sampled rows, 5 tail rows, top values after 1",
        "5 sampled rows, 5 tail rows, top values",
        "5 sampled rows, 5 tail rows, top values, characters of cells after 40",
        "5 sampled rows, 5 tail rows, top values, characters of cells after 20",
        "5 sampled rows, 5 tail rows, top values, characters of cells after 10",
        f"5 sampled rows, 5 tail rows, 3 head rows, {short}",
    ]
    assert seen[12].startswith("5 sampled rows, 5 tail rows, 4 head rows")
    missing = [re.search(r"(\d+) of 11 columns", words) for words in seen[13:]]
    counts = [int(found.group(1)) for found in missing if found]
    assert counts
    assert counts == sorted(counts)


def test_size_is_what_stays_last() -> None:
    frame = pd.DataFrame({"\U000e0041" * 100: ["x"]})
    made = preview(frame, tokens=100)
    assert made.text == (
        "pandas DataFrame: 1 row × 1 column\n"
        "Left out to fit 100 tokens: all but the size."
    )
    assert left_out(made) == "all but the size"


def test_first_and_last_columns_of_a_wide_frame_stay() -> None:
    frame = pd.DataFrame(
        {f"c{n}": [n] if n % 2 else ["x"] for n in range(10_000)}, index=[5]
    )
    made = preview(frame)
    assert made.size == "1 row × 10,000 columns"
    assert 1800 < made.tokens <= 2000
    assert "\nc0\t" in made.text
    assert "\nc9999\t" in made.text
    assert "\nindex (index)\t" in made.text
    gap = re.search(
        r"\n… ([\d,]+) columns not shown: ([\d,]+) (\w+), ([\d,]+) (\w+)\n", made.text
    )
    assert gap is not None
    total, first, _, second, _ = gap.groups()
    counts = [int(text.replace(",", "")) for text in (total, first, second)]
    assert counts[0] == counts[1] + counts[2]
    assert {gap.group(3), gap.group(5)} == {"str", "int64"}
    assert f"{total} of 10,001 columns." in made.text


def test_many_types_of_columns_are_counted_together() -> None:
    types = [pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16]
    data = {f"column {n}": pl.Series([n % 99], dtype=types[n % 6]) for n in range(600)}
    text = preview(pl.DataFrame(data), tokens=300).text
    assert re.search(r"columns not shown: (\d+ U?Int\d+, ){4}2 more types\n", text)


def test_single_column_stays_beside_the_gap() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["a", "\U000e0041" * 100])
    text = preview(frame, tokens=110).text
    assert "\na\tint64" in text
    assert "\n… 1 column not shown: 1 int64\n" in text


def test_larger_budget_shows_no_less() -> None:
    sizes = [preview(FRAME, tokens=tokens).tokens for tokens in range(100, 3000, 100)]
    assert sizes[-1] == max(sizes)


@pytest.mark.parametrize("tokens", [100, 500, 2000, 20_000])
def test_very_long_names_and_texts_fit(tokens: int) -> None:
    frame = pd.DataFrame({"name " * 5000: ["日本語" * 5000] * 20, "b": range(20)})
    made = preview(frame, name="df" * 500, tokens=tokens)
    assert made.tokens <= tokens
    if tokens >= 500:
        assert "characters)" in made.text


def test_all_rows_of_a_short_table_are_shown() -> None:
    assert (
        "\nRows, numbered from 0: all\n" in preview([{"n": n} for n in range(15)]).text
    )
    assert "sampled" in preview([{"n": n} for n in range(16)]).text
