"""Large files of tables, scanned where they are by polars or DuckDB.

Every column of a CSV file is scanned as text. Which are numbers or dates is guessed
from the beginning of the file, and used only where it is true of the entire file.
"""

from __future__ import annotations

import glob
import importlib
import mmap
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from stepmagic.attachments.files import text
from stepmagic.attachments.files.columns import PATTERNS, Column, Kind
from stepmagic.attachments.files.delimited import Dialect, IrregularError
from stepmagic.attachments.files.source import Source

_BLANK = (b"\n\n", b"\n\r\n")
_NEXT: dict[Kind, tuple[Kind, ...]] = {"int": ("int", "float")}


def scan_csv(
    source: Source, dialect: Dialect, columns: Sequence[Column]
) -> tuple[Any | None, list[str]]:
    """Return a CSV file as a query with what it leaves out; None where nothing scans.

    Args:
        source: The file.
        dialect: How it is written.
        columns: Its beginning.

    Raises:
        AttachmentError: It is not in UTF-8.
        IrregularError: A row has more values than the header.
    """
    for library, scan in (("polars", _polars_csv), ("duckdb", _duckdb_csv)):
        try:
            module = importlib.import_module(library)
        except ImportError:
            continue
        if library == "duckdb" and _is_pattern(source):
            continue
        try:
            return scan(module, source, dialect, columns)
        except Exception as exc:
            text.check_utf8(source)
            reason = str(exc).strip().partition("\n")[0].rstrip(".")
            raise IrregularError(reason) from exc
    return None, []


def scan_json(source: Source) -> Any | None:
    """Return a file of JSON lines as a query, with the keys of all of its lines.

    Raises:
        AttachmentError: It is not in UTF-8.
        IrregularError: A line is not a JSON object, or differs from the others in type.
    """
    for library in ("polars", "duckdb"):
        try:
            module: Any = importlib.import_module(library)
        except ImportError:
            continue
        if library == "duckdb" and _is_pattern(source):
            continue
        try:
            if library == "polars":
                scan = module.scan_ndjson(source.path, infer_schema_length=None)
                scan.collect_schema()
                return scan
            return module.connect().read_json(
                str(source.path), format="newline_delimited", sample_size=-1
            )
        except Exception as exc:
            text.check_utf8(source)
            reason = str(exc).strip().partition("\n")[0].rstrip(".")
            raise IrregularError(reason) from exc
    return None


def _polars_csv(
    pl: Any, source: Source, dialect: Dialect, columns: Sequence[Column]
) -> tuple[Any, list[str]]:
    scan = pl.scan_csv(
        source.path,
        glob=False,
        has_header=False,
        skip_lines=dialect.skip,
        separator=dialect.separator,
        schema=dict.fromkeys(dialect.names, pl.String),
    )
    has_blank = _has_blank_lines(source)
    if has_blank:
        scan = scan.filter(~pl.all_horizontal(pl.all().is_null()))
    asked = [
        _is_all(pl, column, kind).alias(f"{number} {kind}")
        for number, column in enumerate(columns)
        for kind in _NEXT.get(column.kind, (column.kind,))
        if kind != "str"
    ]
    answers: dict[str, Any] = {}
    if asked:
        answers = scan.select(asked).collect(engine="streaming").row(0, named=True)
    kinds = _settled(columns, answers)
    made = [
        _converted(pl, column, kind)
        for column, kind in zip(columns, kinds, strict=True)
    ]
    return scan.select(made), _remarks(columns, kinds, source, has_blank=has_blank)


def _is_all(pl: Any, column: Column, kind: Kind) -> Any:
    """Return the question whether all values of a column are of a kind."""
    texts = _known(pl, column)
    matching = texts.str.contains(f"^(?:{PATTERNS[kind]})$")
    if kind == "date":
        dates = texts.str.to_date("%Y-%m-%d", strict=False)
        matching &= dates.is_not_null() | texts.is_null()
    return matching.all()


def _known(pl: Any, column: Column) -> Any:
    texts = pl.col(column.name)
    if not column.words:
        return texts
    return pl.when(~texts.is_in(column.words)).then(texts)


def _converted(pl: Any, column: Column, kind: Kind) -> Any:
    texts = pl.col(column.name) if kind == "str" else _known(pl, column)
    match kind:
        case "int":
            made = texts.cast(pl.Int64)
        case "float":
            made = texts.cast(pl.Float64)
        case "bool":
            made = texts.str.to_lowercase() == "true"
        case "date":
            made = texts.str.to_date("%Y-%m-%d")
        case _:
            made = texts
    return made.alias(column.name)


def _settled(columns: Sequence[Column], answers: dict[str, Any]) -> list[Kind]:
    """Return what all values of each column are, by the answers of a query."""
    found: list[Kind] = []
    for number, column in enumerate(columns):
        kinds = _NEXT.get(column.kind, (column.kind,))
        true = (kind for kind in kinds if answers.get(f"{number} {kind}"))
        found.append(next(true, "str"))
    # Times of day have too many forms to be converted by a query.
    return ["str" if kind == "datetime" else kind for kind in found]


