"""Several records, as a list that becomes a frame."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any

from stepmagic.schema.columns import rows_of

_FRAMES = ("pandas", "polars")
"""What makes a frame, the first that is installed."""


class Records(list[Any]):
    """A list of records: a list like any other, and ``to_frame()`` beside it."""

    def __init__(self, records: Iterable[Any] = (), names: Sequence[str] = ()) -> None:
        """Take the records.

        Args:
            records: Models, dataclasses, dicts.
            names: Of the columns, which a list of none does not show.
        """
        super().__init__(records)
        self._names = list(names)

    def to_frame(self) -> Any:
        """Return a row for each record: pandas', else polars', else a list of dicts."""
        return frame_of(rows_of(list(self)), self._names)


def frame_of(rows: list[dict[str, Any]], names: Iterable[str] = ()) -> Any:
    """Return rows as a frame: pandas', else polars', else as they are.

    Args:
        rows: Of plain values; a key that a row lacks is null there.
        names: Columns that come first, in this order.
    """
    columns = list(dict.fromkeys([*names, *(name for row in rows for name in row)]))
    for module in _FRAMES:
        try:
            library: Any = importlib.import_module(module)
        except ImportError:
            continue
        held = {name: [row.get(name) for row in rows] for name in columns}
        # polars would refuse a column of mixed types if it were strict.
        options = {"strict": False} if module == "polars" else {}
        return library.DataFrame(held, **options)
    return rows
