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


def test_libraries_show_the_same_rows() -> None:
    frame = pl.DataFrame({"n": range(500_000)})
    texts = [
        preview(data).text.split("\n", 3)[3].partition("Rows")[2]
        for data in (frame, frame.to_arrow(), frame.to_pandas(), frame.lazy())
    ]
    assert len(set(texts)) == 1
    assert preview(frame, seed=1).text != preview(frame).text


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


def test_200_000_rows_are_counted_exactly() -> None:
    frame = pl.DataFrame({"n": [None, *range(199_999)]})
    made = preview(frame)
    assert schema(made)["n"][1:3] == ["1", "199,999"]
    assert "sample of" not in made.text


def test_missing_and_infinite_values_are_told_apart() -> None:
    values = [1.0, None, float("nan"), float("inf"), float("-inf"), float("inf")]
    cells = schema(preview(pl.DataFrame({"x": values})))["x"]
    assert cells == ["Float64", "1", "4", "1 / 1 / 1; 1 NaN; 2 inf; 1 -inf"]
    shown = [row[1] for row in rows(preview(pl.DataFrame({"x": values})))]
    assert shown == ["x", "1", "null", "NaN", "inf", "-inf", "inf"]
    odd = schema(preview([{"x": value} for value in values]))["x"]
    assert odd == ["float", "1", "4", "1 / 1 / 1; 1 NaN; 2 inf; 1 -inf"]
    only = schema(preview(pl.DataFrame({"x": [float("nan")]})))["x"]
    assert only == ["Float64", "0", "1", "1 NaN"]


def test_index_shows_where_it_is_not_the_default() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    assert rows(preview(frame)) == [
        ["row", "index (index)", "a"],
        ["0", "x", "1"],
        ["1", "y", "2"],
    ]
    assert preview(frame).size == "2 rows × 1 column"
    assert "(index)" not in preview(frame.reset_index(drop=True)).text
    assert "(index)" in preview(frame.set_axis(range(1, 3))).text


def test_levels_of_an_index_and_of_names() -> None:
    frame = pd.DataFrame(
        np.arange(8).reshape(4, 2),
        index=pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", None]),
        columns=pd.MultiIndex.from_tuples([("x", 1), ("x", 2)]),
    )
    made = preview(frame)
    labels = ["k (index)", "level 1 (index)", "('x', 1)", "('x', 2)"]
    assert rows(made)[0] == ["row", *labels]
    assert rows(made)[3] == ["2", "b", "1", "4", "5"]
    assert schema(made)["k (index)"] == ["str", "0", "2", "a ×2, b ×2"]
    long = frame.take(np.tile(range(4), 60_000))
    assert rows(preview(long))[-1] == ["239999", "b", "2", "6", "7"]


def test_names_may_repeat_and_be_anything() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "a", 0, "0"])
    assert rows(preview(frame)) == [
        ["row", "a", "a", "0", '"0"'],
        ["0", "1", "2", "3", "4"],
    ]
    table = pa.table([pa.array([1]), pa.array(["x"])], names=["a", "a"])
    assert rows(preview(table)) == [["row", "a", "a"], ["0", "1", "x"]]


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


def test_values_that_cannot_be_counted_are_still_shown() -> None:
    signal = decimal.Decimal("sNaN")  # has no hash
    frame = pd.DataFrame({"signal": [signal], "quiet": [decimal.Decimal("NaN")]})
    made = preview(frame)
    assert schema(made)["signal"] == ["object", "?", "?"]
    assert schema(made)["quiet"] == ["object", "1", "0"]
    assert rows(made)[1][1:] == ["sNaN", "null"]


def test_value_that_hides_its_class_is_shown() -> None:
    class Hidden:
        @property  # type: ignore[misc]  # `object` can set it
        def __class__(self) -> Any:
            raise RuntimeError

    made = preview(pd.Series([Hidden(), "text"], dtype=object, name="a"))
    assert [row[1] for row in rows(made)[1:]] == ["<Hidden>", "text"]


def test_field_that_fails_is_null() -> None:
    class Broken(tuple[int]):
        __slots__ = ()
        _fields = ("a",)

        @property
        def a(self) -> int:
            raise RuntimeError

    assert rows(preview([Broken((1,))])) == [["row", "a"], ["0", "null"]]


