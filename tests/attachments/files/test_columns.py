"""Columns of text, and the types that their values have."""

from __future__ import annotations

import sys

import pytest

from attached_files import TIMES, Write, rows, said, schema
from stepmagic.attachments.files import tables


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("id,n,s\n1,250,X,\n2,50,Y,\n", [["id", "n", "s"], ["1", "250", "X"]]),
        ("zip,code\n02134,0870\n10001,12\n", [["zip", "code"], ["02134", "0870"]]),
        ("a,b\r1,2\r3,4\r", [["a", "b"], ["1", "2"]]),
        ('"price, net, EUR";n\n1.5;2\n', [["price, net, EUR", "n"], ["1.5", "2"]]),
        ("# at, sea\n\nday;t\n2024-01-01;1\n", [["day", "t"], ["2024-01-01", "1"]]),
        ("sep=;\na;b\n1,5;2\n", [["a", "b"], ["1,5", "2"]]),
        ("\n\na,b\n1,2\n", [["a", "b"], ["1", "2"]]),
        ('a, b\n"x, y", "z"\n', [["a", "b"], ["x, y", "z"]]),
        ("a,b\n12E4,5e-3\n", [["a", "b"], ["12E4", "0.005"]]),
        ("v\n3.9\n3.10\n", [["v"], ["3.9"]]),
        ("id\n123456789012345678901\n", [["id"], ["123456789012345678901"]]),
        ("a,b\n+4917,true\n", [["a", "b"], ["+4917", "True"]]),
        ('a\n"two\nlines"\n', [["a"], [r"two\nlines"]]),
        ("1,2\n3,4\n", [["column 1", "column 2"], ["1", "2"]]),
        ("a,a\n1,2\n", [["a", "a (2)"], ["1", "2"]]),
        ("d\n2024-02-30\n", [["d"], ["2024-02-30"]]),
    ],
)
def test_values_are_shown_as_they_are_written(
    anyhow: Write, content: str, shown: list[list[str]]
) -> None:
    assert rows(anyhow("a.csv", content))[:2] == shown


def test_dates_that_can_be_read_both_ways_stay_as_they_are(anyhow: Write) -> None:
    months = "".join(f"{month:02d}/01/2024,{month}\n" for month in range(1, 13))
    attached = anyhow("m.csv", f"day,n\n{months}")
    assert rows(attached)[2] == ["02/01/2024", "2"]
    assert "whether the day or the month is first is not known" in said(attached)


def test_words_for_null_are_said_where_the_rest_are_numbers(
    attach_table: Write,
) -> None:
    attached = attach_table("n.csv", "n,s\n1,NA\nNA,b\n3,c\n")
    assert schema(attached)["n"] == ["1", "2", "1 / 2 / 3"]
    assert schema(attached)["s"][:2] == ["0", "3"]
    assert attached.differences == ("NA is null in n.",)
    assert "NA is null in n." in said(attached)


@pytest.mark.parametrize("library", ["polars", "duckdb"])
def test_a_late_value_of_another_type_changes_no_other(
    attach_table: Write, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    monkeypatch.setattr(tables, "HEAD_BYTES", 100)
    if library == "duckdb":
        monkeypatch.setitem(sys.modules, "polars", None)
    late = {"half": "0.5", "code": "0012", "word": "n/a", "day": "2024-13-01"}
    body = "".join(f"{n},{n + 1},{n},2024-01-01\n" for n in range(1, 400))
    attached = attach_table(
        "late.csv", f"{','.join(late)}\n{body}{','.join(late.values())}\n"
    )
    assert attached.size == f"400 rows {TIMES} 4 columns"
    assert rows(attached)[-1] == list(late.values())
    assert schema(attached)["half"][2] == "0.5 / 199.5 / 399"
    assert schema(attached)["code"][1] == "400"
