"""Whatever the table, its preview is made, keeps to its budget and to its rows."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frame_strategies import ODD_TEXTS, pandas_frames, polars_frames
from stepmagic.attachments.frames import Preview, is_frame, preview

budgets = st.sampled_from([100, 150, 300, 1000, 2000, 8000])
unhurried = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)


def check(made: Preview, tokens: int) -> None:
    """Check what holds of every preview."""
    assert made.tokens <= tokens
    lines = made.text.split("\n")
    assert made.size in lines[0]
    assert all(line.replace("\t", "").isprintable() for line in lines)
    begin = [n for n, line in enumerate(lines) if line.startswith("Rows, numbered")]
    if begin:
        table = lines[begin[0] + 1 :]
        tabs = table[0].count("\t")
        rows = [line for line in table[1:] if line[0].isdigit()]
        assert rows
        assert all(row.count("\t") == tabs for row in rows)
        assert len(table) - 1 - len(rows) <= 1  # what was left out
    html = made._repr_html_()
    assert "<script" not in html
    assert "$" not in html.replace("<span>$</span>", "")


@given(frame=pandas_frames(), tokens=budgets)
@unhurried
def test_any_frame_of_pandas_has_a_preview(frame: Any, tokens: int) -> None:
    assert is_frame(frame)
    made = preview(frame, tokens=tokens, name="df")
    assert made.size.startswith(f"{len(frame):,} row")
    check(made, tokens)


@given(frame=polars_frames(), tokens=budgets, lazily=st.booleans())
@unhurried
def test_any_frame_of_polars_has_a_preview(
    frame: pl.DataFrame, tokens: int, *, lazily: bool
) -> None:
    data = frame.lazy() if lazily else frame
    assert is_frame(data)
    made = preview(data, tokens=tokens)
    rows = "rows" if frame.height != 1 else "row"
    assert made.size.startswith(f"{frame.height:,} {rows}")
    check(made, tokens)


records = st.lists(
    st.dictionaries(
        st.sampled_from(ODD_TEXTS) | st.text(max_size=9),
        st.none() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
        max_size=5,
    ),
    min_size=1,
    max_size=20,
)


@given(data=records, tokens=budgets)
@unhurried
def test_any_records_have_a_preview(data: list[Any], tokens: int) -> None:
    assert is_frame(data)
    check(preview(data, tokens=tokens), tokens)


@given(name=st.text(max_size=300), tokens=budgets)
@unhurried
def test_any_name_fits(name: str, tokens: int) -> None:
    check(preview([{"a": 1}], name=name, tokens=tokens), tokens)


@given(frame=polars_frames(), seed=st.integers())
@unhurried
def test_same_seed_gives_the_same_preview(frame: pl.DataFrame, seed: int) -> None:
    first, second = (preview(frame, seed=seed) for _ in range(2))
    assert first == second
