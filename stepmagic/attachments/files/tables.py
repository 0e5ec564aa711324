"""CSV, Parquet and JSON Lines as previews, by whichever table library is installed.

A small file is read; a large one is scanned where it lies, and never read whole.
"""

from __future__ import annotations

import glob
import importlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from stepmagic.attachments import frames
from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files import text
from stepmagic.attachments.files.source import Source
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text

Form: TypeAlias = Literal["csv", "jsonl", "parquet"]

SMALL_BYTES = 8_000_000
"""A file up to this size is read; a larger one is scanned."""

FIRST_ROWS = 100_000
"""Rows read of a large file by a library that cannot scan it."""

_NAMES: dict[Form, str] = {"csv": "CSV", "jsonl": "JSON Lines", "parquet": "Parquet"}
_SUFFIXES: dict[str, Form] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_PARQUET = b"PAR1"
_SEPARATORS = ",;\t|"
_GROWN = "It has grown while it was read; try again."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """A library's function that makes a frame of a file."""

    library: str
    function: str
    options: Mapping[str, Any] = field(default_factory=dict)
    separator: str = ""
    """Its option for what stands between two values."""
    is_partial: bool = False
    """Whether it reads the first rows only."""
    is_fetched: bool = False
    """Whether rows are fetched as records: queries are read through pyarrow alone."""

    def read(self, source: Source, place: Any, separator: str) -> Any:
        """Return a frame.

        Args:
            source: The file.
            place: Its bytes in a buffer, or its path.
            separator: What stands between two values, in a CSV file.
        """
        module = importlib.import_module(self.library)
        if self.library == "duckdb":
            place = _duckdb_path(source)
        if self.function == "ParquetFile":
            return _first_rows(module.ParquetFile(place))
        options = dict(self.options)
        if self.library == "pyarrow.csv":
            options["parse_options"] = module.ParseOptions(delimiter=separator)
        elif self.separator:
            options[self.separator] = separator
        frame = getattr(module, self.function)(place, **options)
        if not self.is_fetched:
            return frame
        return [dict(zip(frame.columns, row, strict=True)) for row in frame.fetchall()]


def _polars(function: str, **options: Any) -> _Reader:
    separator = "separator" if function.endswith("csv") else ""
    return _Reader(
        library="polars", function=function, options=options, separator=separator
    )


def _pandas(function: str, separator: str = "", **options: Any) -> _Reader:
    return _Reader(
        library="pandas",
        function=function,
        options=options,
        separator=separator,
        is_partial="nrows" in options,
    )


def _arrow(form: Form, function: str, *, is_partial: bool = False) -> _Reader:
    library = "pyarrow.json" if form == "jsonl" else f"pyarrow.{form}"
    return _Reader(library=library, function=function, is_partial=is_partial)


_DUCKDB: dict[Form, _Reader] = {
    "csv": _Reader(library="duckdb", function="read_csv", separator="sep"),
    "jsonl": _Reader(
        library="duckdb",
        function="read_json",
        options={"format": "newline_delimited"},
    ),
    "parquet": _Reader(library="duckdb", function="read_parquet"),
}

_SMALL: dict[Form, tuple[_Reader, ...]] = {
    "csv": (
        _polars("read_csv", infer_schema_length=None, try_parse_dates=True),
        _pandas("read_csv", "sep"),
        _arrow("csv", "read_csv"),
        replace(_DUCKDB["csv"], is_fetched=True),
    ),
    "jsonl": (
        _polars("read_ndjson", infer_schema_length=None),
        _pandas("read_json", lines=True),
        _arrow("jsonl", "read_json"),
        replace(_DUCKDB["jsonl"], is_fetched=True),
    ),
    "parquet": (
        _polars("read_parquet"),
        _arrow("parquet", "read_table"),
        replace(_DUCKDB["parquet"], is_fetched=True),
    ),
}

