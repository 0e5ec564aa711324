"""One reply in a terminal: Markdown drawn while it grows.

Owns what of a reply is printed for good and what is painted again, and how often. Each
block is printed when it is finished, so that the terminal's history holds all of it
once; only the open one is painted again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TextIO

from rich.console import RenderableType
from rich.text import Text as Words

from stepmagic.display.html.bundle import summarize_reasoning
from stepmagic.display.terminal.blocks import TerminalBlocks
from stepmagic.display.terminal.boxes import DIM, Hanging
from stepmagic.display.terminal.markdown import draw
from stepmagic.display.terminal.region import Region
from stepmagic.transcript import Reasoning, Text

_SHORTEST_S, _LONGEST_S = 0.08, 2.0
"""Between two frames."""

_RENDERS_A_FRAME = 10
"""Of the time between two frames, drawing takes at most a tenth."""

_ASIDE = "aside"


class _Run(Protocol):
    """Text of one kind, as it grows."""

    def feed(self, text: str) -> None:
        """Take the next piece."""

    def settled(self) -> Sequence[RenderableType]:
        """Return what was finished since the last call."""

    def open(self, size: os.terminal_size) -> Sequence[RenderableType]:
        """Return what is not finished, or as much of its end as fits the screen."""

    def rest(self, thought_s: float) -> Sequence[RenderableType]:
        """Return what is left at the end."""


class LivePrinter:
    """Draws text as it comes, at most some twelve times a second."""

    def __init__(
        self,
        stream: TextIO,
        *,
        colour: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin where the cursor stands, at the beginning of a line.

        Args:
            stream: A terminal.
            colour: Whether to use more than bold, dim and the like.
            clock: Seconds that only grow.
        """
        self._region = Region(stream, colour=colour)
        self._clock = clock
        self._due_at = clock()
        self._run: _Run = _Markdown()
        """What grows; empty where nothing does."""
        self._kind: object = Text
        """What the run is."""
        self._above: object = None
        """What the last of the lines that stay are."""
        self._stays: list[RenderableType] = []

    def begin(self, kind: type[Text | Reasoning]) -> None:
        """Take text of one kind from now on."""
        self._kind = kind
        if kind is Reasoning:
            self._run = _Thought()
            self._keep(kind, [Words("Thinking ...", DIM)])
        else:
            self._run = _Markdown()

    def text(self, text: str) -> None:
        """Take the next piece; nothing is parsed yet."""
        self._run.feed(text)

    def end(self, thought_s: float) -> None:
        """Print what is left of the text for good.

        Args:
            thought_s: How long it took, which is said of reasoning.
        """
        self._keep(self._kind, self._run.settled())
        self._keep(self._kind, self._run.rest(thought_s))
        self._run = _Markdown()

    def aside(self, line: str) -> None:
        """Take a line that is no part of the answer."""
        self._keep(_ASIDE, [Words(line, DIM)])

    def flush(self, waiting: str = "", *, last: bool = False) -> None:
        """Bring the screen up to date, if that is due.

        Args:
            waiting: What to show while there is nothing else.
            last: Whether it is due in any case, and the end.
        """
        begin = self._clock()
        if not last and begin < self._due_at:
            return
        self._keep(self._kind, self._run.settled())
        drawn = self._run.open(self._region.size())
        region = _spaced(drawn, self._kind, self._above)
        if waiting:
            region.append(Words(waiting, DIM))
        self._region.paint(self._stays, region)
        self._stays.clear()
        end = self._clock()
        pause_s = max(_SHORTEST_S, _RENDERS_A_FRAME * (end - begin))
        self._due_at = end + min(pause_s, _LONGEST_S)

    def _keep(self, kind: object, drawn: Sequence[RenderableType]) -> None:
        self._stays += _spaced(drawn, kind, self._above)
        if drawn:
            self._above = kind


class _Markdown:
    """The text of an answer."""

    def __init__(self) -> None:
        self._blocks = TerminalBlocks()
        self.feed = self._blocks.feed

    def settled(self) -> Sequence[RenderableType]:
        return draw(self._blocks.settle(), stays=True)

    def open(self, size: os.terminal_size) -> Sequence[RenderableType]:
        return draw(self._blocks.open(size))

    def rest(self, thought_s: float) -> Sequence[RenderableType]:  # noqa: ARG002 - of reasoning
        return draw(self._blocks.finish(), stays=True)


class _Thought:
    """Reasoning: its lines as they are, dimmed."""

    def __init__(self) -> None:
        self._unread: list[str] = []
        self._read: list[str] = []
        self._line = ""

    def feed(self, text: str) -> None:
        self._unread.append(text)

    def settled(self) -> Sequence[RenderableType]:
        new = "".join(self._unread)
        self._unread.clear()
        self._read.append(new)
        lines, _, self._line = (self._line + new).rpartition("\n")
        return _dimmed(lines)

    def open(self, size: os.terminal_size) -> Sequence[RenderableType]:
        return _dimmed(self._line[-size.columns * size.lines :])

    def rest(self, thought_s: float) -> Sequence[RenderableType]:
        summary = summarize_reasoning("".join(self._read), thought_s, grows=False)
        return [*_dimmed(self._line), Words(summary, DIM)]


def _dimmed(lines: str) -> Sequence[RenderableType]:
    kept = "\n".join(line for line in lines.split("\n") if line.strip())
    return [Hanging("  ", "  ", [Words(kept, DIM)])] if kept else []


def _spaced(
    drawn: Iterable[RenderableType], kind: object, above: object
) -> list[RenderableType]:
    """Return what is drawn with blank lines between blocks and between kinds."""
    spaced: list[RenderableType] = []
    for each in drawn:
        if above is not None and (kind is Text or kind is not above):
            spaced.append(Words())
        spaced.append(each)
        above = kind
    return spaced
