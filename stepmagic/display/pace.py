"""When the next frame is drawn: soon, but not at the cost of the kernel or the link."""

from __future__ import annotations

from collections.abc import Callable

_LONGEST_S = 2.0
_LETTERS_A_SECOND = 512 * 1024
"""Bounds what a slow link must carry, most of all where a frame is a whole answer."""

_RENDERS_A_FRAME = 5
"""Of the time between two frames, drawing takes at most a fifth of the kernel."""


class Pace:
    """Says when a frame is due."""

    def __init__(self, shortest_s: float, clock: Callable[[], float]) -> None:
        """Begin with the first frame due.

        Args:
            shortest_s: Between two frames, at the least.
            clock: Seconds that only grow.
        """
        self._shortest_s = shortest_s
        self._clock = clock
        self._due_at = clock()

    @property
    def is_due(self) -> bool:
        """Whether to draw now."""
        return self._clock() >= self._due_at

    def hurry(self) -> None:
        """Let the next frame be due now."""
        self._due_at = min(self._due_at, self._clock())

    def draw(self, frame: Callable[[], int]) -> None:
        """Draw a frame; the next is due the later, the more this one took.

        Args:
            frame: Draws it; returns how many letters that took.
        """
        begin = self._clock()
        size = frame()
        end = self._clock()
        pause_s = max(
            self._shortest_s,
            size / _LETTERS_A_SECOND,
            _RENDERS_A_FRAME * (end - begin),
        )
        self._due_at = end + min(pause_s, _LONGEST_S)
