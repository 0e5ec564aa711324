"""Values as text that no row can be broken by."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import uuid
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frame_strategies import Hostile
from stepmagic.attachments.frames.cells import WIDEST, Cell, label, number, write


class Color(enum.IntEnum):
    """An int with a name."""

    RED = 1


class Plain:
    """An object whose repr would be its address."""


class Shout(str):
    """A text whose own methods lie."""

    __slots__ = ()

    def __len__(self) -> int:
        return 0

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


class Wordless:
    """An object whose repr is no text."""

    def __repr__(self) -> str:
        return 7  # type: ignore[return-value]  # that is the test


loop: list[Any] = []
loop += [loop, loop]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (pd.NA, "null"),
        (pd.NaT, "null"),
        (np.datetime64("NaT"), "null"),
        (float("nan"), "NaN"),
        (float("-inf"), "-inf"),
        (True, "True"),
        (np.True_, "True"),
        (7, "7"),
        (2**100, "1267650600228229401496703205376"),
        (10**1000, "<integer of 3,322 bits>"),
        (np.uint8(7), "7"),
        (np.float32(0.1), "0.1"),
        (np.longdouble("1.5"), "1.5"),
        (
            np.datetime64("2020-01-01T00:00:00.000000001"),
            "2020-01-01T00:00:00.000000001",
        ),
        (1 + 2j, "(1+2j)"),
        (decimal.Decimal("1.50"), "1.50"),
        (fractions.Fraction(1, 3), "1/3"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (dt.date(2020, 1, 2), "2020-01-02"),
        (dt.timedelta(days=1), "1 day, 0:00:00"),
        (pd.Timestamp("2020-01-01", tz="Europe/Berlin"), "2020-01-01 00:00:00+01:00"),
        (pd.Period("2020-01"), "2020-01"),
        (b"hello", "<5 bytes>"),
        (bytearray(1), "<1 byte>"),
        ("plain", "plain"),
        ("", '""'),
        ("null", '"null"'),
        ("[redacted]", '"[redacted]"'),
        (" padded", '" padded"'),
        ('"quoted"', '""quoted""'),
        ("a\tb\nc\rd", r"a\tb\nc\rd"),
        ("C:\\new", r"C:\\new"),
        ("\u202e\x1b\ud800\u2028\xa0.", r"\u202e\x1b\ud800\u2028\xa0."),
        ("a|b", "a|b"),
        ([1, "x", None], '[1, "x", null]'),
        ((), "[]"),
        ({"a": {"b": "c\n"}}, r'{"a": {"b": "c\n"}}'),
        ({"b", "a"}, '{"a", "b"}'),
        (np.arange(3), "[0, 1, 2]"),
        (Color.RED, "<Color.RED: 1>"),
        (PurePosixPath("/x"), "PurePosixPath('/x')"),
        (Plain(), "<Plain>"),
        (Hostile(), "<Hostile>"),
        (Wordless(), "<Wordless>"),
        ([Hostile()], "<list>"),
        (Shout("loud"), "loud"),
        (np.str_("text"), "text"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_as_a_cell(value: Any, text: str) -> None:
    assert write(value).cut(80) == text


@pytest.mark.parametrize("text", ["1", "-2.5e3", "True", "None"])
def test_text_that_reads_as_something_else_is_quoted_beside_it(text: str) -> None:
    assert write(text).cut(80) == text
    assert write(text, mixed=True).cut(80) == f'"{text}"'


def test_long_text_says_how_much_is_missing() -> None:
    assert write("x" * 1234).cut(10) == "xxxxxxxxxx… (+1,224 characters)"
    assert write("x" * 25).cut(10) == "x" * 25  # the note would be as long
    assert write("x" * 27).cut(10) == "x" * 10 + "… (+17 characters)"
    assert write(" " * 1234).cut(10) == " " * 10 + "… (+1,224 characters)"


def test_long_containers_are_written_in_part() -> None:
    cell = write(list(range(1000)))
    assert cell.cut(WIDEST).endswith(", 26, 27, … (+972 items)]")
    assert cell.cut(10) == "[0, 1, 2, …"
    text = write(["x" * 1000]).cut(WIDEST)
    assert text.startswith('["xxx')
    deep = write([[[[[[1]]]]], []]).cut(80)
    assert deep == "[[[[[…]]]], []]"


def test_container_that_holds_itself_ends() -> None:
    assert len(write(loop).text) <= 2 * WIDEST


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.333333"),
        (123456.789, "123456.79"),
        (1234567.891, "1234567.89"),
        (1.5e20, "1.5e+20"),
        (0.000012345678, "1.23457e-05"),
        (-2.5, "-2.5"),
        (100.0, "100"),
    ],
)
def test_float_keeps_its_whole_part(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float_is_close(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, rel=1e-4, abs=1e-300)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a b", "a b"),
        ("0", '"0"'),
        (0, "0"),
        (None, "null"),
        (("x", 1), "('x', 1)"),
        ((Hostile(), 1), "<tuple>"),
        (1.5, "1.5"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_name_of_a_column_is_written_as_code(name: Any, text: str) -> None:
    assert label(name) == text


def test_very_long_name_is_cut() -> None:
    assert label("x" * 10_000).endswith("… (+8,000 characters)")


@given(st.text(), st.integers(1, 200))
def test_cell_is_one_printable_line(text: str, width: int) -> None:
    cut = Cell.of(text).cut(width)
    assert cut.isprintable()
