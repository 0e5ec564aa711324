"""Whether the front end takes live views, as far as one kernel knows.

No front end can answer before a cell that is already running has ended, so nothing
waits: the first reply tries, and only silence where an answer was due ends that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from stepmagic.attachments.notebook.host import Host

_REST_S = 1.0
"""Between two cells; what a front end sent before the first ended was read by then."""

_MOST_RELEASED = 16
"""Models that wait for their pages: those of cells that follow each other."""


class Model(Protocol):
    """A live model, as far as a link has to do with it."""

    over: bool
    """Whether its answer is whole."""

    def dismiss(self) -> None:
        """Close it."""


class Link:
    """What is known of the front ends of a kernel."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing known; ``clock`` gives seconds that only grow."""
        self.answered = False
        """Whether a live model was ever brought to life by a front end."""
        self._clock = clock
        self._silent = False
        self._ended_at: float | None = None
        self._is_watching = False
        self._released: list[Model] = []

    def takes_patches(self, host: Host) -> bool:
        """Whether to draw the next reply by patches.

        The front end must name its cells, as JupyterLab and Notebook 7 do, and must not
        have let a rest between two cells pass without a word of an earlier model.
        """
        if host.cell is None or (self._silent and not self.answered):
            return False
        try:
            # Needed by none but this front end, and slow to import.
            import anywidget  # noqa: F401, PLC0415
        except ImportError:
            return False
        return True

    def opened(self, host: Host) -> None:
        """Note that a live model went out, to whose front end we listen from here."""
        if not self._is_watching:
            self._is_watching = True
            host.on("pre_run_cell", self._cell_begins)
            host.on("post_run_cell", self._cell_ended)

    def heard(self) -> None:
        """Note that a front end brought a live model to life."""
        self.answered = True

    def release(self, model: Model) -> None:
        """Take a model whose reply is drawn; it is closed when its page had its say.

        What a page says comes when no cell runs: that a server dropped the end of the
        answer, or that the page was loaded while the cell ran.
        """
        model.over = True
        self._released.append(model)
        if len(self._released) > _MOST_RELEASED:
            self._released.pop(0).dismiss()

    def keep(self, model: Model) -> None:
        """Leave a model open for good: a page shows an answer through it."""
        self.heard()
        if model in self._released:
            self._released.remove(model)

    def _close_released(self) -> None:
        while self._released:
            self._released.pop().dismiss()

    def _cell_begins(self, *_: Any) -> None:
        ended_at = self._ended_at
        if ended_at is None or self._clock() - ended_at <= _REST_S:
            return
        if self.answered:
            self._close_released()
        else:
            self._silent = True

    def _cell_ended(self, *_: Any) -> None:
        self._ended_at = self._clock()


_links: list[Link] = []


def link() -> Link:
    """Return what this kernel knows."""
    if not _links:
        _links.append(Link())
    return _links[0]
