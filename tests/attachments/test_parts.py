"""Values as parts: plain ones by ``str``, parts as they are, the rest refused."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import os
import types
import uuid
from typing import Any

import pytest
from hypothesis import given

from alarms import ALARMS
from stepmagic.attachments.parts import to_part
from stepmagic.conversation.reply import Code, Reply
from stepmagic.errors import AttachmentError
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Reasoning,
    Text,
    ToolCall,
    Turn,
    Video,
    user,
)
from transcript_strategies import json_values


@dataclasses.dataclass
class Row:
    """What a user's own class may be."""

    a: int


class Colour(enum.StrEnum):
    """A text with a ``repr`` of its own."""

    RED = "red"


@pytest.mark.parametrize(
    "part",
    [
        Text(text="{{ x }}"),
        Image(url="https://example.org/a.png"),
        Video(url="https://example.org/a.mp4"),
        File(url="https://example.org/a.pdf"),
    ],
)
def test_part_is_sent_as_it_is(part: Any) -> None:
    assert to_part(part, "x") is part


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("two\nlines", "two\nlines"),
        ("", ""),
        (7, "7"),
        (0.1, "0.1"),
        (1 + 2j, "(1+2j)"),
        (True, "True"),
        (None, "None"),
        (decimal.Decimal("1.10"), "1.10"),
        (fractions.Fraction(1, 3), "1/3"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC), "2026-01-02 03:04:00+00:00"),
        (dt.timedelta(hours=1), "1:00:00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([1, "a", (None,), {2}], "[1, 'a', (None,), {2}]"),
        ({"a": {"b": [1]}}, "{'a': {'b': [1]}}"),
        (collections.OrderedDict(a=1), None),
        (collections.defaultdict(int, a=1), None),
        (collections.Counter("a"), "Counter({'a': 1})"),
        ([Code("1", "python")], "['1']"),
    ],
)
def test_plain_value_is_sent_as_str_writes_it(value: Any, text: str | None) -> None:
    assert to_part(value, "x") == Text(text=str(value) if text is None else text)


@given(json_values)
def test_any_json_is_plain(value: Any) -> None:
    assert to_part(value, "x") == Text(text=str(value))


def test_reply_is_sent_as_its_text() -> None:
    answer = Message(role="assistant", parts=(Reasoning(text="hm"), Text(text="yes")))
    reply = Reply(Turn(parent=None, prompt=user("q"), replies=(answer,)))
    assert to_part(reply, "x") == Text(text="yes")


def test_code_block_becomes_a_text_of_its_own() -> None:
    part = to_part(Code("1 + 1", "python"), "x")
    assert isinstance(part, Text)
    assert type(part.text) is str


# The libraries need not be installed: what counts is where a type says it lives.
FLOAT64 = type("float64", (float,), {"__module__": "numpy"})
INT64 = type("int64", (), {"__module__": "numpy", "ndim": 0, "__str__": lambda _: "7"})
ARRAY = type("ndarray", (), {"__module__": "numpy", "ndim": 0})
COLUMN = type("Series", (), {"__module__": "pandas.core.series", "ndim": 1})
TIMESTAMP = type(
    "Timestamp", (dt.datetime,), {"__module__": "pandas._libs.tslibs.timestamps"}
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (FLOAT64(0.5), "0.5"),
        (INT64(), "7"),
        (TIMESTAMP(2026, 1, 2), "2026-01-02 00:00:00"),
    ],
)
def test_scalar_of_a_library_is_plain(value: Any, text: str) -> None:
    assert to_part(value, "x") == Text(text=text)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object(), "`x` is of type object, which cannot be sent"),
        (print, "`x` is of type builtin_function_or_method"),
        (Row, "`x` is of type type"),
        (Row(1), "`x` is of type Row"),
        ([1, [Row(1)]], "`x` contains a value of type Row"),
        ({"a": {"b": Row(1)}}, "`x` contains a value of type Row"),
        ({Colour.RED: 1}, "`x` contains a value of type Colour"),
        (Colour.RED, "`x` is of type Colour"),
        (b"bytes", "`x` is of type bytes"),
        ((n for n in "a"), "`x` is of type generator"),
        (os, "`x` is of type module"),
        (os.environ, "`x` is of type _Environ"),
        ([os.environ], "`x` contains a value of type _Environ"),
        (types.SimpleNamespace(a=1), "`x` is of type SimpleNamespace"),
        (ToolCall(id="1", name="f"), "`x` is of type ToolCall"),
        (ARRAY(), "`x` is of type ndarray"),
        (COLUMN(), "`x` is of type Series"),
    ],
)
def test_anything_else_is_refused(value: Any, says: str) -> None:
    with pytest.raises(AttachmentError) as caught:
        to_part(value, "x")
    assert str(caught.value).startswith(says)
    assert "such as `str()` does, and send that" in str(caught.value)


@pytest.mark.parametrize("name", ALARMS)
def test_code_of_a_value_is_never_run(name: str) -> None:
    alarm = ALARMS[name]
    with pytest.raises(AttachmentError, match="`x` is of type Alarm"):
        to_part(alarm, "x")
    for holder in ([alarm], {"a": alarm}, {1: [(alarm,)]}):
        with pytest.raises(AttachmentError, match="`x` contains a value of type Alarm"):
            to_part(holder, "x")


def test_long_text_is_sent_whole() -> None:
    text = "a" * 1_000_000
    assert to_part(text, "x") == Text(text=text)


def _shared() -> list[Any]:
    """Return a small list that is very long when written out."""
    value: list[Any] = []
    for _ in range(100):
        value = [value, value]
    return value


def _endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [list(range(200_000)), ["a" * 60_000] * 2, _shared(), _endless()],
    ids=["items", "letters", "shared", "endless"],
)
def test_what_is_long_when_written_out_is_refused(value: Any) -> None:
    with pytest.raises(AttachmentError, match="`x` is longer than 100,000 characters"):
        to_part(value, "x")


def test_what_str_cannot_write_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(50_000):
        nested = [nested]
    for value in (nested, 10**5000):
        with pytest.raises(AttachmentError, match="`x` cannot be written as text"):
            to_part(value, "x")
