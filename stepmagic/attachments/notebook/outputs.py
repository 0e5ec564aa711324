"""What cells displayed and how they failed, kept for ``--cells`` and ``--error``.

A kernel's IPython forgets what was displayed, and Python all errors but the last, which
may be a slip on the very line that asks for one.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Mapping
from typing import Any

from stepmagic.errors import Interrupted, StepError

_KEPT = ("image/png", "image/jpeg", "text/plain")
_MOST_CELLS = 200
_MOST_LETTERS = 64_000_000
"""Of all that is kept; pictures are in base64."""

_OURS = (StepError, Interrupted)
_OUTPUT_LETTERS = 500
"""What the keeping of an output counts for, however short it is."""


class Outputs:
    """The displayed outputs of the last cells, by the number of the cell."""

    def __init__(self, shell: Any) -> None:
        """Begin empty; ``shell`` tells which cell runs."""
        self._shell = weakref.ref(shell)
        self._number = self.first = running_cell(shell)
        self._cells: dict[int, dict[str | int, dict[str, str]]] = {}
        self._letters = self._taken = 0

    def begin(self, *_: Any) -> None:
        """Note which cell runs; figures are shown when its number is over."""
        shell = self._shell()
        if shell is not None:
            self._number = running_cell(shell)

    def take(self, message: dict[str, Any]) -> dict[str, Any]:
        """Note a message on its way to the front end, which goes on unchanged.

        A hook of ipykernel's ``ZMQDisplayPublisher``.
        """
        content = message.get("content", {})
        data = content.get("data")
        if message.get("msg_type") == "clear_output":
            self._drop(self._number)
        elif isinstance(data, Mapping):
            kept = {kind: str(data[kind]) for kind in _KEPT if kind in data}
            cell, key = self._place(content.get("transient", {}).get("display_id"))
            self._letters += _size(kept) - (_size(cell[key]) if key in cell else 0)
            self._taken += 1
            cell[key] = kept
            self._forget()
        return message

    def of(self, number: int) -> list[dict[str, str]]:
        """Return the bundles that a cell displayed, in order."""
        return list(self._cells.get(number, {}).values())

    def _place(self, known: str | None) -> tuple[dict[str | int, dict[str, str]], Any]:
        """Return the cell and key of an output: what is drawn anew stays in its place.

        Args:
            known: The display id, of an output that has one.
        """
        if known is not None:
            for cell in reversed(self._cells.values()):
                if known in cell:
                    return cell, known
        cell = self._cells.setdefault(self._number, {})
        return cell, self._taken if known is None else known

    def _forget(self) -> None:
        """Drop the oldest cells; of one too long alone, its first outputs."""
        while len(self._cells) > _MOST_CELLS or (
            self._letters > _MOST_LETTERS and len(self._cells) > 1
        ):
            self._drop(next(iter(self._cells)))
        cell = self._cells[next(reversed(self._cells))]
        while self._letters > _MOST_LETTERS and len(cell) > 1:
            self._letters -= _size(cell.pop(next(iter(cell))))

    def _drop(self, number: int) -> None:
        self._letters -= sum(map(_size, self._cells.pop(number, {}).values()))


def _size(bundle: Mapping[str, str]) -> int:
    return _OUTPUT_LETTERS + sum(map(len, bundle.values()))


def running_cell(shell: Any) -> int:
    """Return the number of the cell that runs, as in ``In [3]``.

    In newer IPython ``execution_count`` is one more while a cell runs; the prompt's
    count never is.
    """
    number: int = shell.displayhook.prompt_count
    return number


_outputs: weakref.WeakKeyDictionary[Any, Outputs] = weakref.WeakKeyDictionary()


def record_outputs(shell: Any) -> None:
    """Begin to keep what the cells of a kernel display; once a shell.

    A terminal's IPython keeps it by itself.
    """
    register = getattr(shell.display_pub, "register_hook", None)
    if register is not None and shell not in _outputs:
        outputs = _outputs[shell] = Outputs(shell)
        shell.events.register("pre_run_cell", outputs.begin)
        register(outputs.take)


def displayed(shell: Any, number: int) -> list[dict[str, str]] | None:
    """Return the bundles that a cell displayed; None where they were not kept here."""
    kept = _outputs.get(shell)
    return kept.of(number) if kept is not None and number >= kept.first else None


def record_errors(shell: Any) -> None:
    """Begin to note how cells fail."""

    def note(result: Any) -> None:
        error = result.error_before_exec or result.error_in_exec
        if error is not None and not isinstance(error, _OURS):
            # IPython's place for what extensions keep with a shell.
            shell.meta.stepmagic_error = error

    shell.events.register("post_run_cell", note)


def last_error(shell: Any) -> BaseException | None:
    """Return the last error that a cell raised, other than our own."""
    error: BaseException | None = getattr(sys, "last_value", None)
    if error is None or isinstance(error, _OURS):
        error = shell.meta.get("stepmagic_error")
    return error
