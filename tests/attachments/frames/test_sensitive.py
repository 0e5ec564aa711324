"""Columns that look private are named, and nothing is redacted silently."""

from __future__ import annotations

import random
import string
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pytest

from stepmagic.attachments.frames import preview
from stepmagic.attachments.frames.sensitive import guess

LETTERS = string.ascii_letters + string.digits
DRAWN = random.Random(0)
TOKENS = ["".join(DRAWN.choices(LETTERS, k=40)) for _ in range(20)]
HEX = ["".join(DRAWN.choices("0123456789abcdef", k=40)) for _ in range(20)]
CARDS = ["4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009"]


@pytest.mark.parametrize(
    ("label", "texts", "look"),
    [
        ("a", ["ann@example.org"], "e-mail addresses"),
        ("notes", ["none", "write to ann@example.org!", "-"], "e-mail addresses"),
        ("a", ["+43 660 123 45 67", "0043 1 5880100"], "phone numbers"),
        ("a", ["(555) 123-4567", "555-123-4567"], "phone numbers"),
        ("a", CARDS, "card numbers"),
        ("a", ["text", "sk-abcdefghijklmnop1234"], "keys or passwords"),
        ("a", ["AKIAIOSFODNN7EXAMPLE"], "keys or passwords"),
        ("a", ["ghp_" + "a1" * 18], "keys or passwords"),
        ("a", ["-----BEGIN RSA PRIVATE KEY-----"], "keys or passwords"),
        ("a", TOKENS, "keys or passwords"),
        ("E-Mail", ["x"], "e-mail addresses"),
        ("userEmail", ["x"], "e-mail addresses"),
        ("phone_home", ["x"], "phone numbers"),
        ("Card Number", ["x"], "card numbers"),
        ("API_KEY", ["x"], "keys or passwords"),
        ("password", ["x"], "keys or passwords"),
        ("email", [], ""),
        ("a", ["4111 1111 1111 1112", "1234 5678 9012 3456"], ""),
        ("a", ["2024-01-01", "01.02.2024", "0.5", "07:30:00"], ""),
        ("a", ["123", "456"], ""),
        ("a", HEX, ""),
        ("a", ["7c9e6679-7425-40de-944b-e07fc1f90ae7"] * 3, ""),
        ("a", ["SomeLongIdentifier1InCamelCase"], ""),
        ("monkey", ["x"], ""),
        ("keyboard", ["x"], ""),
        ("discard", ["x"], ""),
    ],
)
def test_guess(label: str, texts: list[str], look: str) -> None:
    assert guess(label, texts) == look


@pytest.mark.parametrize(
    "series",
    [
        pl.Series("a", ["x", "ann@example.org"]),
        pl.Series("a", ["x", "ann@example.org"], dtype=pl.Categorical),
        pl.Series("a", [{"to": "ann@example.org"}]),
        pd.Series(["ann@example.org", 1], name="a"),
        pd.Series([["ann@example.org"], 1], name="a"),
        pl.Series("a", ["x"] * 300_000 + ["ann@example.org"]),
    ],
)
def test_values_of_any_column_are_searched(series: Any) -> None:
    made = preview(series.to_frame(), name="df")
    assert made.notices[-1] == (
        "'a' looks like e-mail addresses. To send it without the values: "
        "preview(df, redact=['a'])."
    )
    assert "ann@example.org" in made.text
    again = preview(series.to_frame(), redact=["a"])
    assert "ann@example.org" not in again.text
    assert not any("looks like" in notice for notice in again.notices)


def test_columns_are_named_together() -> None:
    frame = pd.DataFrame({"who": ["a@b.org"], "tel": ["x"], "n": [1]})
    assert " ".join(preview(frame, name="df['x']").notices) == (
        "'who' looks like e-mail addresses; 'tel' looks like phone numbers. "
        "To send it without the values: preview(df['x'], redact=['who', 'tel'])."
    )


def test_numbers_may_be_cards() -> None:
    cards = pl.Series("a", [4111111111111111, 5500000000000004])
    assert "card numbers" in preview(cards).notices[0]
    drawn = np.random.default_rng(0).integers(10**15, 10**16, 1000)
    assert preview(pl.Series("a", drawn)).notices == ()
    assert preview(pl.Series("token", [1, 2, 3])).notices == ()
    assert preview(pl.Series("phone", [0.5])).notices == ()


def test_columns_left_out_are_not_named() -> None:
    data = {f"column{n}": ["x"] for n in range(600)} | {"e": ["a@b.org"]}
    data |= {f"more{n}": ["x"] for n in range(600)}
    made = preview(pl.DataFrame(data))
    assert "a@b.org" not in made.text
    assert made.notices == ()
    assert len(made.differences) == 1
