"""The part of a terminal's screen that is repainted, below the lines that stay.

Owns all escape sequences that are written. Permanent lines are printed once and scroll
up like any output; below them is a region that is repainted. It is never taller than
the screen, since the cursor cannot reach what has scrolled off.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.console import Console, RenderableType

from stepmagic.display.terminal.plain import put

_SIZE = os.terminal_size((80, 24))
"""The size to assume if the terminal does not report one."""

_ERASE = "\x1b[J"

# A terminal and rich may disagree on the width of an emoji. With wrapping off, a line
# that is too wide loses a character for a moment instead of moving the region.
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"


class Region:
    """Prints permanent lines and repaints the ones below them.

    The cursor is left below both, at the beginning of a line, so that whatever is
    printed next, also after an interrupt, begins on a new line.

    Args:
        stream: A terminal whose cursor is at the beginning of a line.
        colour: Whether to use colours, and not only bold, dim and the like.
    """

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._stream = stream
        self._painted: list[str] = []
        self._console = Console(
            force_terminal=True,
            force_jupyter=False,
            color_system="standard",
            no_color=not colour,
            legacy_windows=False,
            width=_SIZE.columns,
            height=_SIZE.lines,
        )

    def size(self) -> os.terminal_size:
        """Return the current columns and lines of the screen."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return _SIZE
        return size if all(size) else _SIZE

    def paint(
        self, stays: Iterable[RenderableType], region: Sequence[RenderableType]
    ) -> None:
        """Replace the region by permanent lines, and paint a new region below them.

        Args:
            stays: What to print permanently.
            region: What to show until the next call; if too tall, only its last lines.
        """
        self._console.size = size = self.size()
        permanent = self._lines(stays)
        painted = self._lines(region)
        painted = painted[max(0, len(painted) - size.lines + 1) :]
        unchanged = 0 if permanent else _common(self._painted, painted)
        if permanent or self._painted != painted:
            up = len(self._painted) - unchanged
            lines = "".join(line + "\n" for line in painted[unchanged:])
            put(
                self._stream,
                "".join(
                    (
                        "\r",
                        f"\x1b[{up}A" if up else "",
                        _ERASE,
                        *(line + "\n" for line in permanent),
                        f"{_NO_WRAP}{lines}{_WRAP}" if lines else "",
                    )
                ),
            )
            self._painted = painted

    def _lines(self, drawn: Iterable[RenderableType]) -> list[str]:
        with self._console.capture() as captured:
            for each in drawn:
                self._console.print(each, crop=False)
        return captured.get().split("\n")[:-1]


def _common(before: Sequence[str], after: Sequence[str]) -> int:
    """Return how many lines at the beginning are equal."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(before), len(after)))
