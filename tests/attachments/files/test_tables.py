"""Tables in files: what the preview says is what is in the file, or it says how not."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stepmagic.attachments import files
from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files import tables
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text

TIMES = "\N{MULTIPLICATION SIGN}"
Write = Callable[[str, str | bytes], Attached]


@pytest.fixture
def attach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return what writes a file and attaches it."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, content: str | bytes) -> Attached:
        data = content if isinstance(content, bytes) else content.encode()
        Path(name).write_bytes(data)
        return files.attach_path(name)

    return write


@pytest.fixture(params=["small", "polars", "duckdb", "neither"])
def anyhow(
    request: pytest.FixtureRequest, attach: Write, monkeypatch: pytest.MonkeyPatch
) -> Write:
    """Return the same for a small file and for one that each library scans."""
    if request.param != "small":
        monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    if request.param in ("duckdb", "neither"):
        monkeypatch.setitem(sys.modules, "polars", None)
    if request.param == "neither":
        monkeypatch.setitem(sys.modules, "duckdb", None)
    return attach


def said(attached: Attached) -> str:
    (part,) = attached.parts
    assert isinstance(part, Text)
    return part.text


def rows(attached: Attached) -> list[list[str]]:
    """Return the names and the rows that are shown, without their numbers."""
    lines = said(attached).split("\n")
    begin = next(n for n, line in enumerate(lines) if line.startswith("row\t"))
    return [line.split("\t")[1:] for line in lines[begin:] if "\t" in line]


def schema(attached: Attached) -> dict[str, list[str]]:
    """Return nulls, distinct values and the range of each column."""
    lines = said(attached).split("\n")
    begin = next(n for n, line in enumerate(lines) if line.startswith("column\t"))
    end = next(n for n, line in enumerate(lines) if line.startswith("Rows,"))
    cells = [line.split("\t") for line in lines[begin + 1 : end]]
    return {line[0]: line[2:] for line in cells}


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


def test_rows_that_are_too_long_make_it_text(anyhow: Write) -> None:
    attached = anyhow("r.csv", "a,b,c\n1,2,3\n4,5\n6,7,8,9\n")
    assert "6,7,8,9" in said(attached)
    assert attached.kind == "csv file"
    assert attached.differences[0].startswith("`r.csv` is sent as text, not as a table")


def test_blank_lines_are_no_rows(anyhow: Write) -> None:
    attached = anyhow("b.csv", "a,b\n1,2\n\n3,4\n\n")
    assert attached.size == f"2 rows {TIMES} 2 columns"
    assert schema(attached)["a"][0] == "0"


def test_dates_that_can_be_read_both_ways_stay_as_they_are(anyhow: Write) -> None:
    months = "".join(f"{month:02d}/01/2024,{month}\n" for month in range(1, 13))
    attached = anyhow("m.csv", f"day,n\n{months}")
    assert rows(attached)[2] == ["02/01/2024", "2"]
    assert "whether the day or the month is first is not known" in said(attached)


def test_words_for_null_are_said_where_the_rest_are_numbers(attach: Write) -> None:
    attached = attach("n.csv", "n,s\n1,NA\nNA,b\n3,c\n")
    assert schema(attached)["n"] == ["1", "2", "1 / 2 / 3"]
    assert schema(attached)["s"][:2] == ["0", "3"]
    assert attached.differences == ("NA is null in n.",)
    assert "NA is null in n." in said(attached)


def test_lines_before_the_header_are_said_within_the_data(attach: Write) -> None:
    attached = attach("p.csv", "# Station: Graz\nday,t\n2024-01-01,1\n")
    assert "begin with # are not rows: # Station: Graz" in said(attached)


@pytest.mark.parametrize("library", ["polars", "duckdb"])
def test_a_late_value_of_another_type_changes_no_other(
    attach: Write, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    monkeypatch.setattr(tables, "HEAD_BYTES", 100)
    if library == "duckdb":
        monkeypatch.setitem(sys.modules, "polars", None)
    late = {"half": "0.5", "code": "0012", "word": "n/a", "day": "2024-13-01"}
    body = "".join(f"{n},{n + 1},{n},2024-01-01\n" for n in range(1, 400))
    attached = attach(
        "late.csv", f"{','.join(late)}\n{body}{','.join(late.values())}\n"
    )
    assert attached.size == f"400 rows {TIMES} 4 columns"
    assert rows(attached)[-1] == list(late.values())
    assert schema(attached)["half"][2] == "0.5 / 199.5 / 399"
    assert schema(attached)["code"][1] == "400"


def test_the_first_rows_of_a_longer_file_are_called_so(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    monkeypatch.setattr(tables, "FIRST_ROWS", 50)
    for library in ("polars", "duckdb"):
        monkeypatch.setitem(sys.modules, library, None)
    content = "i,city\n" + "".join(f"{n},Rome\n" for n in range(90))
    attached = attach("big.csv", content)
    text = said(attached)
    assert attached.size == f"more than 50 rows {TIMES} 2 columns"
    assert "of the first 50 rows of a longer file" in text
    assert "The last rows were not read." in text
    assert "last 5" not in text
    assert "polars" not in str(attached.all_notices)
    # The same where all of it was read.
    monkeypatch.setattr(tables, "FIRST_ROWS", 90)
    assert attach("big.csv", content).size == f"90 rows {TIMES} 2 columns"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_encodings_with_a_sign_of_their_own_are_read(
    attach: Write, encoding: str
) -> None:
    attached = attach("u.csv", "id,city\n1,Köln\n".encode(encoding))
    assert rows(attached) == [["id", "city"], ["1", "Köln"]]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_large_files_in_other_encodings_are_refused_with_advice(
    attach: Write, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    monkeypatch.setattr(tables, "HEAD_BYTES", 100)
    content = "id,city\n" + "1,Rome\n" * 5000 + "2,Köln\n"
    with pytest.raises(AttachmentError, match=r"not in UTF-8.*encoding='latin-1'"):
        attach("l.csv", content.encode(encoding))


def test_json_lines_have_the_keys_of_all_lines(anyhow: Write) -> None:
    lines = [{"i": n, "zip": "02134"} for n in range(50)] + [{"i": 50, "error": "E4"}]
    attached = anyhow("k.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    assert set(schema(attached)) == {"i", "zip", "error"}
    assert rows(attached)[1][:2] == ["0", "02134"]
    assert schema(attached)["error"][0] == "50"


def test_json_that_is_no_object_makes_it_text(attach: Write) -> None:
    attached = attach("k.jsonl", '{"a": 1}\n[1]\n')
    assert attached.differences == (
        "`k.jsonl` is sent as text, not as a table: line 2 is JSON but not an object.",
    )


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)],
)
def test_compressed_tables_are_read(
    attach: Write,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    compress: Callable[[bytes], bytes],
) -> None:
    data = compress(b"zip,n\n" + b"02134,1\n" * 200)
    assert attach(f"a.csv{suffix}", data).size == f"200 rows {TIMES} 2 columns"
    monkeypatch.setattr(tables, "SMALL_BYTES", 100)
    monkeypatch.setattr(tables, "FIRST_ROWS", 20)
    assert attach(f"a.csv{suffix}", data).size == f"more than 20 rows {TIMES} 2 columns"
    with pytest.raises(AttachmentError, match="cannot be decompressed"):
        attach(f"a.csv{suffix}", data[:20] + b"\x00" * 9)


def test_zstandard_is_read_through_what_is_installed(attach: Write) -> None:
    arrow: Any = pytest.importorskip("pyarrow")
    data = arrow.compress(b"zip,n\n02134,1\n", codec="zstd", asbytes=True)
    assert rows(attach("a.csv.zst", data))[1] == ["02134", "1"]


def test_arrow_files_have_all_of_their_rows_counted(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"n": range(1000)}).write_ipc(buffer, record_batch_size=100)
    for library in ("", "polars"):
        if library:
            monkeypatch.setitem(sys.modules, library, None)
        monkeypatch.setattr(tables, "SMALL_BYTES", 1)
        monkeypatch.setattr(tables, "FIRST_ROWS", 250)
        attached = attach("a.feather", buffer.getvalue())
        assert attached.size == f"1,000 rows {TIMES} 1 column"
        assert ("of a longer file" in said(attached)) is bool(library)
    with pytest.raises(AttachmentError, match="cannot be read as a table"):
        attach("a.arrow", b"ARROW1\x00\x00" + b"\x00" * 50)


def test_advice_on_a_file_names_what_reads_it(attach: Write) -> None:
    attached = attach("people.csv", "email\na@b.org\n")
    assert (
        "preview(pd.read_csv('people.csv'), redact=['email'])" in (attached.notices[0])
    )


def test_what_has_no_row_is_said(attach: Write) -> None:
    assert attach("h.csv", "a,b\n").size == f"0 rows {TIMES} 2 columns"
    assert "there is no row in it" in attach("s.csv", "  \n\n").differences[0]
    assert attach("e.csv", "").differences == ("`e.csv` is empty.",)
