"""The screen of a terminal below the prompt.

Owns every escape that is written there. Lines that stay are printed once and scroll up
as any output does; below them is a region that is painted again, and never taller than
the screen: what scrolled off can be neither moved to nor erased.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.console import Console, RenderableType

from stepmagic.display.terminal.plain import put

_SIZE = os.terminal_size((80, 24))
"""Where a terminal tells none."""

_ERASE = "\x1b[J"

# A terminal and rich may disagree how wide an emoji is. A line that is too wide then
# loses a letter for a moment, where a wrapped one would push the region off its place.
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"


class Region:
    """Prints lines that stay and paints the ones below them.

    The cursor waits below both, at the beginning of a line: whatever is printed next,
    after an interrupt too, has a line of its own.
    """

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        """Begin where the cursor stands."""
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
        """Return the columns and lines of the screen, which a user may change."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return _SIZE
        return size if all(size) else _SIZE

    def paint(
        self, stays: Iterable[RenderableType], region: Sequence[RenderableType]
    ) -> None:
        """Print what stays in place of the region, and the region below it.

        Args:
            stays: To be printed, once.
            region: What is to be seen for now; of too many lines, the last.
        """
        self._console.size = size = self.size()
        fixed = self._lines(stays)
        painted = self._lines(region)
        painted = painted[max(0, len(painted) - size.lines + 1) :]
        kept = 0 if fixed else _common(self._painted, painted)
        if fixed or self._painted != painted:
            up = len(self._painted) - kept
            lines = "".join(line + "\n" for line in painted[kept:])
            put(
                self._stream,
                "".join(
                    (
                        "\r",
                        f"\x1b[{up}A" if up else "",
                        _ERASE,
                        *(line + "\n" for line in fixed),
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
    """Return how many lines at the beginning are the same."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(before), len(after)))
