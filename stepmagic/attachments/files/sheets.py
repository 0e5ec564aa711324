"""Workbooks and SQLite databases: a preview of each sheet, or of the table chosen.

A part is chosen by its name after the file's: ``sales.xlsx::2024``, ``app.db::users``.
"""

from __future__ import annotations

import contextlib
import importlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from stepmagic.attachments import frames
from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files.delimited import unique_names
from stepmagic.attachments.files.source import Source
from stepmagic.attachments.frames.types import Origin
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text
from stepmagic.transcript.usage import format_count

_MOST_SHEETS = 10
_MOST_ROWS = 200_000
_LEAST_TOKENS = 300
_MOST_BYTES = 100_000_000


def attach_workbook(source: Source, part: str = "", *, tokens: int = 2000) -> Attached:
    """Return a workbook of Excel or OpenDocument as a preview of each sheet.

    Args:
        source: The file.
        part: The name of a sheet, to send that sheet only.
        tokens: How long all previews may be together.

    Raises:
        AttachmentError: It cannot be read, has no such sheet, or nothing is installed
            that reads it.
    """
    try:
        calamine: Any = importlib.import_module("python_calamine")
    except ImportError as exc:
        message = (
            f"`{source.name}` is a workbook, which nothing installed reads: "
            "pip install 'stepmagic[documents]'."
        )
        raise AttachmentError(message) from exc
    source.read(_MOST_BYTES, advice="Save the sheet that matters as CSV.")
    source.file.seek(0)
    try:
        book = calamine.CalamineWorkbook.from_filelike(source.file)
        hidden = {
            sheet.name
            for sheet in book.sheets_metadata
            if str(sheet.visible).rpartition(".")[2] != "Visible"
        }
        names = _chosen(source, book.sheet_names, part, hidden)
        share = max(_LEAST_TOKENS, tokens // max(1, len(names)))
        made = [
            _preview(source, name, book.get_sheet_by_name(name).to_python(), share)
            for name in names
        ]
    except AttachmentError:
        raise
    except Exception as exc:
        message = f"`{source.name}` cannot be read as a workbook: {exc}."
        raise AttachmentError(message) from exc
    differences = _left_out(source, len(book.sheet_names), len(names), part, hidden)
    return _together(source, "workbook", made, differences, "sheet")


def attach_database(source: Source, part: str = "", *, tokens: int = 2000) -> Attached:
    """Return a preview of a table of an SQLite database; without a name, its tables.

    Args:
        source: The file.
        part: The name of the table.
        tokens: How long the preview may be.

    Raises:
        AttachmentError: It cannot be read, or has no such table.
    """
    try:
        with _connected(source) as database:
            tables = _tables(database)
            if not part:
                return _listed(source, database, tables)
            if part not in tables:
                raise _unknown(source, part, tables)
            total = _count(database, part)
            query = f"SELECT * FROM {_quoted(part)} LIMIT {_MOST_ROWS}"  # noqa: S608 - a name that the database has, in quotes
            cursor = database.execute(query)
            names, _ = unique_names(column[0] for column in cursor.description)
            records = [dict(zip(names, row, strict=True)) for row in cursor]
    except sqlite3.Error as exc:
        message = f"`{source.name}` cannot be read as an SQLite database: {exc}."
        raise AttachmentError(message) from exc
    if not records:
        message = f"`{source.name}`: the table {part!r} is empty."
        raise AttachmentError(message)
    origin = Origin(
        kind="SQLite table",
        expression=f"pd.read_sql_table({part!r}, 'sqlite:///{source.name}')",
        is_part=True,
        total=total,
    )
    made = frames.preview_of(records, origin, name=source.name, tokens=tokens)
    return Attached(
        name=source.name,
        kind="SQLite table",
        parts=(Text(text=made.text),),
        size=made.size,
        differences=made.differences,
        notices=made.notices,
    )


def _chosen(
    source: Source, sheets: Sequence[str], part: str, hidden: set[str]
) -> list[str]:
    if part:
        if part not in sheets:
            raise _unknown(source, part, sheets)
        return [part]
    return [name for name in sheets if name not in hidden][:_MOST_SHEETS]


def _left_out(
    source: Source, count: int, sent: int, part: str, hidden: set[str]
) -> list[str]:
    if part:
        return []
    found: list[str] = []
    if hidden:
        sheets = format_count(len(hidden), "hidden sheet")
        found.append(f"{sheets} of `{source.name}` left out.")
    missing = count - len(hidden) - sent
    if missing:
        found.append(
            f"The first {sent} sheets of `{source.name}` are sent; "
            f"{format_count(missing, 'more sheet')} left out."
        )
    return found


def _preview(
    source: Source, sheet: str, rows: Sequence[Sequence[Any]], tokens: int
) -> frames.Preview | str:
    """Return the preview of a sheet, or the words for one that is empty."""
    held = [row for row in rows if any(value != "" for value in row)]
    if not held:
        return f"sheet {sheet}: empty"
    remarks: list[str] = []
    names = [str(value) for value in held[0]]
    if all(isinstance(value, str) for value in held[0]):
        names = [name or f"column {n}" for n, name in enumerate(names, 1)]
        held = held[1:]
    else:
        names = [f"column {n}" for n in range(1, len(names) + 1)]
        remarks.append(f"Sheet {sheet} has no header: its columns are numbered.")
    unique, renamed = unique_names(names)
    if renamed:
        remarks.append(f"Names that occur twice in sheet {sheet} are numbered.")
    if not held:
        return f"sheet {sheet}: no rows under {', '.join(names)}"
    columns = [list(map(_value, values)) for values in zip(*held, strict=True)]
    converted = [_as_integers(values) for values in columns]
    records = [
        dict(zip(unique, row, strict=True)) for row in zip(*converted, strict=True)
    ]
    expression = f"pd.read_excel({source.name!r}, sheet_name={sheet!r})"
    origin = Origin(kind="sheet", expression=expression, remarks=tuple(remarks))
    return frames.preview_of(records, origin, name=sheet, tokens=tokens)


def _value(value: Any) -> Any:
    return None if value == "" else value


def _as_integers(values: list[Any]) -> list[Any]:
    """Return numbers as integers where all are: a workbook has floats only."""
    numbers = [value for value in values if type(value) is float]
    if not numbers or not all(number.is_integer() for number in numbers):
        return values
    return [int(value) if type(value) is float else value for value in values]


def _together(
    source: Source,
    kind: str,
    made: Sequence[frames.Preview | str],
    differences: Sequence[str],
    noun: str,
) -> Attached:
    """Return previews as one attachment."""
    previews = [each for each in made if not isinstance(each, str)]
    text = "\n\n".join(each if isinstance(each, str) else each.text for each in made)
    size = previews[0].size if len(made) == len(previews) == 1 else ""
    return Attached(
        name=source.name,
        kind=kind,
        parts=(Text(text=text or "(no sheets)"),),
        size=size or format_count(len(made), noun),
        differences=(*differences, *(d for each in previews for d in each.differences)),
        notices=tuple(notice for each in previews for notice in each.notices),
    )


@contextlib.contextmanager
def _connected(source: Source) -> Iterator[sqlite3.Connection]:
    """Open a database that is only read."""
    address = f"{source.path.as_uri()}?mode=ro"
    database = sqlite3.connect(address, uri=True)
    try:
        yield database
    finally:
        database.close()


def _tables(database: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY 1"
    names = (str(name) for (name,) in database.execute(query))
    return [name for name in names if not name.startswith("sqlite_")]


def _count(database: sqlite3.Connection, table: str) -> int:
    query = f"SELECT count(*) FROM {_quoted(table)}"  # noqa: S608 - see above
    ((count,),) = database.execute(query)
    return int(count)


def _listed(
    source: Source, database: sqlite3.Connection, tables: Sequence[str]
) -> Attached:
    """Return the tables of a database with their columns and their sizes."""
    lines = ["table\trows\tcolumns"]
    for table in tables:
        query = f"PRAGMA table_info({_quoted(table)})"
        found = database.execute(query)
        columns = [f"{name} {kind}".strip() for _, name, kind, *_ in found]
        lines.append(f"{table}\t{_count(database, table):,}\t{', '.join(columns)}")
    return Attached(
        name=source.name,
        kind="SQLite database",
        parts=(Text(text="\n".join(lines)),),
        size=format_count(len(tables), "table"),
        differences=(f"The tables of `{source.name}` are listed without their rows.",),
        notices=(f"`{source.name}::TABLE` sends the preview of a table.",),
    )


def _unknown(source: Source, part: str, names: Sequence[str]) -> AttachmentError:
    there = ", ".join(names[:20]) or "none"
    message = f"`{source.name}` has no part {part!r}. There are: {there}."
    return AttachmentError(message)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
