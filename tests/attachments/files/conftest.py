"""Fixtures of the tests of attachments/files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest

from attached_files import Write
from stepmagic.attachments import files
from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files import tables


@pytest.fixture
def attach(tmp_path: Path) -> Write:
    """Return what writes a file and attaches it."""

    def write(name: str, content: str | bytes, **options: Any) -> Attached:
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
        return files.attach_path(tmp_path / name, **options)

    return write


@pytest.fixture
def attach_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return what writes a file and attaches it."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, content: str | bytes) -> Attached:
        data = content if isinstance(content, bytes) else content.encode()
        Path(name).write_bytes(data)
        return files.attach_path(name)

    return write


@pytest.fixture(params=["small", "polars", "duckdb", "neither"])
def anyhow(
    request: pytest.FixtureRequest, attach_table: Write, monkeypatch: pytest.MonkeyPatch
) -> Write:
    """Return the same for a small file and for one that each library scans."""
    if request.param != "small":
        monkeypatch.setattr(tables, "SMALL_BYTES", 1)
    if request.param in ("duckdb", "neither"):
        monkeypatch.setitem(sys.modules, "polars", None)
    if request.param == "neither":
        monkeypatch.setitem(sys.modules, "duckdb", None)
    return attach_table


@pytest.fixture
def pandas_without_arrow() -> Iterator[None]:
    """Let pandas hold texts by itself: if it has seen pyarrow, it needs it for them."""
    with pd.option_context("mode.string_storage", "python"):
        yield
