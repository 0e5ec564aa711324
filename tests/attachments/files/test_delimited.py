"""Separated values: their dialect, names and rows."""

from __future__ import annotations

import pytest

from attached_files import CSV, TIMES, Write, said, schema
from stepmagic.errors import AttachmentError

pytestmark = pytest.mark.usefixtures("pandas_without_arrow")


def test_csv_that_is_no_table_is_sent_as_text(attach: Write) -> None:
    content = 'a,b\n"never closed,1\n2'
    attached = attach("a.csv", content)
    assert said(attached) == f"```csv\n{content}\n```"
    (notice,) = attached.differences
    assert notice.startswith("`a.csv` is sent as text, not as a table: ")
    assert attach("empty.csv", "").differences == ("`empty.csv` is empty.",)


def test_large_csv_that_is_no_table_is_refused(attach: Write) -> None:
    with pytest.raises(AttachmentError, match="cannot be read as a table: line 100,00"):
        attach("a.csv", CSV + "2026-01-02,20\n" * 100_000 + "1,2,3\n")


def test_csv_in_an_old_encoding_is_refused(attach: Write) -> None:
    with pytest.raises(AttachmentError, match="not in UTF-8"):
        attach("a.csv", "stra\u00dfe\n1\n".encode("latin-1"))


def test_rows_that_are_too_long_make_it_text(anyhow: Write) -> None:
    attached = anyhow("r.csv", "a,b,c\n1,2,3\n4,5\n6,7,8,9\n")
    assert "6,7,8,9" in said(attached)
    assert attached.kind == "csv file"
    assert attached.differences[0].startswith("`r.csv` is sent as text, not as a table")


def test_blank_lines_are_no_rows(anyhow: Write) -> None:
    attached = anyhow("b.csv", "a,b\n1,2\n\n3,4\n\n")
    assert attached.size == f"2 rows {TIMES} 2 columns"
    assert schema(attached)["a"][0] == "0"


def test_lines_before_the_header_are_said_within_the_data(attach_table: Write) -> None:
    attached = attach_table("p.csv", "# Station: Graz\nday,t\n2024-01-01,1\n")
    assert "begin with # are not rows: # Station: Graz" in said(attached)
