"""What a preview says of a table in memory."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import PIL.Image
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest
from IPython.core.formatters import DisplayFormatter

from frame_strategies import Hostile
from preview_text import rows, schema
from stepmagic.attachments.frames import preview
from stepmagic.attachments.frames.previews import in_columns
from stepmagic.errors import AttachmentError
from stepmagic.transcript.usage import estimate_tokens


def test_whole_text() -> None:
    hours = pd.date_range("2024-01-01", periods=8760, freq="h", name="when")
    frame = pd.DataFrame(
        {
            "load": np.arange(8760) / 4,
            "city": ["Graz", "Linz", "Graz"] * 2920,
            "ok": [True, None] * 4380,
        },
        index=hours.tz_localize("UTC"),
    ).astype({"ok": "boolean"})
    made = preview(frame, name="df")
    when = (
        "2024-01-01 00:00:00+00:00 / 2024-07-01 11:00:00+00:00 / "
        "2024-12-30 23:00:00+00:00 (364 days)"
    )
    which = "first 5, 5 sampled (seed 0), last 5"
    head = [
        "pandas DataFrame df: 8,760 rows × 3 columns",
        "column\tdtype\tnulls\tdistinct\tleast / median / greatest, or top values",
        f"when (index)\tdatetime64[us, UTC]\t0\t8,760\t{when}",
        "load\tfloat64\t0\t8,760\t0 / 1094.88 / 2189.75",
        "city\tstr\t0\t2\tGraz ×5,840, Linz ×2,920",
        "ok\tboolean\t4,380\t1\tTrue ×4,380",
        f"Rows, numbered from 0, floats to 6 digits: {which}",
        "row\twhen (index)\tload\tcity\tok",
        "0\t2024-01-01 00:00:00+00:00\t0\tGraz\tTrue",
        "1\t2024-01-01 01:00:00+00:00\t0.25\tLinz\tnull",
    ]
    lines = made.text.split("\n")
    assert lines[: len(head)] == head
    assert lines[-1] == "8759\t2024-12-30 23:00:00+00:00\t2189.75\tGraz\tnull"
    assert len(lines) == 8 + 15
    assert (made.kind, made.size) == ("pandas DataFrame", "8,760 rows × 3 columns")
    assert made.tokens == estimate_tokens(made.text)
    assert (*made.differences, *made.notices) == ()
    assert repr(made) == made.text


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        (pd.DataFrame(), "0 rows × 0 columns"),
        (pd.DataFrame(index=range(5)), "5 rows × 0 columns"),
        (pd.DataFrame({"a": []}), "0 rows × 1 column"),
        (pl.DataFrame(), "0 rows × 0 columns"),
        (pl.DataFrame({"a": []}).lazy(), "0 rows × 1 column"),
        (pl.LazyFrame(), "0 rows × 0 columns"),
        (pa.table({}), "0 rows × 0 columns"),
        ([{}], "1 row × 0 columns"),
    ],
)
def test_empty_tables_have_previews(frame: Any, size: str) -> None:
    made = preview(frame)
    assert made.size == size
    assert "Rows, numbered" not in made.text
    assert "Left out" not in made.text


@pytest.mark.parametrize(
    ("series", "cells"),
    [
        (pd.Series([1, None], dtype="Int64"), ["Int64", "1", "1", "1 / 1 / 1"]),
        (
            pd.Series([1, 3], dtype="int64[pyarrow]"),
            ["int64[pyarrow]", "0", "2", "1 / 2 / 3"],
        ),
        (pd.Series(["a", "b", "a"], dtype="category"), ["category", "0", "2", "a ×2"]),
        (pd.Series([1, 1], dtype="category"), ["category", "0", "1", "1 ×2"]),
        (
            pd.Series(pd.period_range("2020-01", periods=2, freq="M")),
            ["period[M]", "0", "2", "2020-01 / 2020-01 / 2020-02"],
        ),
        (
            pd.Series(pd.interval_range(0, 2)),
            ["interval[int64, right]", "0", "2", "(0, 1] / (0, 1] / (1, 2]"],
        ),
        (
            pd.Series(pd.arrays.SparseArray([0, 0, 1])),
            ["Sparse[int64, 0]", "0", "2", "0 / 0 / 1"],
        ),
        (pd.Series([1 + 2j, 1 + 2j]), ["complex128", "0", "1", "(1+2j) ×2"]),
        (
            pd.Series(pd.to_timedelta([1, 2], unit="D")),
            [
                "timedelta64[us]",
                "0",
                "2",
                "1 days 00:00:00 / 1 days 00:00:00 / 2 days 00:00:00",
            ],
        ),
        (pd.Series([b"x", b"yy", None]), ["object", "1", "2"]),
        (
            pd.Series([decimal.Decimal("1.50")] * 2),
            ["object", "0", "1", "1.50 / 1.50 / 1.50"],
        ),
        (
            pd.Series([2**70, 1], dtype=object),
            ["object", "0", "2", "1 / 1 / 1180591620717411303424"],
        ),
        (
            pd.Series(["a", 1, None, "a"]),
            ["object", "1", "2", "a ×2; types str ×2, int ×1"],
        ),
        (
            pd.Series([1, 2.5, True]),
            ["object", "0", "2", "1 ×2; types int ×1, float ×1, bool ×1"],
        ),
        (pd.Series([Hostile(), Hostile()]), ["object", "0", "?"]),
        (
            pd.Series([dt.date(2020, 1, 1), dt.date(2020, 3, 1)]),
            ["object", "0", "2", "2020-01-01 / 2020-01-01 / 2020-03-01 (60 days)"],
        ),
        (
            pd.Series(
                [pd.Timestamp("2020"), pd.Timestamp("2020", tz="UTC")], dtype=object
            ),
            ["object", "0", "2"],
        ),
        (
            pl.Series(["a", None], dtype=pl.Enum(["a", "b"])),
            ["Enum(categories=['a', 'b'])", "1", "1"],
        ),
        (pl.Series([{"a": 1}, None]), ["Struct({'a': Int64})", "1", "?"]),
        (pl.Series([[1], None]), ["List(Int64)", "1", "?"]),
        (pl.Series([b"x", None]), ["Binary", "1", "?"]),
        (pl.Series([object(), None], dtype=pl.Object), ["Object", "1", "?"]),
        (
            pl.Series([dt.timedelta(1), None]),
            [
                "Duration(time_unit='us')",
                "1",
                "1",
                "1 day, 0:00:00 / 1 day, 0:00:00 / 1 day, 0:00:00",
            ],
        ),
        (pl.Series([dt.time(1)]), ["Time", "0", "1", "01:00:00 / 01:00:00 / 01:00:00"]),
        (pl.Series([None], dtype=pl.Date), ["Date", "1", "0"]),
        (
            pl.Series(["2020-01-01 00:00", "2020-01-01 02:00"]).str.to_datetime(),
            [
                "Datetime(time_unit='us', time_zone=None)",
                "0",
                "2",
                "{0} 00:00:00 / {0} 00:00:00 / {0} 02:00:00 (2:00:00)".format(
                    "2020-01-01"
                ),
            ],
        ),
        (pl.Series([None]), ["Null", "1", "0"]),
        (
            pl.Series(["a, b", "a, b", 'c" ×1'] * 2),
            ["String", "0", "2", '"a, b" ×4, "c" ×1" ×2'],
        ),
        (
            pa.chunked_array([pa.array([1, 2], pa.duration("s"))]),
            ["duration[s]", "0", "2", "0:00:01 / 0:00:01 / 0:00:02"],
        ),
        (
            pa.chunked_array([pa.array([1.5], pa.float16())]),
            ["halffloat", "0", "1", "1.5 / 1.5 / 1.5"],
        ),
        (
            np.ma.array([1, 2, 3], mask=[False, True, False]),
            ["int64", "1", "2", "1 / 1 / 3"],
        ),
        (
            np.array(["2020", "NaT"], "M8[s]"),
            [
                "datetime64[s]",
                "1",
                "1",
                "2020-01-01 00:00:00 / 2020-01-01 00:00:00 / 2020-01-01 00:00:00",
            ],
        ),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")) or None,
)
def test_column_of_each_type(series: Any, cells: list[str]) -> None:
    made = preview(series, tokens=10_000)
    assert next(iter(schema(made).values())) == cells


def test_cells_of_odd_types() -> None:
    frame = pd.DataFrame(
        {
            "nested": [{"a": [1, "x\ny"]}],
            "bytes": [b"hello"],
            "text": ["tab\there\nand|there"],
            "long": ["x" * 5000],
            "hostile": [Hostile()],
        }
    )
    assert rows(preview(frame))[1][1:] == [
        r'{"a": [1, "x\ny"]}',
        "<5 bytes>",
        r"tab\there\nand|there",
        "x" * 100 + "… (+4,900 characters)",
        "<Hostile>",
    ]


def test_value_that_hides_its_class_is_shown() -> None:
    class Hidden:
        @property  # type: ignore[misc]  # `object` can set it
        def __class__(self) -> Any:
            raise RuntimeError

    made = preview(pd.Series([Hidden(), "text"], dtype=object, name="a"))
    assert [row[1] for row in rows(made)[1:]] == ["<Hidden>", "text"]


# Redaction


@pytest.mark.parametrize("redact", ["email", ["email"], ("email",)])
def test_redacted_values_are_nowhere(redact: Any) -> None:
    frame = pd.DataFrame({"email": ["secret"] * 3 + [None], "n": range(4)})
    made = preview(frame, redact=redact)
    assert "secret" not in made.text
    assert schema(made)["email"] == ["str", "1", "1", "[redacted]"]
    assert [row[1] for row in rows(made)[1:]] == ["[redacted]"] * 4
    assert (*made.differences, *made.notices) == ()


@pytest.mark.parametrize(
    ("data", "redact"),
    [
        (pl.DataFrame({"e": pl.Series(["secret"], dtype=pl.Enum(["secret"]))}), "e"),
        (pd.DataFrame({"a": [1]}, index=pd.Index(["secret"], name="who")), "who"),
        (pd.DataFrame({("a", 1): ["secret"]}), ["('a', 1)"]),
        (pd.DataFrame({("a", 1): ["secret"]}), [("a", 1)]),
        (pd.DataFrame([["secret", "secret"]], columns=["a", "a"]), ["a"]),
        (pd.DataFrame({0: ["secret"]}), [0]),
        (pd.DataFrame({"0": ["secret"]}), ["0"]),
        ([{"a": "secret"}], ["a"]),
    ],
)
def test_anything_can_be_redacted(data: Any, redact: Any) -> None:
    assert "secret" not in preview(data, redact=redact).text


def test_redacting_an_unknown_column_names_close_ones() -> None:
    frame = pd.DataFrame({"email": [1], "n": [2]})
    with pytest.raises(AttachmentError, match=r"`df` has no column 'emial'.*'email'"):
        preview(frame, name="df", redact=["emial"])
    with pytest.raises(
        AttachmentError, match=r"the pandas DataFrame has no column 7\.$"
    ):
        preview(frame, redact=[7])


# Errors


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(
        AttachmentError, match="`x` is of type int, which is not a table"
    ):
        preview(7, name="x")
    with pytest.raises(AttachmentError, match="This is of type ndarray"):
        preview(np.zeros((2, 2, 2)))


def test_too_small_a_budget_is_refused() -> None:
    with pytest.raises(AttachmentError, match="use 100 or more"):
        preview([{"a": 1}], tokens=99)


class Unreadable(pd.DataFrame):  # type: ignore[misc]  # pandas ships no types
    """A frame that fails when it is read."""

    error: Exception = RuntimeError("disk on fire\nsecond line")

    def __len__(self) -> int:
        raise type(self).error


class Speechless(Exception):
    """An error that cannot be written."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("disk on fire\nmore"), "RuntimeError: disk on fire$"),
        (RuntimeError(), r"RuntimeError: \?$"),
        (Speechless(), r"Speechless: \?$"),
    ],
)
def test_what_a_library_raises_is_told(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    frame = Unreadable({"a": [1]})
    monkeypatch.setattr(Unreadable, "error", error)
    with pytest.raises(AttachmentError, match=f"`df` could not be read: {words}"):
        preview(frame, name="df")
    with pytest.raises(AttachmentError, match="The pandas DataFrame could not"):
        preview(frame)


# Shown


def test_notebook_shows_what_is_sent() -> None:
    frame = pd.DataFrame({"price $": ["<b>$5</b>", "a@b.org"]})
    made = preview(frame, name="df")
    html = made._repr_html_()
    assert "&lt;b&gt;<span>$</span>5&lt;/b&gt;" in html
    assert f"About {made.tokens} tokens." in html
    assert "looks like e-mail addresses" in html
    assert "--jp-content-font-color1" in html
    body = html.partition('">')[2].partition("</pre>")[0]
    assert body.count("\n") == made.text.count("\n")


def test_cells_are_drawn_in_columns() -> None:
    made = preview([{"n": 1, "month": "January"}, {"n": 2, "month": "May"}])
    html = made._repr_html_()
    assert "\t" not in html
    assert "\nrow  n  month\n0    1  January\n1    2  May<" in html


def test_a_long_cell_does_not_widen_its_column() -> None:
    text = "a table\n\nn\ttext\tend\n1\t" + "x" * 33 + "\ty\n2\tz\t\n"
    drawn = ("a table", "", "n  text  end", f"1  {'x' * 33}  y", "2  z", "")
    assert in_columns(text) == "\n".join(drawn)
    assert in_columns("") == ""


def test_what_the_text_says_is_not_said_again_below_it() -> None:
    made = preview(pd.DataFrame({"n": range(500), "s": ["x" * 80] * 500}), tokens=150)
    (left_out,) = made.differences
    assert made.text.endswith(left_out)
    assert made._repr_html_().count(left_out) == 1


# What differs by a hair


def test_a_value_that_cannot_be_read_leaves_the_others() -> None:
    far = pa.array([0, 10**17], pa.timestamp("s"))
    made = preview(pa.table({"far": far, "n": [1, 2]}))
    assert rows(made)[1:] == [["0", "1970-01-01 00:00:00", "1"], ["1", "?", "2"]]
    (difference,) = made.differences
    assert difference.startswith("Values of far written as ? could not be read: ")
    assert difference in made.text


def test_long_names_that_differ_at_their_ends_keep_them() -> None:
    question = "How satisfied are you with each part of our service? " * 6
    names = [f"{question}[{n}]" for n in range(40)]
    middles = [f"{question}{n}{question}" for n in range(3)]
    for labels in (names, middles):
        made = preview(pd.DataFrame({label: [1] for label in labels}), tokens=4000)
        assert len(schema(made)) == len(labels)
        assert set(rows(made)[0][1:]) == set(schema(made))


def test_redaction_hides_the_categories_of_nested_types() -> None:
    kind = pl.Enum(["a@b.org", "it's", 'say "x"'])
    fields = pl.Struct({"k": kind, "n": pl.Int8})
    frame = pl.DataFrame(
        {
            "m": pl.Series([["a@b.org"]], dtype=pl.List(kind)),
            "s": pl.Series([{"k": "it's", "n": 1}], dtype=fields),
        }
    )
    text = preview(frame, redact=["m", "s"]).text
    assert "List(Enum)" in text
    assert not any(word in text for word in ("a@b.org", "it's", "say"))
    relation = duckdb.sql("SELECT ['x@y.org']::ENUM('x@y.org', 'it''s')[] AS m")
    assert "x@y" not in preview(relation, redact=["m"]).text


def test_objects_are_written_without_their_addresses() -> None:
    made = [PIL.Image.new("RGB", (4, 4)) for _ in range(2)]
    texts = [preview(pd.DataFrame({"img": [image, print]})).text for image in made]
    assert texts[0] == texts[1]
    assert "<PIL.Image.Image image mode=RGB size=4x4>" in texts[0]


def test_the_text_is_published_for_models() -> None:
    formatter: Any = DisplayFormatter()
    bundle, _ = formatter.format(preview([{"n": 1}]))
    assert bundle["text/llm+plain"] == bundle["text/plain"]
    assert "text/html" in bundle
