"""Tables in files as previews: CSV, JSON Lines, Parquet and Arrow.

A small CSV or JSON Lines file is read here, by Python's own readers; a large one is
scanned where it is, by the dialect that was found at its beginning, or its first rows
are read, which the preview states. A file that does not parse as a table is sent as
text.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Literal, TypeAlias

from stepmagic.attachments import frames
from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files import scans, text
from stepmagic.attachments.files.columns import (
    Column,
    frame_of,
    read_column,
    remarks_on,
)
from stepmagic.attachments.files.compressed import opened
from stepmagic.attachments.files.delimited import (
    Dialect,
    IrregularError,
    find_dialect,
    rows_of,
)
from stepmagic.attachments.files.source import Source, refuse_private_key
from stepmagic.attachments.frames.types import Origin
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text

Form: TypeAlias = Literal["csv", "jsonl", "parquet", "arrow"]

SMALL_BYTES = 8_000_000
"""A file up to this size is read; a larger one is scanned."""

FIRST_ROWS = 100_000
"""Rows read of a large file where it cannot be scanned."""

HEAD_BYTES = 1_000_000
"""What the dialect and the types of a large file are found in."""

_NAMES: dict[Form, str] = {
    "csv": "CSV",
    "jsonl": "JSON Lines",
    "parquet": "Parquet",
    "arrow": "Arrow",
}
_SUFFIXES: dict[str, Form] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
_MAGIC: tuple[tuple[bytes, Form], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"FEA1", "arrow"),
)
_GROWN = "It has grown while it was read; try again."


def attach_table(source: Source, *, tokens: int = 2000) -> Attached:
    """Return a table as its preview, or as text where it does not parse as a table.

    Args:
        source: A CSV, TSV, JSON Lines, Parquet or Arrow file, or one of the first three
            that is compressed.
        tokens: How long the preview may be.

    Raises:
        AttachmentError: It cannot be read, or no library is installed that could.
    """
    if not source.size:
        return text.attach_text(source)
    form = _form(source)
    try:
        if form in ("parquet", "arrow"):
            frame, total = _binary(source, form)
            return _attached(source, form, tokens, frame, total=total)
        return _written(source, form, tokens)
    except (IrregularError, _NoLibraryError) as exc:
        return _as_text(source, form, str(exc))


class _NoLibraryError(Exception):
    """No library that is installed reads a file."""


def _written(source: Source, form: Form, tokens: int) -> Attached:
    """Return the preview of a CSV or JSON Lines file."""
    compressed = source.compression
    if source.size > SMALL_BYTES or compressed:
        head, is_all = _head(source)
        if is_all:
            return _small(source, form, tokens, head)
        return _large(source, form, tokens, head)
    data = source.read(SMALL_BYTES, advice=_GROWN)
    return _small(source, form, tokens, text.decode(data, source.name))


def _small(source: Source, form: Form, tokens: int, content: str) -> Attached:
    refuse_private_key(content, source.name)
    if form == "jsonl":
        records = list(_records(io.StringIO(content)))
        return _attached(source, form, tokens, records)
    dialect = _dialect(source, content)
    columns = _columns(dialect, rows_of(io.StringIO(content, newline=""), dialect))
    remarks = [*dialect.remarks, *remarks_on(columns)]
    return _attached(source, form, tokens, frame_of(columns), remarks=remarks)


def _dialect(source: Source, content: str) -> Dialect:
    is_tabbed = source.suffix == ".tsv"
    return find_dialect(content, source.name, is_tabbed=is_tabbed)


def _columns(dialect: Dialect, rows: Iterable[list[str]]) -> list[Column]:
    texts = list(zip(*rows, strict=True)) or [()] * len(dialect.names)
    pairs = zip(dialect.names, texts, strict=True)
    return [read_column(name, values) for name, values in pairs]


def _records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects of JSON lines.

    Raises:
        IrregularError: A line is not a JSON object.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as exc:
            message = f"line {number:,} is not JSON ({exc})"
            raise IrregularError(message) from exc
        if not isinstance(value, dict):
            message = f"line {number:,} is JSON but not an object"
            raise IrregularError(message)
        yield value


def _large(source: Source, form: Form, tokens: int, head: str) -> Attached:
    """Return the preview of a file that is scanned, or whose first rows are read."""
    if form == "jsonl":
        if not source.compression and (scan := scans.scan_json(source)) is not None:
            return _attached(source, form, tokens, scan)
        return _first(source, form, tokens, _records)
    whole_lines = head[: head.rfind("\n") + 1] or head
    dialect = _dialect(source, whole_lines)
    is_known = dialect.is_plain and "\n" in head  # lines may end with only \r
    if is_known and not source.compression:
        rows = rows_of(io.StringIO(whole_lines, newline=""), dialect)
        columns = _columns(dialect, _up_to_a_broken_one(rows))
        scan, remarks = scans.scan_csv(source, dialect, columns)
        if scan is not None:
            remarks = [*dialect.remarks, *remarks]
            return _attached(source, form, tokens, scan, remarks=remarks)
    return _first(source, form, tokens, lambda lines: rows_of(lines, dialect), dialect)


def _up_to_a_broken_one(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield rows; the last of a beginning may be cut within quotes."""
    try:
        yield from rows
    except IrregularError:
        return


