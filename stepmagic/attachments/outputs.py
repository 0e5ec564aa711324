"""What cells displayed, kept for ``--cells``: IPython forgets what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT = ("image/png", "image/jpeg", "text/plain")
_MOST_CELLS = 200
_MOST_LETTERS = 64_000_000
"""Of all that is kept; pictures are in base64."""


class Outputs:
    """The displayed outputs of the last cells, by the number of the cell."""

    def __init__(self, shell: Any) -> None:
        """Begin empty; ``shell`` tells which cell runs."""
        self._shell = shell
        self._number = shell.execution_count
        self._cells: dict[int, dict[str, dict[str, str]]] = {}
        self._letters = 0

    def begin(self, *_: Any) -> None:
        """Note which cell runs; figures are shown when its number is over."""
        self._number = self._shell.execution_count

    def take(self, message: dict[str, Any]) -> dict[str, Any]:
        """Note a message on its way to the front end, which goes on unchanged.

        A hook of ipykernel's ``ZMQDisplayPublisher``.
        """
        content = message.get("content", {})
        data = content.get("data")
        if isinstance(data, Mapping):
            kept = {kind: str(data[kind]) for kind in _KEPT if kind in data}
            cell = self._cells.setdefault(self._number, {})
            # An output that is drawn anew takes the place of the one before.
            known = content.get("transient", {}).get("display_id")
            key = str(known or len(cell))
            self._letters += _size(kept) - _size(cell.get(key, {}))
            cell[key] = kept
            self._forget()
        return message

    def of(self, number: int) -> list[dict[str, str]]:
        """Return the bundles that a cell displayed, in order."""
        return list(self._cells.get(number, {}).values())

    def _forget(self) -> None:
        while len(self._cells) > _MOST_CELLS or (
            self._letters > _MOST_LETTERS and len(self._cells) > 1
        ):
            oldest = self._cells.pop(next(iter(self._cells)))
            self._letters -= sum(map(_size, oldest.values()))


def _size(bundle: Mapping[str, str]) -> int:
    return sum(map(len, bundle.values()))


_outputs: dict[int, Outputs] = {}


def record_outputs(shell: Any) -> None:
    """Begin to keep what the cells of a kernel display; once a shell.

    A terminal's IPython keeps it by itself.
    """
    register = getattr(shell.display_pub, "register_hook", None)
    if register is not None and id(shell) not in _outputs:
        outputs = _outputs[id(shell)] = Outputs(shell)
        shell.events.register("pre_run_cell", outputs.begin)
        register(outputs.take)


def displayed(shell: Any, number: int) -> list[dict[str, str]]:
    """Return the bundles that a cell displayed, as far as they were kept."""
    kept = _outputs.get(id(shell))
    return kept.of(number) if kept is not None else []
