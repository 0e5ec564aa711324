"""Tables that are queries: polars, duckdb and what else narwhals reads lazily.

No query is collected in full. The rows are counted, then one pass, streamed by the
library, picks a sample by position; of a table too long for that pass, and from
libraries whose rows have no position, only the first rows are read.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw

from stepmagic.attachments.frames.cells import label
from stepmagic.attachments.frames.dask import Dask
from stepmagic.attachments.frames.eager import open_eager
from stepmagic.attachments.frames.sampling import (
    EDGE,
    Column,
    Rows,
    Source,
    place,
    scope_in_words,
    shown,
    spread,
    stretch,
)
from stepmagic.attachments.frames.types import Kind, find_kind

MOST_PASSED = 400_000_000
"""Cells through which a sample is looked for; some seconds on two cores."""

_HEAVY = ("struct", "list", "[]", "array", "map", "union", "binary", "blob", "object")
"""Parts of the names of types whose values may be megabytes each: pictures."""

Masked: TypeAlias = tuple[frozenset[int], Sequence[int]]
"""Columns that are null but at some positions, and these."""

_FEW = 1_000
"""Rows that are read at once where they may be that large."""


class _Lazy(ABC):
    """What the readers share: which rows are asked for."""

    is_series = False
    remarks: tuple[str, ...] = ()

    def __init__(self, columns: Sequence[Column], rows: int) -> None:
        self.columns = columns
        self.rows = rows

    def read(self, chosen: Sequence[int], limit: int, seed: int) -> Rows:
        """Return a sample from one pass, or the first rows."""
        heavy = frozenset(
            number
            for number in chosen
            if self.rows > _FEW and _is_heavy(self.columns[number].dtype)
        )
        if self.rows * len(chosen) > MOST_PASSED:
            return self._first(chosen, _FEW if heavy else limit)
        return self._sample(chosen, limit, seed, heavy)

    def _first(self, chosen: Sequence[int], limit: int) -> Rows:
        positions = range(min(limit, self.rows))
        is_all = len(positions) == self.rows
        column = _columns_of(self._head(chosen, len(positions)), len(chosen))
        places = {number: place for place, number in enumerate(chosen)}
        return Rows(
            positions=positions,
            column=lambda number: column(places[number]),
            scope="" if is_all else f"the first {len(positions):,} rows",
            has_tail=is_all,
        )

    @abstractmethod
    def _head(self, chosen: Sequence[int], count: int) -> Any:
        """Return the chosen columns of the first rows, as a table in memory."""

    @abstractmethod
    def _sample(
        self, chosen: Sequence[int], limit: int, seed: int, heavy: frozenset[int]
    ) -> Rows:
        """Return rows from all of the table; heavy columns only where they show."""


class _Placed(_Lazy):
    """A query whose rows have a position."""

    def _sample(
        self, chosen: Sequence[int], limit: int, seed: int, heavy: frozenset[int]
    ) -> Rows:
        expected = spread(self.rows, limit, seed)
        seen = [expected[n] for part in shown(expected, seed) for n in part]
        step = stretch(self.rows, limit)
        table = self._pass(chosen, step, seed, masked=(heavy, seen))
        column = _columns_of(table, len(chosen) + 1)
        # From the query: it may return other rows each time it runs.
        positions = column(len(chosen)).to_list()
        places = {number: place for place, number in enumerate(chosen)}
        is_all = len(positions) == self.rows
        return Rows(
            positions=positions,
            column=lambda number: column(places[number]),
            scope="" if is_all else scope_in_words(len(positions), seed),
            unmeasured=heavy,
        )

    @abstractmethod
    def _pass(
        self, chosen: Sequence[int], step: int, seed: int, *, masked: Masked
    ) -> Any:
        """Return the rows of ``spread``, in order, as a table in memory.

        Its columns are the chosen ones, null where they are masked, and the position.
        """


class _Polars(_Placed):
    def __init__(self, data: Any) -> None:
        pl = sys.modules["polars"]
        self._data = data
        schema = data.collect_schema()
        self._names, self._dtypes = schema.names(), schema.dtypes()
        count = data.select(pl.len()).collect(engine="streaming").item()
        super().__init__(_columns(self._names, self._dtypes), int(count))

    def _head(self, chosen: Sequence[int], count: int) -> Any:
        names = [self._names[number] for number in chosen]
        return self._data.head(count).select(names).collect(engine="streaming")

    def _pass(
        self, chosen: Sequence[int], step: int, seed: int, *, masked: Masked
    ) -> Any:
        pl = sys.modules["polars"]
        name = "position"
        while name in self._names:
            name += "_"
        here = pl.col(name).cast(pl.Int64)
        heavy, seen = masked
        columns = []
        for number in chosen:
            column = pl.col(self._names[number])
            if number in heavy:
                column = pl.when(here.is_in(seen)).then(column)
            elif self._dtypes[number] == pl.String:
                # Written anew: a text that is picked keeps all its neighbours alive.
                column = pl.concat_str(column, pl.lit(""))
            columns.append(column.alias(self._names[number]))
        edges = (here < EDGE) | (here >= self.rows - EDGE)
        wanted = edges | (here % step == place(here // step, step, seed))
        rows = self._data.with_row_index(name).filter(wanted)
        return rows.select(*columns, here).collect(engine="streaming")


class _DuckDB(_Placed):
    """A relation, whose columns go by their numbers: names may repeat."""

    def __init__(self, data: Any) -> None:
        self._data = data
        count = data.aggregate("count(*)").fetchall()[0][0]
        super().__init__(_columns(data.columns, data.types), int(count))

    def _head(self, chosen: Sequence[int], count: int) -> Any:
        names = ", ".join(f"#{n + 1} AS c{n}" for n in chosen)
        return self._data.limit(count).project(names).to_arrow_table()

    def _pass(
        self, chosen: Sequence[int], step: int, seed: int, *, masked: Masked
    ) -> Any:
        heavy, seen = masked
        places = ", ".join(map(str, seen))
        names = [f"#{n + 1} AS c{n}" for n in chosen]
        columns = [
            f"CASE WHEN p IN ({places}) THEN c{n} END AS c{n}"
            if n in heavy
            else f"c{n}"
            for n in chosen
        ]
        here = place(_Sql(f"(p // {step})"), step, seed)
        edges = f"p < {EDGE} OR p >= {self.rows - EDGE}"
        rows = self._data.project(
            ", ".join([*names, "row_number() OVER () - 1 AS p"])
        ).filter(f"p % {step} = {here} OR {edges}")
        # Ordered last: a relation made from an ordered one has no order.
        return rows.project(", ".join([*columns, "p"])).order("p").to_arrow_table()


class _Sql:
    """An integer expression of SQL, so that ``place`` can be asked of a query."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def _joined(self, sign: str, other: object) -> _Sql:
        return _Sql(f"({self._text} {sign} {other})")

    def __add__(self, other: object) -> _Sql:
        return self._joined("+", other)

    def __mul__(self, other: object) -> _Sql:
        return self._joined("*", other)

    def __mod__(self, other: object) -> _Sql:
        return self._joined("%", other)

    def __floordiv__(self, other: object) -> _Sql:
        return self._joined("//", other)