def test_records_may_miss_fields() -> None:
    data = [
        {"a": 1},
        {"a": "x", "b": 2.5},
        {"a": None, "c": [1]},
        {"a": b""},
        {"a": ()},
    ]
    cells = schema(preview(data))
    assert cells["a"][0] == "int or str or bytes or others"
    assert cells["a"][3] == "types int ×1, str ×1, bytes ×1, 1 more"
    assert cells["b"] == ["float", "4", "1", "2.5 / 2.5 / 2.5"]
    assert schema(preview([{"a": None}]))["a"][0] == "null"
    many = preview([{"n": n} for n in range(300_000)])
    assert rows(many)[-1] == ["299999", "299999"]


def test_arrays_of_numpy() -> None:
    array = np.arange(12.0).reshape(4, 3)
    assert schema(preview(array))["1"] == ["float64", "0", "4", "1 / 5.5 / 10"]
    long = preview(np.arange(1_000_000, dtype="u2"))
    assert rows(long)[-1] == ["999999", str(999_999 % 65536)]
    fields = np.zeros(2, dtype=[("m", "f8", (2, 2)), ("s", "U3"), ("n", "i4")])
    assert rows(preview(fields))[1] == ["0", "[[0, 0], [0, 0]]", '""', "0"]


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


def test_nan_among_objects_is_a_null_as_in_other_columns() -> None:
    flags = pd.DataFrame({"k": [1], "flag": [True]})
    merged = pd.DataFrame({"k": [1, 2, 3]}).merge(flags, how="left")
    assert schema(preview(merged))["flag"][:3] == ["object", "2", "1"]
    mixed = pd.Series(["a", np.nan, None, 1, 1], name="m", dtype=object)
    assert schema(preview(mixed))["m"][1:3] == ["2", "2"]
    assert [row[1] for row in rows(preview(mixed))[2:4]] == ["null", "null"]


def test_views_of_text_in_arrow_are_read() -> None:
    table = pa.table(pl.DataFrame({"s": ["a", "b"], "b": [b"x", b"y"], "v": [1, 2]}))
    assert rows(preview(table))[1] == ["0", "a", "<1 byte>", "1"]


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


def test_a_series_without_a_name_is_called_values() -> None:
    assert "values" in schema(preview(pd.Series([1, 2])))
    assert "values" in schema(preview(pl.Series([1, 2])))
    assert "0" not in schema(preview(pd.Series([1], name="a")))


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


@pytest.mark.parametrize(
    "values",
    [
        [2**60 + n for n in range(5)],
        [2**60 + n for n in range(4)],
        [-(2**62), -(2**62) + 1],
        [1e308, 1.7e308],
    ],
)
def test_a_median_is_between_the_least_and_the_greatest(values: list[Any]) -> None:
    for frame in (pd.DataFrame({"n": values}), pl.DataFrame({"n": values})):
        words = schema(preview(frame))["n"][3]
        low, middle, high = map(decimal.Decimal, words.split(" / "))
        assert low <= middle <= high


def test_all_are_null_only_where_100_percent_are() -> None:
    values = pl.Series("rare", [None] * 300_000, dtype=pl.Int8)
    assert schema(preview(values))["rare"][1] == "100%"
    assert schema(preview(values.scatter(0, 1)))["rare"][1] == ">99.9%"


def test_objects_are_written_without_their_addresses() -> None:
    made = [PIL.Image.new("RGB", (4, 4)) for _ in range(2)]
    texts = [preview(pd.DataFrame({"img": [image, print]})).text for image in made]
    assert texts[0] == texts[1]
    assert "<PIL.Image.Image image mode=RGB size=4x4>" in texts[0]


def test_geometries_have_a_reference_system_bounds_and_all_their_digits() -> None:
    geopandas = pytest.importorskip("geopandas")
    frame = geopandas.GeoDataFrame(
        {"n": [1, 2]},
        geometry=geopandas.points_from_xy([-95.3698012, 4.5], [29.7604267, 9]),
        crs="EPSG:4326",
    )
    made = preview(frame)
    assert made.kind == "geopandas GeoDataFrame"
    assert rows(made)[1] == ["0", "1", "POINT (-95.3698012 29.7604267)"]
    assert "CRS: EPSG:4326; bounds (least x, y, greatest x, y): -95.3698012" in (
        made.text
    )
    assert "29.76" not in preview(frame, redact=["geometry"]).text


def test_the_text_is_published_for_models() -> None:
    formatter: Any = DisplayFormatter()
    bundle, _ = formatter.format(preview([{"n": 1}]))
    assert bundle["text/llm+plain"] == bundle["text/plain"]
    assert "text/html" in bundle
