"""Tables in files: what the preview says is what is in the file, or it says how not."""

from __future__ import annotations

import io
import json
import sys

import polars as pl
import pytest

from attached_files import TIMES, Write, rows, said, schema
from stepmagic.attachments.files import tables
from stepmagic.errors import AttachmentError


def test_the_first_rows_of_a_longer_file_are_called_so(
    attach_table: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    monkeypatch.setattr(tables, "FIRST_ROWS", 50)
    for library in ("polars", "duckdb"):
        monkeypatch.setitem(sys.modules, library, None)
    content = "i,city\n" + "".join(f"{n},Rome\n" for n in range(90))
    attached = attach_table("big.csv", content)
    text = said(attached)
    assert attached.size == f"more than 50 rows {TIMES} 2 columns"
    assert "of the first 50 rows of a longer file" in text
    assert "The last rows were not read." in text
    assert "last 5" not in text
    assert "polars" not in str(attached.all_notices)
    # The same where all of it was read.
    monkeypatch.setattr(tables, "FIRST_ROWS", 90)
    assert attach_table("big.csv", content).size == f"90 rows {TIMES} 2 columns"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_encodings_with_a_sign_of_their_own_are_read(
    attach_table: Write, encoding: str
) -> None:
    attached = attach_table("u.csv", "id,city\n1,Köln\n".encode(encoding))
    assert rows(attached) == [["id", "city"], ["1", "Köln"]]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_large_files_in_other_encodings_are_refused_with_advice(
    attach_table: Write, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    monkeypatch.setattr(tables, "HEAD_BYTES", 100)
    content = "id,city\n" + "1,Rome\n" * 5000 + "2,Köln\n"
    with pytest.raises(AttachmentError, match=r"not in UTF-8.*encoding='latin-1'"):
        attach_table("l.csv", content.encode(encoding))


def test_json_lines_have_the_keys_of_all_lines(anyhow: Write) -> None:
    lines = [{"i": n, "zip": "02134"} for n in range(50)] + [{"i": 50, "error": "E4"}]
    attached = anyhow("k.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    assert set(schema(attached)) == {"i", "zip", "error"}
    assert rows(attached)[1][:2] == ["0", "02134"]
    assert schema(attached)["error"][0] == "50"


def test_json_that_is_no_object_makes_it_text(attach_table: Write) -> None:
    attached = attach_table("k.jsonl", '{"a": 1}\n[1]\n')
    assert attached.differences == (
        "`k.jsonl` is sent as text, not as a table: line 2 is JSON but not an object.",
    )


def test_arrow_files_have_all_of_their_rows_counted(
    attach_table: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"n": range(1000)}).write_ipc(buffer, record_batch_size=100)
    for library in ("", "polars"):
        if library:
            monkeypatch.setitem(sys.modules, library, None)
        monkeypatch.setattr(tables, "SMALL_BYTES", 1)
        monkeypatch.setattr(tables, "FIRST_ROWS", 250)
        attached = attach_table("a.feather", buffer.getvalue())
        assert attached.size == f"1,000 rows {TIMES} 1 column"
        assert ("of a longer file" in said(attached)) is bool(library)
    with pytest.raises(AttachmentError, match="cannot be read as a table"):
        attach_table("a.arrow", b"ARROW1\x00\x00" + b"\x00" * 50)


def test_advice_on_a_file_names_what_reads_it(attach_table: Write) -> None:
    attached = attach_table("people.csv", "email\na@b.org\n")
    assert (
        "preview(pd.read_csv('people.csv'), redact=['email'])" in (attached.notices[0])
    )


def test_what_has_no_row_is_said(attach_table: Write) -> None:
    assert attach_table("h.csv", "a,b\n").size == f"0 rows {TIMES} 2 columns"
    assert "there is no row in it" in attach_table("s.csv", "  \n\n").differences[0]
    assert attach_table("e.csv", "").differences == ("`e.csv` is empty.",)
