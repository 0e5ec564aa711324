"""Data of any kind as rows, and the answers joined to it as columns.

Handles pandas itself and every other frame through narwhals; imports no table library,
except the one that makes a frame of a list.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from stepmagic.attachments.frames.types import field_names, find_kind, unwrapped
from stepmagic.attachments.images import is_image
from stepmagic.errors import AttachmentError

Kind: TypeAlias = Literal["string", "integer", "number", "boolean", "object"]
"""The type of the values in a column, missing ones aside."""

_PANDAS: dict[Kind, str | None] = {
    "integer": "Int64",
    "number": "float64",
    "boolean": "boolean",
    "object": "object",
}
_LIBRARIES = ("pandas", "polars")
"""What makes a frame of a list; the first that is installed."""

_MAPPINGS_AND_TEXT = (str, bytes, bytearray, Mapping)
_NOT_A_COLUMN = 2
"""Dimensions of an array that is neither a column nor many pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that is joined to the data."""

    name: str
    kind: Kind
    values: Sequence[Any]


class Table(Protocol):
    """Rows by their number, columns by their name."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""

    @property
    def count(self) -> int:
        """How many rows there are."""

    def values(self, name: str) -> Sequence[Any]:
        """Return the values of a column."""

    def joined(self, columns: Iterable[Column]) -> Any:
        """Return the data with more columns, in a frame."""


def table_of(data: Any, only: str) -> Table:
    """Return data of any kind as a table.

    Args:
        data: A frame, a series, a list of anything, of dicts or of pictures.
        only: What to call the column of what has no names.

    Raises:
        AttachmentError: It has no rows that could be asked about one by one.
    """
    data = unwrapped(data)
    kind = find_kind(data)
    if kind is None or kind.family == "numpy":
        return _Listed({only: _items(data)})
    if kind.family == "records":
        return _Listed(_by_name(data))
    if kind.family in ("polars lazy", "duckdb", "lazy"):
        message = f"a {kind.name} has no rows yet. Collect it first."
        raise AttachmentError(message)
    if kind.name == "pandas DataFrame":
        return _Pandas(data)
    if kind.name == "pandas Series":
        return _Pandas(data.to_frame(only if data.name is None else data.name))
    return _Framed(data, only)


def records(table: Table, columns: Iterable[Column]) -> list[dict[str, Any]]:
    """Return a table with more columns as a list of dicts."""
    joined = {name: table.values(name) for name in table.names}
    joined |= {column.name: column.values for column in columns}
    return [
        dict(zip(joined, row, strict=True))
        for row in zip(*joined.values(), strict=True)
    ]


class _Pandas:
    """A DataFrame of pandas; its index stays."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = tuple(map(str, frame.columns))
        self.count = len(frame)
        repeated = {name for name in self.names if self.names.count(name) > 1}
        if repeated:
            message = f"the data has two columns {repeated.pop()!r}. Rename one."
            raise AttachmentError(message)

    def values(self, name: str) -> Sequence[Any]:
        values: list[Any] = self._frame.iloc[:, self.names.index(name)].tolist()
        return values

    def joined(self, columns: Iterable[Column]) -> Any:
        frame = self._frame.copy(deep=False)
        for column in columns:
            # As an array: a Series would be aligned by its index.
            frame[column.name] = _pandas_array(column)
        return frame


class _Framed:
    """A frame of polars, pyarrow and what else narwhals reads."""

    def __init__(self, data: Any, only: str) -> None:
        narwhals = importlib.import_module("narwhals")
        frame = narwhals.from_native(data, eager_only=True, allow_series=True)
        if isinstance(frame, narwhals.Series):
            frame = frame.rename(frame.name or only).to_frame()
        self._narwhals = narwhals
        self._frame = frame
        self.names = tuple(frame.columns)
        self.count = len(frame)

    def values(self, name: str) -> Sequence[Any]:
        values: list[Any] = self._frame.get_column(name).to_list()
        return values

    def joined(self, columns: Iterable[Column]) -> Any:
        series = map(self._series, columns)
        return self._narwhals.to_native(self._frame.with_columns(*series))

    def _series(self, column: Column) -> Any:
        narwhals, values = self._narwhals, list(column.values)
        dtypes = {
            "string": narwhals.String,
            "integer": narwhals.Int64,
            "number": narwhals.Float64,
            "boolean": narwhals.Boolean,
        }
        make = functools.partial(
            narwhals.new_series, column.name, backend=self._frame.implementation
        )
        # A date of a schema is a text of its JSON; what it is, the library sees.
        for dtype in dict.fromkeys((dtypes.get(column.kind), None)):
            # A library may raise any exception.
            with contextlib.suppress(Exception):
                return make(values, dtype)
        texts = [None if value is None else str(value) for value in values]
        return make(texts, narwhals.String)


class _Listed:
    """Lists of the same length; a frame is made of them at the end."""

    def __init__(self, columns: Mapping[str, list[Any]]) -> None:
        self._columns = columns
        self.names = tuple(columns)
        self.count = len(next(iter(columns.values())))

    def values(self, name: str) -> Sequence[Any]:
        return self._columns[name]

    def joined(self, columns: Iterable[Column]) -> Any:
        library = _installed()
        if library is None:
            return records(self, columns)
        frame = library.DataFrame(
            {name: _series(library, values) for name, values in self._columns.items()}
        )
        is_pandas = library.__name__ == "pandas"
        table = _Pandas(frame) if is_pandas else _Framed(frame, "")
        return table.joined(columns)


def _items(data: Any) -> list[Any]:
    """Return the items of something that has no columns.

    Raises:
        AttachmentError: It has no items, or more than one in each row.
    """
    dimensions = getattr(data, "ndim", 1)
    is_one = is_image(data) and not isinstance(data, list | tuple)
    has_items = isinstance(data, Iterable) and not isinstance(data, _MAPPINGS_AND_TEXT)
    if is_one or not has_items or dimensions == _NOT_A_COLUMN:
        message = (
            f"a {type(data).__name__} is not many rows. Give a list, a Series, a "
            "DataFrame, or a list of dicts or pictures."
        )
        raise AttachmentError(message)
    return data.tolist() if dimensions == 1 and hasattr(data, "tolist") else list(data)


def _by_name(records: Sequence[Any]) -> dict[str, list[Any]]:
    """Return records as columns; what one of them lacks is None."""
    rows = [
        record
        if isinstance(record, Mapping)
        else {name: getattr(record, name) for name in field_names(type(record))}
        for record in records
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _installed() -> Any:
    for name in _LIBRARIES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _series(library: Any, values: list[Any]) -> Any:
    """Return a list as a column, as it is where the library has no type for it."""
    try:
        return library.Series(values)
    except Exception:  # noqa: BLE001 - a library may raise any exception
        return library.Series(values, dtype=getattr(library, "Object", "object"))


def _pandas_array(column: Column) -> Any:
    pandas = importlib.import_module("pandas")
    # pandas 2 would write a missing text as "None".
    text = "object" if pandas.__version__.startswith("2.") else "str"
    dtype = _PANDAS.get(column.kind, text)
    values = list(column.values)
    if column.kind == "string" and not all(isinstance(v, str | None) for v in values):
        # A date of a schema is a text of its JSON; what it is, pandas sees.
        dtype = None
    return pandas.Series(values, dtype=dtype).array
