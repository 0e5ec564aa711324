"""What notebooks hold, in one table: what is sent of each, or the refusal.

No row is a ``repr`` with an address in memory. Pictures, figures and outputs have a
table of their own, in ``PICTURED``.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import io
import itertools
import logging
import pathlib
import random
import re
import sqlite3
import threading
import types
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest
from PIL import Image as Pillow

from stepmagic.attachments.attach import attach
from stepmagic.attachments.attachment import Handling
from stepmagic.attachments.markers import framed
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text

ADDRESS = re.compile(r"0x[0-9A-Fa-f]{6,}")
REFUSED = "refused: "


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1


class Point(NamedTuple):
    """A named tuple."""

    x: int


@dataclasses.dataclass
class Row:
    """A dataclass with a picture in it."""

    image: Any


class Shy:
    """An object that says only where it is."""


class Wordy:
    """An object that says something of itself, and where it is."""

    def __repr__(self) -> str:
        return f"Wordy(n=3) at {hex(id(self) + 2**40)}"


def numbered() -> Any:
    """Yield one number."""
    yield 1


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
OBJECTS: dict[str, tuple[Callable[[], Any], str]] = {
    "str": (lambda: "words", "words"),
    "int": (lambda: 7, "7"),
    "float": (lambda: 0.5, "0.5"),
    "complex": (lambda: 1 + 2j, "(1+2j)"),
    "bool": (lambda: True, "True"),
    "None": (lambda: None, "None"),
    "Decimal": (lambda: decimal.Decimal("1.10"), "1.10"),
    "Fraction": (lambda: fractions.Fraction(1, 3), "1/3"),
    "date": (lambda: dt.date(2024, 2, 1), "2024-02-01"),
    "timedelta": (lambda: dt.timedelta(hours=2), "2:00:00"),
    "UUID": (lambda: uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "bytes": (lambda: b"\x00\x01", f"{REFUSED}of neither a picture nor a video"),
    "list": (lambda: [1, "a"], "[1, 'a']"),
    "dict": (lambda: {"a": 1}, "{'a': 1}"),
    "set": (lambda: {3}, "{3}"),
    "tuple": (lambda: (1, 2), "(1, 2)"),
    "Counter": (lambda: collections.Counter("aab"), "Counter({'a': 2, 'b': 1})"),
    "defaultdict": (lambda: collections.defaultdict(list, a=[1]), "'a': [1]"),
    "deque": (lambda: collections.deque([1, 2]), "deque([1, 2])"),
    "records": (lambda: [{"n": 1}, {"n": 2}], "2 rows × 1 column"),
    "named tuples": (lambda: [Point(1)], "1 row × 1 column"),
    "namespace": (lambda: types.SimpleNamespace(a=1), "namespace(a=1)"),
    "range": (lambda: range(5), "range(0, 5)"),
    "slice": (lambda: slice(1, 2), "slice(1, 2, None)"),
    "enum": (lambda: Colour.RED, "<Colour.RED: 1>"),
    "array": (lambda: array.array("i", [1, 2]), "array('i', [1, 2])"),
    "regex": (lambda: re.compile("a+"), "re.compile('a+')"),
    "match": (lambda: re.match("a+", "aab"), "match='aa'"),
    "function": (lambda: numbered, "def numbered()"),
    "class": (lambda: Shy, "class Shy"),
    "builtin": (lambda: len, f"{REFUSED}not written in Python"),
    "generator": (numbered, f"{REFUSED}shows only its type and address"),
    "map": (lambda: map(str, [1]), f"{REFUSED}shows only its type and address"),
    "iterator": (lambda: iter([1]), f"{REFUSED}shows only its type and address"),
    "count": (lambda: itertools.count(3), "count(3)"),
    "module": (lambda: random, f"{REFUSED}is a module, which may"),
    "exception": (lambda: ValueError("bad"), "ValueError: bad"),
    "logger": (lambda: logging.getLogger("a"), "<Logger a ("),
    "thread": (lambda: threading.Thread(name="w"), "<Thread(w, initial)>"),
    "lock": (threading.Lock, f"{REFUSED}shows only its type and address"),
    "connection": (
        lambda: sqlite3.connect(":memory:"),
        f"{REFUSED}shows only its type and address",
    ),
    "buffer": (lambda: io.BytesIO(b"a"), REFUSED),
    "path": (lambda: pathlib.Path("missing.txt"), f"{REFUSED}No such file"),
    "object": (Shy, f"{REFUSED}shows only its type and address"),
    "objects": (lambda: [Shy(), Shy()], f"{REFUSED}shows only their type and address"),
    "wordy": (Wordy, "Wordy(n=3)"),
    "wordy ones": (lambda: {"a": Wordy()}, "{'a': Wordy(n=3)}"),
    "DataFrame": (lambda: FRAME, "pandas DataFrame x: 2 rows × 2 columns"),
    "Series": (lambda: FRAME.a, "pandas Series x: 2 values"),
    "Index": (lambda: FRAME.columns, "Index(['a', 'b']"),
    "GroupBy": (lambda: FRAME.groupby("a"), REFUSED),
    "Styler": (lambda: FRAME.style, "sent without its styles"),
    "dtypes": (lambda: FRAME.dtypes, "pandas Series x: 2 values"),
    "Timestamp": (lambda: pd.Timestamp("2024-01-01"), "2024-01-01 00:00:00"),
    "frames": (lambda: {"train": FRAME, "test": FRAME}, "`x['test']`"),
    "column of objects": (lambda: pd.DataFrame({"o": [Shy(), Wordy()]}), "<Shy>"),
    "polars": (lambda: pl.DataFrame({"a": [1]}), "polars DataFrame x: 1 row"),
    "lazy": (lambda: pl.LazyFrame({"a": [1]}), "polars LazyFrame x: 1 row"),
    "expression": (lambda: pl.col("a") + 1, """<Expr ['[(col("a"))"""),
    "arrow": (lambda: pa.table({"a": [1]}), "pyarrow Table x: 1 row"),
    "ndarray": (lambda: np.arange(3.0), "numpy array x: 3 values"),
    "scalar": (lambda: np.float32(0.5), "0.5"),
    "0-d array": (lambda: np.array(3), "3"),
    "random state": (lambda: np.random.default_rng(0), "Generator(PCG64)"),
}
PICTURED: dict[str, tuple[Callable[[], Any], str]] = {
    "picture with a label": (
        lambda: {"image": Pillow.new("RGB", (8, 8)), "label": 3},
        "`x['label']`",
    ),
    "dataclass with a picture": (
        lambda: Row(Pillow.new("RGB", (8, 8))),
        "Row(image=<PIL.Image.Image image mode=RGB size=8x8>)",
    ),
}
"""Rows whose value is drawn, or has a picture in it."""


def described(value: Any) -> str:
    """Return the text that is sent of a value, or why it is refused."""
    try:
        attached = attach(value, "x", Handling(), {})
    except AttachmentError as error:
        return f"{REFUSED}{error}"
    texts = [part.text for part in framed(attached) if isinstance(part, Text)]
    return "\n".join(texts)


@pytest.mark.parametrize("name", [*OBJECTS, *PICTURED])
def test_what_is_sent_has_words_and_no_address(name: str) -> None:
    make, words = {**OBJECTS, **PICTURED}[name]
    text = described(make())
    if words.startswith(REFUSED):
        assert text.startswith(REFUSED)
        assert words.removeprefix(REFUSED) in text
    else:
        assert words in text
        assert not text.startswith(REFUSED)
    assert not ADDRESS.search(text)
    assert described(make()) == text
