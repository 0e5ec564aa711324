"""One reply in a terminal or a pipe: text as it comes, and nothing that acts.

Owns what is printed of an answer. Text passes a filter that no cut between two events
can get an escape sequence through; the only escapes written are its own, on a terminal
that shows them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from stepmagic.display.answer import AnswerFold
from stepmagic.display.bundle import describe
from stepmagic.events import (
    ConfirmTool,
    Notice,
    PartDelta,
    PartEnd,
    PartStart,
    Retry,
    StreamEvent,
    ToolStart,
)
from stepmagic.markdown import PlainStream, plain
from stepmagic.transcript import Media, Part, Reasoning, Text, ToolCall

_DIM, _NORMAL = "\x1b[2m", "\x1b[22m"


class TerminalView:
    """Prints the events of one reply.

    The answer goes to the stream whatever that is; reasoning, under a heading, only to
    a terminal, since a pipe or a file wants the answer alone. With ``NO_COLOR`` set it
    is not dimmed (https://no-color.org).
    """

    def __init__(
        self,
        *,
        live: bool,
        model: str | None = None,
        effort: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        stream: TextIO | None = None,
    ) -> None:
        """Prepare to print.

        Args:
            live: Whether to print before the end, and to say time and cost.
            model: Whom the user asked.
            effort: The reasoning effort that was asked for.
            clock: Seconds that only grow.
            stream: Where to print; standard output by default.
        """
        self._live = live
        self._fold = AnswerFold(model=model, effort=effort, clock=clock)
        self._stream = sys.stdout if stream is None else stream
        self._terminal = self._stream.isatty()
        self._colour = self._terminal and not os.environ.get("NO_COLOR")
        self._filter = PlainStream()
        self._kinds: dict[int, type[Part]] = {}
        self._taken: dict[int, int] = {}
        """How many letters of a part were taken from its deltas."""
        self._shown: type[Part] | None = None
        """The kind of part that was printed last."""
        self._held: list[str] = []
        self._starts_line = True

    def __enter__(self) -> Self:
        return self

    def show(self, event: StreamEvent) -> None:
        """Take the next event and print what it brings."""
        self._fold.feed(event)
        match event:
            case PartStart():
                self._kinds[event.index] = type(event.part)
                self._taken[event.index] = 0
                self._whole(event.index, event.part)
            case PartDelta():
                self._taken[event.index] += len(event.text)
                self._text(self._kinds[event.index], event.text)
            case PartEnd():
                self._whole(event.index, event.part)
                self._ended(event.part)
            case Retry() | Notice() | ToolStart() | ConfirmTool() if self._terminal:
                self._aside(self._fold.line)
            case _:
                pass
        self._flush()

    def tick(self) -> None:
        """Do nothing: text is printed when it comes."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._turn_to(None)
        answer = self._fold.answer(error)
        # What stopped the answer, IPython prints below it.
        if answer.status == "complete":
            for note in answer.notes:
                self._aside(note)
        if self._live and answer.status != "running" and answer.parts:
            self._aside(answer.footer)
        self._flush(last=True)

    def _whole(self, index: int, part: Part) -> None:
        """Print what a whole part has beyond its deltas."""
        if isinstance(part, Text | Reasoning):
            rest = part.text[self._taken[index] :]
            self._taken[index] += len(rest)
            self._text(type(part), rest)

    def _ended(self, part: Part) -> None:
        """Name a part that is not text."""
        if isinstance(part, Media):
            self._aside(describe(part))
        elif isinstance(part, ToolCall):
            self._aside(f"[calls {part.name}({part.arguments})]")

    def _text(self, kind: type[Part], text: str) -> None:
        if not text or not (kind is Text or (kind is Reasoning and self._terminal)):
            return
        self._turn_to(kind)
        self._write(self._filter.feed(text))

    def _turn_to(self, kind: type[Part] | None) -> None:
        """End what was printed, if something else follows, and head what follows."""
        before = self._shown
        if kind is before:
            return
        self._shown = kind
        self._write(self._filter.close())
        if before is Reasoning and self._colour:
            self._held.append(_NORMAL)
        if not self._starts_line:
            self._write("\n")
        if kind is Reasoning:
            self._write(f"{_DIM}Thinking:\n" if self._colour else "Thinking:\n")
        elif before is Reasoning and kind is Text:
            self._write("\n" if self._colour else "\nAnswer:\n")

    def _aside(self, text: str) -> None:
        """Print a line that is no part of the answer."""
        self._turn_to(None)
        line = plain(text)
        self._write(f"{_DIM}{line}{_NORMAL}\n" if self._colour else f"{line}\n")

    def _write(self, text: str) -> None:
        if text:
            self._held.append(text)
            self._starts_line = text.endswith("\n")

    def _flush(self, *, last: bool = False) -> None:
        """Print what is held; before the end, only a live view does."""
        if self._held and (self._live or last):
            self._stream.write("".join(self._held))
            self._stream.flush()
            self._held.clear()
