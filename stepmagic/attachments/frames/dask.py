"""Dask frames and series: each partition is computed once, and rows taken of each.

A partition returns its length with a sample of its rows, so that nothing is loaded
twice and only about two samples are in memory.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

from stepmagic.attachments.frames.eager import open_eager
from stepmagic.attachments.frames.sampling import EDGE, Column, Rows, scope_in_words
from stepmagic.attachments.frames.types import Kind
from stepmagic.transcript.usage import format_count

_LIMIT, _LIMIT_OF_OBJECTS = 200_000, 10_000
"""Rows that are taken of all partitions together; objects may be large pictures."""

_SPREAD = 2
"""Times its even share that a partition may return: they differ in length."""

_LEAST = 100
_KIND = Kind("pandas", "pandas DataFrame")


class Dask:
    """A Dask frame or series; its index is a column where it has a name."""

    remarks: tuple[str, ...] = ()

    def __init__(self, data: Any, *, is_series: bool) -> None:
        self.is_series = is_series
        frame = data.to_frame(data.name or "values") if is_series else data
        parts = frame.to_delayed()
        self._partitions = len(parts)
        limit = _LIMIT_OF_OBJECTS if object in list(frame.dtypes) else _LIMIT
        share = max(_LEAST, -(-_SPREAD * limit // max(1, self._partitions)))
        keep_index = frame.index.name is not None
        take = sys.modules["dask"].delayed(_taker(share, EDGE, keep_index=keep_index))
        taken = sys.modules["dask"].compute(*map(take, parts, range(len(parts))))
        self._shares = [(length, len(places)) for length, places, _ in taken]
        self._positions: list[int] = []
        self.rows = 0
        for length, places, _ in taken:
            self._positions += (self.rows + place for place in places)
            self.rows += length
        self._table = _joined([table for *_, table in taken])
        reader = open_eager(self._table, _KIND, limit=0, seed=0)
        self.columns: Sequence[Column] = reader.columns

    def read(self, chosen: Sequence[int], limit: int, seed: int) -> Rows:
        """Return the same share of each partition's rows, or all."""
        places = self._thinned(limit, seed)
        is_all = len(places) == self.rows
        table = self._table if is_all else self._table.take(places)
        # An index that is not 0, 1, 2, ... would be read as one column more.
        reader = open_eager(table.reset_index(drop=True), _KIND, limit=0, seed=0)
        partitions = format_count(self._partitions, "partition")
        return Rows(
            positions=[self._positions[place] for place in places],
            column=reader.read(chosen, max(1, len(places)), seed).column,
            scope="" if is_all else scope_in_words(len(places), seed),
            notice=f"{partitions} were computed to count its rows.",
        )

    def _thinned(self, limit: int, seed: int) -> list[int]:
        """Return which of the rows taken are read: large partitions give more."""
        share = min(
            [limit / max(1, self.rows), 1.0, *(n / m for m, n in self._shares if m)]
        )
        if share == 1:
            return list(range(len(self._positions)))
        chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
        kept: list[int] = []
        begin = 0
        for length, count in self._shares:
            places = range(begin, begin + count)
            kept += chance.sample(places, min(count, round(share * length)))
            begin += count
        edges = (
            place
            for place, position in enumerate(self._positions)
            if position < EDGE or position >= self.rows - EDGE
        )
        return sorted({*kept, *edges})


def _taker(share: int, edge: int, *, keep_index: bool) -> Callable[[Any, int], Any]:
    """Return a function that takes rows of one partition.

    It is made here, and uses nothing of this package: a worker elsewhere need not have
    it installed.
    """

    def take(part: Any, number: int) -> Any:
        import random as rnd  # noqa: PLC0415 - see above

        length = len(part)
        places: Any = range(length)
        if length > share + 2 * edge:
            drawn = rnd.Random(number).sample(places, share)  # noqa: S311 - a sample
            places = sorted({*drawn, *places[:edge], *places[-edge:]})
            part = part.take(places)
        return length, list(places), part.reset_index(drop=not keep_index)

    return take


def _joined(tables: list[Any]) -> Any:
    pandas = sys.modules["pandas"]
    filled = [table for table in tables if len(table)] or tables[:1]
    return pandas.concat(filled, ignore_index=True)
