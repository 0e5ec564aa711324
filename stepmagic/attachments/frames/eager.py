"""Tables in memory: pandas and its relatives, polars, pyarrow, numpy, records.

Columns are taken one by one and by number, so that names may repeat and be anything,
and a sample of a large frame is never in memory all at once. A table's library is
taken from ``sys.modules``: whoever made the table has imported it.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw

from stepmagic.attachments.frames.cells import label, type_name
from stepmagic.attachments.frames.sampling import (
    Column,
    Rows,
    Source,
    Values,
    scope_in_words,
    spread,
)
from stepmagic.attachments.frames.types import MAPPINGS, Kind, field_names
from stepmagic.attachments.reprs import library_of

_MOST_TYPES = 3


class _Eager(ABC):
    """What the readers share: rows are chosen first, then taken from each column."""

    columns: Sequence[Column]
    rows: int
    is_series: bool
    remarks: tuple[str, ...] = ()

    def read(self, chosen: Sequence[int], limit: int, seed: int) -> Rows:  # noqa: ARG002 - columns are taken when asked for
        """Return the rows of a sample, or all."""
        positions = spread(self.rows, limit, seed)
        is_all = len(positions) == self.rows
        wanted = None if is_all else self._selector(positions)
        return Rows(
            positions=positions,
            column=lambda number: to_values(self._take(number, wanted)),
            scope="" if is_all else scope_in_words(len(positions), seed),
        )

    def _selector(self, positions: Sequence[int]) -> Any:
        """Return positions in the form in which the library takes them fastest."""
        return positions

    @abstractmethod
    def _take(self, number: int, wanted: Any | None) -> Any:
        """Return the wanted rows of a column, or all, as the library's own series."""


class _Pandas(_Eager):
    """A frame or series of pandas or one that copies its interface."""

    def __init__(self, data: Any, *, is_series: bool) -> None:
        self.is_series = is_series
        self._frame = data.to_frame() if is_series else data
        self._index = self._frame.index
        self._taken: tuple[Any, Any] | None = None
        default = (
            type_name(self._index) == "RangeIndex"
            and (self._index.start, self._index.step) == (0, 1)
            and self._index.name is None
        )
        self._levels = 0 if default else self._index.nlevels
        self.rows = len(self._frame)
        dtypes = list(self._frame.dtypes)
        if is_series:
            columns = [_series_column(data.name, dtypes[0])]
        else:
            columns = list(map(_column, self._frame.columns, dtypes))
        self.columns = [*self._index_columns(), *columns]
        self.remarks = _geography(data)

    def _index_columns(self) -> list[Column]:
        index, many = self._index, self._levels > 1
        levels = index.levels if many else [index][: self._levels]
        return [
            Column(label=_level(name, number), dtype=str(level.dtype), is_index=True)
            for number, (name, level) in enumerate(
                zip(index.names, levels, strict=False)
            )
        ]

    def _selector(self, positions: Sequence[int]) -> Any:
        return sys.modules["numpy"].asarray(positions)

    def _take(self, number: int, wanted: Any | None) -> Any:
        if number >= self._levels:
            column = self._frame.iloc[:, number - self._levels]
            if wanted is not None:
                column = column.iloc[wanted]
            is_sparse = type_name(column.dtype) == "SparseDtype"
            return column.sparse.to_dense() if is_sparse else column
        if self._taken is None or self._taken[0] is not wanted:
            rows = self._index if wanted is None else self._index.take(wanted)
            self._taken = (wanted, rows)
        return self._taken[1].get_level_values(number).to_series()


class _Polars(_Eager):
    def __init__(self, data: Any, *, is_series: bool) -> None:
        self.is_series = is_series
        self._frame = data.to_frame() if is_series else data
        self.rows = self._frame.height
        if is_series:
            self.columns = [_series_column(data.name or None, data.dtype)]
        else:
            self.columns = list(map(_column, data.columns, data.dtypes))

    def _selector(self, positions: Sequence[int]) -> Any:
        polars = sys.modules["polars"]
        return polars.Series(positions, dtype=polars.Int64)

    def _take(self, number: int, wanted: Any | None) -> Any:
        column = self._frame.to_series(number)
        return column if wanted is None else column.gather(wanted)


class _Arrow(_Eager):
    """A table, a record batch or a chunked array of pyarrow."""

    def __init__(self, data: Any, *, is_series: bool) -> None:
        self.is_series = is_series
        self._data = data
        self.rows = len(data)
        if is_series:
            self.columns = [_series_column(None, data.type)]
        else:
            schema = data.schema
            self.columns = list(map(_column, schema.names, schema.types))

    def _selector(self, positions: Sequence[int]) -> Any:
        return sys.modules["pyarrow"].array(positions)

    def _take(self, number: int, wanted: Any | None) -> Any:
        column = self._data if self.is_series else self._data.column(number)
        arrow = sys.modules["pyarrow"]
        if not hasattr(column, "num_chunks"):  # of a record batch
            column = arrow.chunked_array([column])
        # pyarrow takes no rows of these, as polars exports them.
        plain = {"string_view": arrow.large_string, "binary_view": arrow.large_binary}
        if make := plain.get(str(column.type)):
            column = column.cast(make())
        return column if wanted is None else column.take(wanted)