_LARGE: dict[Form, tuple[_Reader, ...]] = {
    "csv": (
        _polars(
            "scan_csv", glob=False, infer_schema_length=10_000, try_parse_dates=True
        ),
        _DUCKDB["csv"],
        _pandas("read_csv", "sep", nrows=FIRST_ROWS),
    ),
    "jsonl": (
        _polars("scan_ndjson", infer_schema_length=10_000),
        _DUCKDB["jsonl"],
        _pandas("read_json", lines=True, nrows=FIRST_ROWS),
    ),
    "parquet": (
        _polars("scan_parquet", glob=False),
        _DUCKDB["parquet"],
        _arrow("parquet", "ParquetFile", is_partial=True),
    ),
}


def attach_table(source: Source, *, tokens: int = 2000) -> Attached:
    """Return a table as its preview; as text where no library can read it.

    Args:
        source: A CSV, TSV, Parquet or JSON Lines file.
        tokens: How long the preview may be.

    Raises:
        AttachmentError: It cannot be read, or no library is installed that could.
    """
    if not source.size:
        return text.attach_text(source)
    form = _form(source)
    separator = _separator(source) if form == "csv" else ""
    data = _data(source, form) if source.size <= SMALL_BYTES else None
    failure: Exception | None = None
    for reader in _LARGE[form] if data is None else _SMALL[form]:
        place = source.path if data is None else io.BytesIO(data)
        try:
            frame = reader.read(source, place, separator)
            preview = frames.preview(frame, name=source.name, tokens=tokens)
        except ImportError:
            continue
        except Exception as exc:  # noqa: BLE001 - each library has errors of its own
            failure = exc
            continue
        return Attached(
            name=source.name,
            kind=f"{_NAMES[form]} file",
            parts=(Text(text=preview.text),),
            size=preview.size,
            differences=(*_partly(reader, source), *preview.differences),
            notices=preview.notices,
        )
    return _as_text(source, form, failure)


def _as_text(source: Source, form: Form, failure: Exception | None) -> Attached:
    reason = "no library for tables is installed (pip install polars)"
    if failure is not None:
        reason = str(failure).strip().partition("\n")[0].rstrip(".")
    if form == "parquet" or source.size > text.MOST_BYTES:
        message = f"`{source.name}` cannot be read as a table: {reason}."
        raise AttachmentError(message)
    notice = f"`{source.name}` is sent as text, not as a table: {reason}."
    return text.attach_text(source, differences=(notice,))


def _partly(reader: _Reader, source: Source) -> tuple[str, ...]:
    if not reader.is_partial:
        return ()
    notice = (
        f"Of `{source.name}` the first {FIRST_ROWS:,} rows are described. With polars "
        "installed (pip install polars), all of it is."
    )
    return (notice,)


def _form(source: Source) -> Form:
    if source.head().startswith(_PARQUET):
        return "parquet"
    return _SUFFIXES.get(source.suffix, "csv")


def _separator(source: Source) -> str:
    """Return what stands most often in the first line: tables are not all commas."""
    first = source.head().partition(b"\n")[0].decode("utf-8", "replace")
    return max(_SEPARATORS, key=first.count)


def _data(source: Source, form: Form) -> bytes:
    """Return all of a small file, text in UTF-8."""
    data = source.read(SMALL_BYTES, advice=_GROWN)
    return data if form == "parquet" else text.decode(data, source.name).encode()


def _duckdb_path(source: Source) -> str:
    """Return a path that DuckDB reads as one: it takes any as a glob."""
    path = str(source.path)
    if glob.escape(path) != path:
        message = "DuckDB would read its name as a pattern"
        raise ValueError(message)
    return path


def _first_rows(file: Any) -> Any:
    """Return the first rows of an open Parquet file as an Arrow table."""
    arrow = importlib.import_module("pyarrow")
    batches, rows = [], 0
    for batch in file.iter_batches(batch_size=FIRST_ROWS // 10):
        batches.append(batch)
        rows += batch.num_rows
        if rows >= FIRST_ROWS:
            break
    return arrow.Table.from_batches(batches, schema=file.schema_arrow)
