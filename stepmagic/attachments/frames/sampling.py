"""What a reader returns of a table: its columns, its exact size, and some of its rows.

Owns the choice of rows. A reader hands out columns one by one, as a narwhals ``Series``
or, where narwhals has no type for them, as a list of Python values.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import narwhals.stable.v2 as nw

EDGE = 5
"""Rows from either end that are always among the rows read."""

_MODULUS = 2**31

Values: TypeAlias = "nw.Series[Any] | list[Any]"
"""A column's values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column, or a level of the index, before any of its values is read."""

    label: str
    dtype: str
    """As its library calls it."""
    is_index: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows that were read, in the table's order."""

    positions: Sequence[int]
    """Row numbers in the table, counted from 0."""
    column: Callable[[int], Values]
    """Returns a column by its number; the same rows in each."""
    scope: str = ""
    """A description of which rows they are; empty where they are all."""
    unmeasured: frozenset[int] = frozenset()
    """Columns of which only the rows shown were read."""
    has_tail: bool = True
    """Whether the table's last rows are among them."""
    notice: str = ""
    """What the user should know of the reading, a sentence."""


class Source(Protocol):
    """A table of any library."""

    @property
    def columns(self) -> Sequence[Column]:
        """The levels of a non-default index, then the columns."""

    @property
    def rows(self) -> int:
        """Exact count."""

    @property
    def is_series(self) -> bool:
        """Whether it is one column without a frame around it."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Further lines of the text about it, such as the CRS."""

    def read(self, chosen: Sequence[int], limit: int, seed: int) -> Rows:
        """Return at most about ``limit`` rows; only ``chosen`` columns are asked for.

        More rows than that are sampled: one row, at a random place, from each of so
        many equal stretches, and the first and last rows. The same ``seed`` gives the
        same rows.
        """


def spread(rows: int, limit: int, seed: int) -> Sequence[int]:
    """Return the positions of at most about ``limit`` of ``rows`` rows, in order."""
    if rows <= limit:
        return range(rows)
    step = stretch(rows, limit)
    found = (n * step + place(n, step, seed) for n in range(-(-rows // step)))
    inside = {position for position in found if position < rows}
    return sorted({*inside, *range(EDGE), *range(rows - EDGE, rows)})


def stretch(rows: int, limit: int) -> int:
    """Return how many neighbouring rows there are to each row of a sample."""
    return max(1, -(-rows // limit))


def place(number: Any, step: int, seed: int) -> Any:
    """Return which row of a stretch is taken: a hash of its number, below ``step``.

    Integer arithmetic below 2**63 and nothing else, so that a query can do the same
    and every library shows the same rows. A fixed row of each stretch would meet the
    same hour of every day. The constants are those of the linear congruential
    generator in the C standard (rand, ISO/IEC 9899); the halves change places between
    its two rounds.

    Args:
        number: Number of the stretch: an int, or an expression of a query.
        step: Rows in a stretch, below 2**32.
        seed: Any int.
    """
    shift = seed * 7919 % _MODULUS + 12345
    tossed = (number * 1103515245 + shift) % _MODULUS
    tossed = tossed // 65536 + tossed % 65536 * 32768
    tossed = (tossed * 1103515245 + shift) % _MODULUS
    return tossed * step // _MODULUS


def shown(
    positions: Sequence[int], seed: int, *, tail: bool = True
) -> tuple[range, list[int], range]:
    """Return which of the rows read are shown: head, sample and tail, by index.

    Without a tail the last rows read are not the table's last.
    """
    count = len(positions)
    head = range(min(EDGE, count))
    last = range(max(head.stop, count - EDGE) if tail else count, count)
    middle = range(head.stop, last.start)
    sample = random.Random(seed).sample(middle, min(EDGE, len(middle)))  # noqa: S311 - a sample, not a secret
    return head, sample, last


def scope_in_words(read: int, seed: int) -> str:
    """Return what a sample is called in the preview."""
    return f"a sample of {read:,} rows (seed {seed})"