def _first(
    source: Source, form: Form, tokens: int, read: Any, dialect: Dialect | None = None
) -> Attached:
    """Return the preview of the first rows of a file."""
    with opened(source) as lines:
        rows = read(lines)
        try:
            found = list(islice(rows, FIRST_ROWS))
            total = None if next(rows, None) is not None else len(found)
        except UnicodeDecodeError as exc:
            raise text.not_decoded(source.name, exc) from exc
    if dialect is None:
        return _attached(source, form, tokens, found, total=total, is_part=True)
    columns = _columns(dialect, found)
    remarks = [*dialect.remarks, *remarks_on(columns)]
    return _attached(
        source,
        form,
        tokens,
        frame_of(columns),
        total=total,
        is_part=True,
        remarks=remarks,
    )


def _head(source: Source) -> tuple[str, bool]:
    """Return the beginning of a large or compressed file, and whether it is all.

    Raises:
        AttachmentError: It is in another encoding than UTF-8.
    """
    most = SMALL_BYTES if source.compression else HEAD_BYTES
    with opened(source) as lines:
        try:
            content = lines.read(most + 1)
        except UnicodeDecodeError as exc:
            raise text.not_decoded(source.name, exc) from exc
    if "\x00" in content:
        message = (
            f"`{source.name}` is not in UTF-8: it contains NUL bytes, as UTF-16 does. "
            f"{text.encoding_advice(source.name)}"
        )
        raise AttachmentError(message)
    if not source.compression:
        return content, False
    return content, len(content) <= most


def _attached(
    source: Source,
    form: Form,
    tokens: int,
    frame: Any,
    *,
    total: int | None = None,
    is_part: bool = False,
    remarks: Iterable[str] = (),
) -> Attached:
    """Return the preview of a frame that was read of a file.

    Args:
        source: The file.
        form: Its form.
        tokens: How long the preview may be.
        frame: What was read: a frame, a query or records.
        total: Rows in all; None where that is not known, or the frame is all.
        is_part: Whether the frame may be the first rows only.
        remarks: How it differs from the file.
    """
    if isinstance(frame, list) and not frame:
        message = "there is no row in it"
        raise IrregularError(message)
    kind = f"{_NAMES[form]} file"
    origin = Origin(
        kind=kind,
        expression=f"pd.read_{_READ[form]}({source.name!r}{_OPTIONS.get(form, '')})",
        is_part=is_part or total is not None,
        total=total,
        remarks=tuple(remarks),
    )
    made = frames.preview_of(frame, origin, name=source.name, tokens=tokens)
    return Attached(
        name=source.name,
        kind=kind,
        parts=(Text(text=made.text),),
        size=made.size,
        differences=made.differences,
        notices=made.notices,
    )


_READ: dict[Form, str] = {
    "csv": "csv",
    "jsonl": "json",
    "parquet": "parquet",
    "arrow": "feather",
}
_OPTIONS: dict[Form, str] = {"jsonl": ", lines=True"}


def _binary(source: Source, form: Form) -> tuple[Any, int | None]:
    """Return a Parquet or Arrow file as a frame, and its rows where it is a part.

    Raises:
        AttachmentError: It is damaged, or no library is installed that reads it.
    """
    failure: Exception | None = None
    for read in scans.BINARY[form]:
        try:
            return read(source, FIRST_ROWS if source.size > SMALL_BYTES else None)
        except ImportError:
            continue
        except Exception as exc:  # noqa: BLE001 - each library raises different errors
            failure = failure or exc
    if failure is None:
        raise _NoLibraryError(_NO_LIBRARY)
    reason = str(failure).strip().partition("\n")[0].rstrip(".")
    message = f"`{source.name}` cannot be read as a table: {reason}."
    raise AttachmentError(message) from failure


_NO_LIBRARY = "no library for tables is installed (pip install polars)"


def _as_text(source: Source, form: Form, reason: str) -> Attached:
    if form in ("parquet", "arrow") or source.compression:
        message = f"`{source.name}` cannot be read as a table: {reason}."
        raise AttachmentError(message)
    if source.size > text.MOST_BYTES:
        message = (
            f"`{source.name}` cannot be read as a table: {reason}. It is too long to "
            f"be sent as text. {text.advice(source.name)}"
        )
        raise AttachmentError(message)
    difference = f"`{source.name}` is sent as text, not as a table: {reason}."
    return text.attach_text(source, differences=(difference,))


def _form(source: Source) -> Form:
    head = source.head()
    for magic, form in _MAGIC:
        if head.startswith(magic):
            return form
    return _SUFFIXES.get(source.suffix, "csv")
