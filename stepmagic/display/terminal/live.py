"""One reply in a terminal: Markdown that is drawn while it is being received.

Owns which part of a reply is printed permanently, which part is repainted, and how
often. Each block is printed when it is finished, so that the scrollback contains all of
them once; only the open block is repainted.
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
"""Least and most time between two frames."""

_RENDERS_PER_FRAME = 10
"""Drawing takes at most one tenth of the time between two frames."""

_ASIDE = "aside"


class _Run(Protocol):
    """Text of one kind that is being received."""

    def feed(self, text: str) -> None:
        """Take the next chunk."""

    def settled(self) -> Sequence[RenderableType]:
        """Return the blocks that were finished since the last call."""

    def open(self, size: os.terminal_size) -> Sequence[RenderableType]:
        """Return the open block, or as much of its end as fits the screen."""

    def rest(self, thought_s: float) -> Sequence[RenderableType]:
        """Return the rest, at the end of the text."""


class LivePrinter:
    """Draws text while it is being received, at most twelve times a second.

    The cursor has to be at the beginning of a line.

    Args:
        stream: A terminal.
        colour: Whether to use colours, and not only bold, dim and the like.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        colour: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._region = Region(stream, colour=colour)
        self._clock = clock
        self._due_at = clock()
        self._run: _Run = _AnswerText()
        """The text that is being received; empty between two texts."""
        self._kind: object = Text
        """The kind of that text."""
        self._above: object = None
        """The kind of the last permanent line."""
        self._permanent: list[RenderableType] = []

    def begin(self, kind: type[Text | Reasoning]) -> None:
        """Start text of one kind."""
        self._kind = kind
        if kind is Reasoning:
            self._run = _ReasoningText()
            self._print(kind, [Words("Thinking ...", DIM)])
        else:
            self._run = _AnswerText()

    def text(self, text: str) -> None:
        """Take the next chunk; nothing is parsed yet."""
        self._run.feed(text)

    def end(self, thought_s: float) -> None:
        """Print the rest of the text permanently.

        Args:
            thought_s: How long it took, which is shown for reasoning.
        """
        self._print(self._kind, self._run.settled())
        self._print(self._kind, self._run.rest(thought_s))
        self._run = _AnswerText()

    def aside(self, line: str) -> None:
        """Take a line that is not part of the answer."""
        self._print(_ASIDE, [Words(line, DIM)])

    def flush(self, waiting: str = "", *, last: bool = False) -> None:
        """Update the screen if that is due.

        Args:
            waiting: The line to show while nothing else was received.
            last: Whether this is the last update, which is always due.
        """
        begin = self._clock()
        if not last and begin < self._due_at:
            return
        self._print(self._kind, self._run.settled())
        drawn = self._run.open(self._region.size())
        region = _spaced(drawn, self._kind, self._above)
        if waiting:
            region.append(Words(waiting, DIM))
        self._region.paint(self._permanent, region)
        self._permanent.clear()
        end = self._clock()
        pause_s = max(_SHORTEST_S, _RENDERS_PER_FRAME * (end - begin))
        self._due_at = end + min(pause_s, _LONGEST_S)

    def _print(self, kind: object, drawn: Sequence[RenderableType]) -> None:
        self._permanent += _spaced(drawn, kind, self._above)
        if drawn:
            self._above = kind


class _AnswerText:
    """The text of an answer."""

    def __init__(self) -> None:
        self._blocks = TerminalBlocks()
        self.feed = self._blocks.feed

    def settled(self) -> Sequence[RenderableType]:
        return draw(self._blocks.settle(), stays=True)

    def open(self, size: os.terminal_size) -> Sequence[RenderableType]:
        return draw(self._blocks.open(size))

    def rest(self, thought_s: float) -> Sequence[RenderableType]:  # noqa: ARG002 - for reasoning
        return draw(self._blocks.finish(), stays=True)


class _ReasoningText:
    """Reasoning: its lines as they are, in a dim colour."""

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
        summary = summarize_reasoning(
            "".join(self._read), thought_s, is_streaming=False
        )
        return [*_dimmed(self._line), Words(summary, DIM)]


def _dimmed(lines: str) -> Sequence[RenderableType]:
    text = "\n".join(line for line in lines.split("\n") if line.strip())
    return [Hanging("  ", "  ", [Words(text, DIM)])] if text else []


def _spaced(
    drawn: Iterable[RenderableType], kind: object, above: object
) -> list[RenderableType]:
    """Return renderables with blank lines between blocks and between kinds of text."""
    spaced: list[RenderableType] = []
    for each in drawn:
        if above is not None and (kind is Text or kind is not above):
            spaced.append(Words())
        spaced.append(each)
        above = kind
    return spaced
