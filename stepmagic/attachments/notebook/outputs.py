"""What cells displayed, kept for ``--cells``: a kernel's IPython does not keep it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT = ("image/png", "image/jpeg", "text/plain")
_MOST_CELLS = 200
_MOST_CHARACTERS = 64_000_000
"""Of all that is kept; pictures are in base64."""

_OUTPUT_CHARACTERS = 500
"""What an output counts for besides its characters: the objects that hold it."""


class Outputs:
    """The displayed outputs of the last cells, by the number of the cell.

    Args:
        first: The number of the running cell; nothing is known of those before it.
    """

    def __init__(self, first: int) -> None:
        self._number = self.first = first
        self._cells: dict[int, dict[str | int, dict[str, str]]] = {}
        self._characters = self._taken = 0

    def begin(self, number: int) -> None:
        """Note which cell runs; its figures are shown when its number is over."""
        self._number = number

    def take(self, message: dict[str, Any]) -> dict[str, Any]:
        """Note a message on its way to the front end, which passes unchanged.

        A hook of ipykernel's ``ZMQDisplayPublisher``.
        """
        content = message.get("content", {})
        data = content.get("data")
        if message.get("msg_type") == "clear_output":
            self._drop(self._number)
        elif isinstance(data, Mapping):
            kept = {kind: str(data[kind]) for kind in _KEPT if kind in data}
            cell, key = self._place(content.get("transient", {}).get("display_id"))
            self._characters += _size(kept) - (_size(cell[key]) if key in cell else 0)
            self._taken += 1
            cell[key] = kept
            self._forget()
        return message

    def of(self, number: int) -> list[dict[str, str]]:
        """Return the bundles that a cell displayed, in order."""
        return list(self._cells.get(number, {}).values())

    def _place(self, known: str | None) -> tuple[dict[str | int, dict[str, str]], Any]:
        """Return the cell and key of an output: an update stays in its place.

        Args:
            known: The display id, if it has one.
        """
        if known is not None:
            for cell in reversed(self._cells.values()):
                if known in cell:
                    return cell, known
        cell = self._cells.setdefault(self._number, {})
        return cell, self._taken if known is None else known

    def _forget(self) -> None:
        """Drop the oldest cells, then the first outputs of the last one."""
        while len(self._cells) > _MOST_CELLS or (
            self._characters > _MOST_CHARACTERS and len(self._cells) > 1
        ):
            self._drop(next(iter(self._cells)))
        cell = self._cells[next(reversed(self._cells))]
        while self._characters > _MOST_CHARACTERS and len(cell) > 1:
            self._characters -= _size(cell.pop(next(iter(cell))))

    def _drop(self, number: int) -> None:
        self._characters -= sum(map(_size, self._cells.pop(number, {}).values()))


def _size(bundle: Mapping[str, str]) -> int:
    return _OUTPUT_CHARACTERS + sum(map(len, bundle.values()))
