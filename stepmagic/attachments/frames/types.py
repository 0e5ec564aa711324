"""What kind of table a value is, found from its type only.

No library is imported: a value of a library that was never imported cannot exist. No
code of the value runs; ``isinstance`` would read its ``__class__``.
"""

from __future__ import annotations

import sys
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from stepmagic.schema import Records

Family: TypeAlias = Literal[
    "pandas",
    "polars",
    "arrow",
    "numpy",
    "records",
    "polars lazy",
    "duckdb",
    "dask",
    "lazy",
]
"""Which reader takes it."""

MAPPINGS = (dict, OrderedDict, defaultdict)
"""Types whose items are records; a subclass may do anything when it is read."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of table."""

    family: Family
    name: str
    """In the reader's words: ``pandas DataFrame``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a frame comes from that the user has not made: a file, a sheet."""

    kind: str
    """In the reader's words: ``CSV file``."""
    expression: str
    """What makes the frame in a cell, for advice: ``pd.read_csv('a.csv')``."""
    is_part: bool = False
    """Whether the frame may be the first rows only."""
    total: int | None = None
    """Rows in all; None where that is not known."""
    remarks: tuple[str, ...] = ()
    """How the frame differs from the file, a sentence each."""


_RECORDS = Kind("records", "list of records")
_ARRAY = Kind("numpy", "numpy array")

# Module, class, kind. Series and frames of a library share its reader.
_CLASSES: tuple[tuple[str, str, Kind], ...] = (
    ("geopandas", "GeoDataFrame", Kind("pandas", "geopandas GeoDataFrame")),
    ("geopandas", "GeoSeries", Kind("pandas", "geopandas GeoSeries")),
    ("pandas", "DataFrame", Kind("pandas", "pandas DataFrame")),
    ("pandas", "Series", Kind("pandas", "pandas Series")),
    ("polars", "DataFrame", Kind("polars", "polars DataFrame")),
    ("polars", "Series", Kind("polars", "polars Series")),
    ("polars", "LazyFrame", Kind("polars lazy", "polars LazyFrame")),
    ("pyarrow", "Table", Kind("arrow", "pyarrow Table")),
    ("pyarrow", "RecordBatch", Kind("arrow", "pyarrow RecordBatch")),
    ("pyarrow", "ChunkedArray", Kind("arrow", "pyarrow ChunkedArray")),
    ("duckdb", "DuckDBPyRelation", Kind("duckdb", "duckdb relation")),
    ("modin.pandas", "DataFrame", Kind("pandas", "Modin DataFrame")),
    ("modin.pandas", "Series", Kind("pandas", "Modin Series")),
    ("cudf", "DataFrame", Kind("pandas", "cuDF DataFrame")),
    ("cudf", "Series", Kind("pandas", "cuDF Series")),
    ("dask.dataframe", "DataFrame", Kind("dask", "Dask DataFrame")),
    ("dask.dataframe", "Series", Kind("dask", "Dask Series")),
    ("ibis.expr.types", "Table", Kind("lazy", "Ibis table")),
    ("pyspark.sql", "DataFrame", Kind("lazy", "PySpark DataFrame")),
    ("pyspark.sql.connect.dataframe", "DataFrame", Kind("lazy", "PySpark DataFrame")),
    ("sqlframe.base.dataframe", "BaseDataFrame", Kind("lazy", "SQLFrame DataFrame")),
)

_WRAPPED = ("narwhals", "narwhals.stable.v1", "narwhals.stable.v2")
_WRAPPERS = ("DataFrame", "LazyFrame", "Series")

_ARRAYS = ("ndarray", "recarray", "memmap")
_CELLS = "biufcmMUSO"
"""numpy's codes of the dtypes that a table may have."""


def is_frame(value: Any) -> bool:
    """Whether a value is a table that ``preview`` reads.

    Frames and series of pandas, polars, pyarrow, duckdb and what else narwhals reads;
    one- and two-dimensional arrays of numpy; non-empty lists of dicts with text keys,
    of dataclasses or of named tuples. Runs no code of the value.
    """
    return find_kind(value) is not None


def is_library_frame(value: Any) -> bool:
    """Whether a value is a library's own table: neither an array nor a list."""
    kind = find_kind(value)
    return kind is not None and kind.family not in ("numpy", "records")


def find_kind(value: Any) -> Kind | None:
    """Return what kind of table a value is; None where it is none."""
    kind = type(value)
    if kind in (list, Records):
        return _RECORDS if _are_records(value) else None
    if _is_array(value):
        return _ARRAY
    if is_wrapped(value):
        return find_kind(unwrapped(value))
    for module, name, found in _CLASSES:
        if _is_subclass(kind, module, name):
            return found
    return None


def is_wrapped(value: Any) -> bool:
    """Whether a value is narwhals' own frame around another library's."""
    kind = type(value)
    return any(_is_subclass(kind, mod, name) for mod in _WRAPPED for name in _WRAPPERS)


def unwrapped(value: Any) -> Any:
    """Return the frame inside narwhals' own; any other value as it is."""
    return value.to_native() if is_wrapped(value) else value


def is_record_type(kind: type) -> bool:
    """Whether values of a type have named fields: a dataclass or a named tuple."""
    return bool(field_names(kind))


def field_names(kind: type) -> tuple[str, ...]:
    """Return the names of a dataclass's or named tuple's fields; none for others."""
    for base in type.mro(kind):
        if "__dataclass_fields__" in vars(base):
            return tuple(vars(base)["__dataclass_fields__"])
        if "_fields" in vars(base) and issubclass(kind, tuple):
            return tuple(vars(base)["_fields"])
    return ()


def _are_records(items: list[Any]) -> bool:
    kinds = set(map(type, items))
    if not kinds or not all(k in MAPPINGS or is_record_type(k) for k in kinds):
        return False
    mappings = (item for item in items if type(item) in MAPPINGS)
    return all(type(key) is str for item in mappings for key in item)


def _is_array(value: Any) -> bool:
    """Whether a value is numpy's own array with the shape and cells of a table."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return False
    own = [getattr(numpy, name, None) for name in _ARRAYS] + [numpy.ma.MaskedArray]
    if type(value) not in own:
        return False
    if value.dtype.names is not None:
        return bool(value.ndim == 1)
    return value.ndim in (1, 2) and value.dtype.kind in _CELLS


def _is_subclass(kind: type, module: str, name: str) -> bool:
    found = getattr(sys.modules.get(module), name, None)
    return isinstance(found, type) and issubclass(kind, found)
