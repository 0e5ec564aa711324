"""A record of the cells and what they displayed: IPython in a kernel has none."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from stepmagic.transcript import Cell

TEXTS = {
    "text/llm+plain": "",
    "text/markdown": "markdown",
    "text/latex": "latex",
}
"""Text in the order in which it is preferred, and the language of its fence."""

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
JSON, SVG = "application/json", "image/svg+xml"
PLOTLY = "application/vnd.plotly.v1+json"
VEGA = re.compile(r"application/vnd\.(vega|vegalite)\.v[0-9]+\+json")
HTML, PLAIN = "text/html", "text/plain"


def is_sendable(kind: str) -> bool:
    """Whether a form of an output is one that may be sent."""
    known = (*TEXTS, *PICTURES, JSON, SVG, PLOTLY, HTML, PLAIN)
    return kind in known or VEGA.fullmatch(kind) is not None


_MOST_CELLS = 200
_MOST_CHARACTERS = 64_000_000
"""Most characters of all recorded outputs; pictures are in base64."""

_OUTPUT_CHARACTERS = 500
"""What an output counts in addition to its characters, for its Python objects."""


class Outputs:
    """The displayed outputs of the last cells, by the number of the cell.

    Args:
        first: The number of the running cell; earlier cells are not recorded.
        printed: Returns how many characters a cell has printed so far.
    """

    def __init__(self, first: int, printed: Callable[[int], int] = lambda _: 0) -> None:
        self._printed = printed
        self._cleared: dict[int, int] = {}
        self._waiting: dict[int, int] = {}
        """How much was printed when ``clear_output(wait=True)`` was called."""
        self._number = self.first = first
        self.ran: dict[int, Cell] = {}
        """The cells that the front end named, by the number under which they ran."""
        self._cells: dict[int, dict[str | int, dict[str, str]]] = {}
        self._characters = self._taken = 0

    def begin(self, number: int, cell: Cell | None = None) -> None:
        """Note which cell runs; its figures are displayed after it has ended."""
        self._number = number
        self.ran.pop(number, None)
        if cell is not None:
            self.ran[number] = cell

    def take(self, message: dict[str, Any]) -> dict[str, Any]:
        """Record a message to the front end, and return it unchanged.

        A hook of ipykernel's ``ZMQDisplayPublisher``.
        """
        content = message.get("content", {})
        data = content.get("data")
        if message.get("msg_type") == "clear_output":
            self._waiting[self._number] = self._printed(self._number)
            if not content.get("wait"):
                self._clear(self._number)
        elif isinstance(data, Mapping):
            if self._number in self._waiting:
                self._clear(self._number)
            forms = _forms(data)
            cell, key = self._place(content.get("transient", {}).get("display_id"))
            self._characters += _size(forms) - (_size(cell[key]) if key in cell else 0)
            self._taken += 1
            cell[key] = forms
            self._evict()
        return message

    def of(self, number: int) -> list[dict[str, str]]:
        """Return the bundles that a cell displayed, in order."""
        self.cleared(number)
        return list(self._cells.get(number, {}).values())

    def cleared(self, number: int) -> int:
        """Return how many characters that a cell printed were cleared again."""
        waiting = self._waiting.get(number)
        if waiting is not None and self._printed(number) > waiting:
            self._clear(number)
        return self._cleared.get(number, 0)

    def _clear(self, number: int) -> None:
        """Drop what a cell has displayed, and note how much it had printed by then."""
        self._cleared[number] = self._waiting.pop(number)
        self._drop(number)

    def _place(self, known: str | None) -> tuple[dict[str | int, dict[str, str]], Any]:
        """Return the cell and key of an output: an update replaces the output in place.

        Args:
            known: The display id, if it has one.
        """
        if known is not None:
            for cell in reversed(self._cells.values()):
                if known in cell:
                    return cell, known
        cell = self._cells.setdefault(self._number, {})
        return cell, self._taken if known is None else known

    def _evict(self) -> None:
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


def _forms(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the forms of an output as text, unknown ones only by their type."""
    return {
        str(kind): _written(it) if is_sendable(str(kind)) else ""
        for kind, it in data.items()
    }


def _written(data: Any) -> str:
    """Return one form as text: bytes, which ipykernel encodes later, in base64."""
    if isinstance(data, str):
        return str(data)
    if isinstance(data, bytes):
        return base64.b64encode(data).decode()
    try:
        return json.dumps(data, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""


def _size(bundle: Mapping[str, str]) -> int:
    return _OUTPUT_CHARACTERS + sum(map(len, bundle.values()))
