"""Compressed tables."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from typing import Any

import pytest

from attached_files import TIMES, Write, rows
from stepmagic.attachments.files import tables
from stepmagic.errors import AttachmentError


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)],
)
def test_compressed_tables_are_read(
    attach_table: Write,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    compress: Callable[[bytes], bytes],
) -> None:
    data = compress(b"zip,n\n" + b"02134,1\n" * 200)
    assert attach_table(f"a.csv{suffix}", data).size == f"200 rows {TIMES} 2 columns"
    monkeypatch.setattr(tables, "SMALL_BYTES", 100)
    monkeypatch.setattr(tables, "FIRST_ROWS", 20)
    assert (
        attach_table(f"a.csv{suffix}", data).size
        == f"more than 20 rows {TIMES} 2 columns"
    )
    with pytest.raises(AttachmentError, match="cannot be decompressed"):
        attach_table(f"a.csv{suffix}", data[:20] + b"\x00" * 9)


def test_zstandard_is_read_through_what_is_installed(attach_table: Write) -> None:
    arrow: Any = pytest.importorskip("pyarrow")
    data = arrow.compress(b"zip,n\n02134,1\n", codec="zstd", asbytes=True)
    assert rows(attach_table("a.csv.zst", data))[1] == ["02134", "1"]