class _Numpy(_Eager):
    """An array: each column of two dimensions, each field of a structured one."""

    is_series = False

    def __init__(self, array: Any) -> None:
        self._array = array
        self.rows = len(array)
        self._fields = array.dtype.names
        if self._fields is not None:
            self.columns = [_column(name, array.dtype[name]) for name in self._fields]
        elif array.ndim == 1:
            self.is_series = True
            self.columns = [_series_column(None, array.dtype)]
        else:
            self.columns = [_column(n, array.dtype) for n in range(array.shape[1])]

    def _selector(self, positions: Sequence[int]) -> Any:
        return sys.modules["numpy"].asarray(positions)

    def _take(self, number: int, wanted: Any | None) -> Any:
        column = self._array
        if self._fields is not None:
            column = column[self._fields[number]]
        elif not self.is_series:
            column = column[:, number]
        taken = column if wanted is None else column[wanted]
        # A field may be a small array in each row; a masked one knows what is missing.
        if taken.ndim == 1 and type_name(taken) != "MaskedArray":
            pandas = sys.modules.get("pandas")
            if pandas is not None and taken.dtype.kind in "biufmM":
                return pandas.Series(taken)
            if taken.dtype.kind in "mM":
                return list(taken)
        return taken.tolist()


class _Records(_Eager):
    """A list of dicts, dataclasses or named tuples; a missing field is null."""

    is_series = False

    def __init__(self, records: list[Any], limit: int, seed: int) -> None:
        self._records = records
        self.rows = len(records)
        looked_at = [records[place] for place in spread(self.rows, limit, seed)]
        names: dict[str, Counter[str]] = {}
        for record in looked_at:
            for name in (
                record if type(record) in MAPPINGS else field_names(type(record))
            ):
                names.setdefault(name, Counter())[type_name(_field(record, name))] += 1
        self._names = list(names)
        self.columns = [
            Column(label=label(name), dtype=_types(found))
            for name, found in names.items()
        ]

    def _take(self, number: int, wanted: Any | None) -> Any:
        places = range(self.rows) if wanted is None else wanted
        name = self._names[number]
        return [_field(self._records[place], name) for place in places]


def open_eager(data: Any, kind: Kind, *, limit: int, seed: int) -> Source:
    """Return the reader of a table in memory."""
    is_series = kind.name.endswith(("Series", "ChunkedArray"))
    match kind.family:
        case "pandas":
            return _Pandas(data, is_series=is_series)
        case "polars":
            return _Polars(data, is_series=is_series)
        case "arrow":
            return _Arrow(data, is_series=is_series)
        case "numpy":
            return _Numpy(data)
        case _:
            return _Records(data, limit, seed)


def to_values(native: Any) -> Values:
    """Return a library's series as narwhals', or as a list where it has no type."""
    if isinstance(native, list):
        return native
    series: nw.Series[Any] = nw.from_native(native, series_only=True)
    try:
        unknown = series.dtype in (nw.Unknown, nw.Object)
    except Exception:  # noqa: BLE001 - to infer a type may touch hostile values
        unknown = True
    return _listed(series) if unknown else series


def _listed(series: nw.Series[Any]) -> list[Any]:
    """Return the values of a series, None for what its library says is missing.

    In a column of objects pandas has NaN for it, as after a merge.
    """
    values: list[Any] = series.to_list()
    try:
        missing = series.to_native().isna().to_list()
    except Exception:  # noqa: BLE001 - other libraries have None, or code of the values
        return values
    pairs = zip(values, missing, strict=True)
    return [None if lacks else value for value, lacks in pairs]


def _column(name: Any, dtype: Any) -> Column:
    return Column(label=label(name), dtype=str(dtype))


def _series_column(name: Any, dtype: Any) -> Column:
    """Return the column of a series, which may have no name."""
    return _column("values" if name is None else name, dtype)


def _geography(data: Any) -> tuple[str, ...]:
    """Return where the geometries of geopandas lie: their CRS and their bounds."""
    if "geopandas" not in sys.modules or library_of(type(data)) != "geopandas":
        return ()
    try:
        name = data.crs.to_string() if data.crs is not None else "none"
        bounds = ", ".join(f"{edge:.10g}" for edge in data.total_bounds)
    except Exception:  # noqa: BLE001 - a frame without an active geometry
        return ()
    return (f"CRS: {name}; bounds (least x, y, greatest x, y): {bounds}",)


def _level(name: Any, number: int) -> str:
    if name is not None:
        return label(name)
    return "index" if number == 0 else f"level {number}"


def _field(record: Any, name: str) -> Any:
    if type(record) in MAPPINGS:
        return dict.get(record, name)
    try:
        return getattr(record, name, None)
    except Exception:  # noqa: BLE001 - a property in place of a field may raise
        return None


def _types(names: Counter[str]) -> str:
    """Return the types of a field: ``int``, ``int or str``."""
    found = [name for name, _ in names.most_common() if name != "NoneType"]
    more = ["others"] if len(found) > _MOST_TYPES else []
    return " or ".join([*found[:_MOST_TYPES], *more]) or "null"