def _remarks(
    columns: Sequence[Column],
    kinds: Sequence[Kind],
    source: Source,
    *,
    has_blank: bool,
) -> list[str]:
    found: list[str] = []
    pairs = zip(columns, kinds, strict=True)
    missing = [column for column, kind in pairs if column.words and kind != "str"]
    if missing:
        words = dict.fromkeys(word for column in missing for word in column.words)
        names = ", ".join(column.name for column in missing[:8])
        found.append(f"{', '.join(words)} is null in {names}.")
    if has_blank:
        found.append(f"Lines of `{source.name}` without any value are not rows.")
    ambiguous = [column.name for column in columns if column.is_ambiguous]
    if ambiguous:
        found.append(
            f"Dates in {', '.join(ambiguous[:8])} are as they are written: whether the "
            "day or the month is first is not known."
        )
    return found


def _duckdb_csv(
    duckdb: Any, source: Source, dialect: Dialect, columns: Sequence[Column]
) -> tuple[Any, list[str]]:
    # A new connection: the user's may have a result open.
    relation = duckdb.connect().read_csv(
        str(source.path),
        header=False,
        skiprows=dialect.skip,
        sep=dialect.separator,
        quotechar='"',
        escapechar='"',
        names=list(dialect.names),
        all_varchar=True,
        strict_mode=True,
        null_padding=False,
    )
    # By number: names may hold anything. Dates and words for null stay text.
    asked = {
        f"{number} {kind}": f"bool_and(regexp_full_match(#{number + 1}, '{pattern}'))"
        for number, column in enumerate(columns)
        for kind in _NEXT.get(column.kind, (column.kind,))
        if kind not in ("str", "date", "datetime") and not column.words
        for pattern in (PATTERNS[kind],)
    }
    answers: dict[str, Any] = {}
    if asked:
        (row,) = relation.project(", ".join(asked.values())).fetchall()
        answers = dict(zip(asked, row, strict=True))
    kinds = _settled(columns, answers)
    names = {"int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN"}
    made = [
        f"CAST(#{number + 1} AS {names.get(kind, 'VARCHAR')}) AS {_quoted(column.name)}"
        for number, (column, kind) in enumerate(zip(columns, kinds, strict=True))
    ]
    return relation.project(", ".join(made)), _remarks(
        columns, kinds, source, has_blank=False
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _is_pattern(source: Source) -> bool:
    """Whether DuckDB, which takes any path as a pattern, would read other files."""
    path = str(source.path)
    return glob.escape(path) != path


def _has_blank_lines(source: Source) -> bool:
    with mmap.mmap(source.file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        return any(held.find(blank) >= 0 for blank in _BLANK)


Read: TypeAlias = Callable[[Source, int | None], tuple[Any, int | None]]
"""Returns a frame, and its rows in all where it is only the first of them.

Its second argument is how many rows to read of a large file; None reads all.
"""


def _polars_binary(function: str) -> Read:
    def read(source: Source, most: int | None) -> tuple[Any, int | None]:
        polars: Any = importlib.import_module("polars")
        if most is None:
            return getattr(polars, f"read_{function}")(source.path, glob=False), None
        return getattr(polars, f"scan_{function}")(source.path, glob=False), None

    return read


def _duckdb_parquet(source: Source, _: int | None) -> tuple[Any, int | None]:
    duckdb: Any = importlib.import_module("duckdb")
    if _is_pattern(source):
        message = "DuckDB would read its name as a pattern"
        raise ValueError(message)
    relation = duckdb.connect().read_parquet(str(source.path))
    try:
        importlib.import_module("pyarrow")
    except ImportError:
        names = relation.columns
        return [dict(zip(names, row, strict=True)) for row in relation.fetchall()], None
    return relation, None


def _arrow_parquet(source: Source, most: int | None) -> tuple[Any, int | None]:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    file = parquet.ParquetFile(source.path)
    total = file.metadata.num_rows
    if most is None or total <= most:
        return file.read(), None
    arrow: Any = importlib.import_module("pyarrow")
    batches, rows = [], 0
    for batch in file.iter_batches(batch_size=max(1, most // 10)):
        batches.append(batch)
        rows += batch.num_rows
        if rows >= most:
            break
    table = arrow.Table.from_batches(batches, schema=file.schema_arrow)
    return table.slice(0, most), total


def _arrow_ipc(source: Source, most: int | None) -> tuple[Any, int | None]:
    arrow: Any = importlib.import_module("pyarrow")
    importlib.import_module("pyarrow.feather")
    if source.head().startswith(b"FEA1"):
        return arrow.feather.read_table(source.path), None
    file = arrow.ipc.open_file(arrow.memory_map(str(source.path)))
    if most is None:
        return file.read_all(), None
    batches, total = [], 0
    for number in range(file.num_record_batches):
        batch = file.get_batch(number)
        if total < most:
            batches.append(batch)
        total += batch.num_rows
    table = arrow.Table.from_batches(batches, schema=file.schema).slice(0, most)
    return table, total if total > most else None


BINARY: dict[str, tuple[Read, ...]] = {
    "parquet": (_polars_binary("parquet"), _duckdb_parquet, _arrow_parquet),
    "arrow": (_polars_binary("ipc"), _arrow_ipc),
}
"""How Parquet and Arrow files are read, by what is installed."""