class _Other(_Lazy):
    """A lazy frame that narwhals reads; its rows have no position."""

    def __init__(self, data: Any) -> None:
        self._data: Any = nw.from_native(data)
        schema = self._data.collect_schema()
        self._names = schema.names()
        count = self._data.select(nw.len()).collect().item()
        super().__init__(_columns(schema.names(), schema.dtypes()), int(count))

    def _head(self, chosen: Sequence[int], count: int) -> Any:
        names = [self._names[number] for number in chosen]
        return self._data.head(count).select(names).collect().to_native()

    def _sample(
        self,
        chosen: Sequence[int],
        limit: int,
        seed: int,  # noqa: ARG002 - nothing is drawn
        heavy: frozenset[int],
    ) -> Rows:
        return self._first(chosen, _FEW if heavy else limit)


def open_lazy(data: Any, kind: Kind) -> Source:
    """Return the reader of a query, which counts its rows at once."""
    match kind.family:
        case "polars lazy":
            return _Polars(data)
        case "duckdb":
            return _DuckDB(data)
        case "dask":
            return Dask(data, is_series=kind.name.endswith("Series"))
        case _:
            return _Other(data)


def _columns(names: Sequence[str], dtypes: Sequence[Any]) -> list[Column]:
    return [
        Column(label=label(name), dtype=str(dtype))
        for name, dtype in zip(names, dtypes, strict=True)
    ]


def _columns_of(table: Any, count: int) -> Callable[[int], Any]:
    """Return what returns each column of a table that a library collected."""
    kind = find_kind(table)
    assert kind is not None  # noqa: S101 - libraries collect tables
    if kind.family == "pandas":
        # Its index would come before the columns that were asked for.
        table = table.reset_index(drop=True)
    return open_eager(table, kind, limit=0, seed=0).read(range(count), _ALL, 0).column


_ALL = 10**9
"""No limit: the table is a sample already."""


def _is_heavy(dtype: str) -> bool:
    name = dtype.lower()
    return any(word in name for word in _HEAVY)
