"""Whether the front end of a kernel supports live views, as far as the kernel can know.

A front end that loads the widget of a live view reports it. The kernel reads that
message when the running cell is over, so no reply can wait for it: the first reply is
drawn by patches as a trial. When the next cell starts after a pause and no report was
read, the front end does not support patches, and replies are drawn as complete HTML
until one is.

    known so far                             replies are drawn by
    nothing yet, cells follow each other     patches
    nothing, and there was a pause           complete frames
    a report was read                        patches, from then on

The widgets of replies that are over stay open until such a pause, since their pages may
still request what a Jupyter server dropped (see ``live``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from stepmagic.attachments.notebook.host import Host
from stepmagic.settings import kernel

_PAUSE_S = 1.0
"""Between two cells; by then the kernel has read what a page sent before."""

_MOST_OPEN = 16
"""Widgets that wait for a pause: those of cells that follow each other."""


class FrontEnd:
    """What is known of the front ends of one kernel.

    Args:
        clock: Returns seconds, from a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.has_reported = False
        """Whether a front end has loaded the widget of a live view."""
        self._clock = clock
        self._is_silent = False
        self._ended_at: float | None = None
        self._is_watching = False
        self._to_close: list[Callable[[], None]] = []

    def takes_patches(self, host: Host) -> bool:
        """Whether to draw the next reply by patches.

        Only if the front end names its cells, as JupyterLab and Notebook 7 do, and
        anywidget is installed.
        """
        if host.cell is None or (self._is_silent and not self.has_reported):
            return False
        try:
            # Slow to import, and only such a front end needs it.
            import anywidget  # noqa: F401, PLC0415
        except ImportError:
            return False
        return True

    def watch(self, host: Host) -> None:
        """Begin to watch for pauses between cells: a live view was opened."""
        if not self._is_watching:
            self._is_watching = True
            host.on("pre_run_cell", self._cell_starts)
            host.on("post_run_cell", self._cell_ended)

    def report(self) -> None:
        """Note that a front end has loaded the widget of a live view."""
        self.has_reported = True

    def close_later(self, close: Callable[[], None]) -> None:
        """Close a widget after the next pause, when its page has sent its requests.

        Args:
            close: The callback that closes it.
        """
        self._to_close.append(close)
        if len(self._to_close) > _MOST_OPEN:
            self._to_close.pop(0)()

    def keep_open(self, close: Callable[[], None]) -> None:
        """Do not close a widget after all: a page shows an answer with it."""
        self.report()
        if close in self._to_close:
            self._to_close.remove(close)

    def _cell_starts(self, *_: Any) -> None:
        ended_at = self._ended_at
        if ended_at is None or self._clock() - ended_at <= _PAUSE_S:
            return
        if self.has_reported:
            while self._to_close:
                self._to_close.pop()()
        else:
            self._is_silent = True

    def _cell_ended(self, *_: Any) -> None:
        self._ended_at = self._clock()


def front_end() -> FrontEnd:
    """Return what is known of this kernel's front end."""
    return kernel.get(FrontEnd)
