"""Tables that a library scans in their files."""

from __future__ import annotations

import io
import itertools
import sys
from importlib.abc import MetaPathFinder

import polars as pl
import pytest

from attached_files import CSV, Write, said
from stepmagic.attachments.files import tables
from stepmagic.errors import AttachmentError

pytestmark = pytest.mark.usefixtures("pandas_without_arrow")

JSON_LINES = '{"day": "2026-01-01", "sales": 10}\n{"day": "2026-01-02", "sales": 20}\n'


def parquet() -> bytes:
    buffer = io.BytesIO()
    pl.read_csv(CSV.encode()).write_parquet(buffer)
    return buffer.getvalue()


TABLES = {
    "a.csv": CSV.encode(),
    "a.tsv": CSV.replace(",", "\t").encode(),
    "semicolons.csv": CSV.replace(",", ";").encode(),
    "excel.csv": CSV.replace(",", "\t").encode("utf-16"),
    "a.jsonl": JSON_LINES.encode(),
    "a.parquet": parquet(),
    "noname": parquet(),
}


LIBRARIES = ("polars", "duckdb", "pyarrow", "pandas")


class Hidden(MetaPathFinder):
    """Finds nothing of some libraries, as where they are not installed."""

    def __init__(self, libraries: tuple[str, ...]) -> None:
        self.libraries = libraries

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname.partition(".")[0] in self.libraries:
            raise ModuleNotFoundError(name=fullname)


def hide(monkeypatch: pytest.MonkeyPatch, *libraries: str) -> None:
    monkeypatch.setattr(sys, "meta_path", [Hidden(libraries), *sys.meta_path])
    for module in tuple(sys.modules):
        if module.partition(".")[0] in libraries:
            monkeypatch.delitem(sys.modules, module)


@pytest.mark.parametrize("name", TABLES)
def test_table_is_sent_as_its_preview(attach: Write, name: str) -> None:
    attached = attach(name, TABLES[name])
    preview = said(attached)
    assert attached.size == "2 rows \N{MULTIPLICATION SIGN} 2 columns"
    for word in ("day", "sales", "2026-01-02", "20"):
        assert word in preview
    assert "```" not in preview


@pytest.mark.parametrize(
    ("name", "library"),
    [
        *itertools.product(
            ("a.csv", "a.tsv", "semicolons.csv", "a.jsonl", "a.parquet"),
            ("polars", "duckdb", "pyarrow"),
        ),
        # pandas reads Parquet through pyarrow.
        *((name, "pandas") for name in ("a.csv", "a.tsv", "a.jsonl")),
    ],
)
def test_any_installed_library_will_do(
    attach: Write, monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    hide(monkeypatch, *(other for other in LIBRARIES if other != library))
    attached = attach(name, TABLES[name])
    assert attached.size == "2 rows \N{MULTIPLICATION SIGN} 2 columns"
    assert "sales" in said(attached)
    assert attached.all_notices == ()


@pytest.mark.parametrize(
    ("name", "libraries", "is_cut"),
    [
        ("a.csv", ("polars",), False),
        ("a.tsv", ("duckdb", "pyarrow"), False),
        ("a.csv", ("pandas",), True),
        ("a.jsonl", ("polars",), False),
        ("a.jsonl", ("duckdb", "pyarrow"), False),
        ("a.jsonl", ("pandas",), True),
        ("a.parquet", ("polars",), False),
        ("a.parquet", ("duckdb", "pyarrow"), False),
        ("a.parquet", ("pyarrow",), True),
    ],
)
def test_large_table_is_scanned_where_it_lies(
    attach: Write,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    libraries: tuple[str, ...],
    *,
    is_cut: bool,
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    monkeypatch.setattr(tables, "FIRST_ROWS", 1)
    hide(monkeypatch, *(other for other in LIBRARIES if other not in libraries))
    attached = attach(name, TABLES[name])
    if not is_cut:
        assert attached.size == "2 rows \N{MULTIPLICATION SIGN} 2 columns"
    assert "sales" in said(attached)
    assert ("the first 1 rows of a longer file" in said(attached)) is is_cut


def test_only_the_first_rows_of_a_large_file_are_read(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    monkeypatch.setattr(tables, "FIRST_ROWS", 100)
    buffer = io.BytesIO()
    pl.DataFrame({"n": range(1000)}).write_parquet(buffer, row_group_size=50)
    hide(monkeypatch, "polars", "duckdb", "pandas")
    attached = attach("a.parquet", buffer.getvalue())
    assert attached.size.startswith("1,000 rows")
    text = said(attached)
    assert "of the first 100 rows of a longer file" in text
    assert "The last rows were not read." in text
    assert "last 5" not in text


def test_name_that_duckdb_would_expand_is_left_to_others(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    hide(monkeypatch, "polars", "pandas")
    attach("a1.csv", "other\n1\n")
    assert "sales" in said(attach("a[1].csv", CSV))


def test_glob_letters_in_a_name_are_letters(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    attach("a1.csv", "other\n1\n")
    assert "sales" in said(attach("a[1].csv", CSV))
    attach("b1.parquet", TABLES["a.parquet"])
    assert "sales" in said(attach("b[1].parquet", TABLES["a.parquet"]))


def test_damaged_parquet_is_refused(attach: Write) -> None:
    with pytest.raises(AttachmentError, match="`a.parquet` cannot be read as a table"):  # noqa: RUF043 - a dot is a dot here
        attach("a.parquet", b"PAR1" + b"\x00" * 50)


def test_without_a_library_csv_is_read_and_parquet_refused(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, *LIBRARIES)
    attached = attach("a.csv", CSV)
    assert attached.size == "2 rows \N{MULTIPLICATION SIGN} 2 columns"
    assert "sales\tint\t0\t2\t10 / 10 / 20" in said(attached)
    with pytest.raises(AttachmentError, match="pip install polars"):
        attach("a.parquet", TABLES["a.parquet"])
