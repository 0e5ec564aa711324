"""The tables of an answer as frames."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pytest

from stepmagic.conversation.reply import Replies, Reply
from stepmagic.transcript import Message, Text, Turn, Usage, user

TABLES = """
| month | sold | share | note |
|---|---:|---|---|
| *May* | 1,200 | 0.5 | a<br>b |
| June | \u2212900 | n/a | `x` |

Text.

| a | a | |
|---|---|---|
"""


def reply(text: str, **details: Any) -> Reply:
    message = Message(role="assistant", parts=(Text(text=text),))
    details = {"status": "complete", "model": "a/b", **details}
    return Reply(Turn(parent=None, prompt=user("q"), replies=(message,), **details))


def test_tables_are_frames_of_text_and_numbers() -> None:
    tables: Any = reply(TABLES.replace("<br>", "  ")).tables
    first, second = tables
    assert isinstance(first, pd.DataFrame)
    assert list(first.columns) == ["month", "sold", "share", "note"]
    assert first["month"].tolist() == ["May", "June"]
    assert first["sold"].tolist() == [1200, -900]
    assert first["share"].isna().tolist() == [False, True]
    assert list(second.columns) == ["a", "a (2)", "column 3"]
    assert len(second) == 0
    assert reply("No table.").tables == []


def test_without_pandas_they_are_of_polars_or_dicts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    table = reply(TABLES).tables[0]
    assert isinstance(table, pl.DataFrame)
    assert table["sold"].to_list() == [1200, -900]
    monkeypatch.setitem(sys.modules, "polars", None)
    rows: Any = reply(TABLES).tables[0]
    assert [row["month"] for row in rows] == ["May", "June"]


def test_where_only_polars_is_in_use_it_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    assert isinstance(reply(TABLES).tables[0], pl.DataFrame)


def test_costs_seconds_and_tokens_are_plain_values() -> None:
    usage = Usage(prompt_tokens=3, completion_tokens=4, cost_usd=0.25)
    first = reply("Yes.", usage=usage, started_at=10.0, ended_at=12.5)
    assert (first.cost_usd, first.duration_s) == (0.25, 2.5)
    row = first.to_dict()
    assert row["prompt"] == "q"
    assert (row["text"], row["cost_usd"], row["duration_s"]) == ("Yes.", 0.25, 2.5)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (3, 4)
    unknown = reply("No.")
    assert (unknown.cost_usd, unknown.duration_s) == (None, None)
    assert Replies([first, unknown, first]).cost_usd == 0.5
    assert Replies([unknown]).cost_usd is None
