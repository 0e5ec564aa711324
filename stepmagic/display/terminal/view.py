"""One reply in a terminal or a pipe.

Owns the order of what is printed. A ``Printer`` prints it: as plain text, or as
rendered Markdown in a terminal. All text is filtered before, so that an escape sequence
does not pass even if it is split between two events.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TextIO

from stepmagic.display.answer import AnswerFold, format_time
from stepmagic.display.html.bundle import describe, waiting
from stepmagic.display.html.calls import format_call, summarize_result
from stepmagic.display.interrupts import interrupts_held, interrupts_ignored
from stepmagic.display.terminal.plain import PlainPrinter
from stepmagic.markdown import PlainStream, plain
from stepmagic.markdown.json_block import JsonStream
from stepmagic.transcript import Media, Part, Reasoning, Text
from stepmagic.transcript.events import (
    ConfirmTool,
    Notice,
    PartDelta,
    PartEnd,
    PartStart,
    Retry,
    StreamEvent,
    ToolEnd,
    ToolStart,
)

_WITHOUT_ESCAPES = ("dumb", "unknown")
"""Values of ``TERM`` for a terminal without escape sequences."""


class Printer(Protocol):
    """Prints the text of a reply, which contains no control characters."""

    def begin(self, kind: type[Text | Reasoning]) -> None:
        """Start text of one kind."""

    def text(self, text: str) -> None:
        """Take the next chunk of it."""

    def end(self, thought_s: float) -> None:
        """End the text; ``thought_s`` is how long it took."""

    def aside(self, line: str) -> None:
        """Take a line that is not part of the answer, outside of any text."""

    def flush(self, waiting: str = "", *, last: bool = False) -> None:
        """Show everything so far.

        Args:
            waiting: The line to show while nothing else was received.
            last: Whether this is the end of the reply.
        """


class TerminalView:
    """Prints the events of one reply.

    A terminal shows the rendered answer below the reasoning in a dim colour. A pipe or
    a file gets only the Markdown of the answer, unchanged. With ``TERM=dumb``, a
    terminal shows plain text; with ``NO_COLOR`` (https://no-color.org), no colours.

    Args:
        live: Whether to print while the answer is being received, and to show time and
            cost.
        model: The model that the user asked.
        effort: The reasoning effort that was asked for.
        clock: A monotonic clock, in seconds.
        stream: Where to print; standard output by default.
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
        self._live = live
        self._fold = AnswerFold(model=model, effort=effort, clock=clock)
        stream = sys.stdout if stream is None else stream
        self._terminal = stream.isatty()
        self._printer = _printer(stream, clock)
        self._filter = PlainStream()
        self._json: JsonStream | None = None
        """Where JSON is pretty-printed: in the answer, in a terminal."""
        self._kinds: dict[int, type[Part]] = {}
        self._received: dict[int, int] = {}
        """How many characters of a part were received in its deltas."""
        self._shown: type[Text | Reasoning] | None = None
        """The kind of text that is printed now."""
        self._shown_since_s = self._shown_until_s = 0.0
        self._began = False
        self._calls: dict[str, str] = {}
        """The calls that are running, as text, by their ids."""

    def __enter__(self) -> Self:
        return self

    def show(self, event: StreamEvent) -> None:
        """Take the next event and print its content."""
        # After an interrupt in between, the state of the screen would be unknown.
        with interrupts_held():
            self._began = True
            self._fold.feed(event)
            self._take(event)
            self._flush()

    def tick(self) -> None:
        """Print what is due; called now and then while no event arrives."""
        with interrupts_held():
            self._flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A second interrupt must not leave an incomplete answer on the screen.
        with interrupts_ignored():
            self._switch_to(None)
            answer = self._fold.answer(error)
            # IPython prints the error that stopped the answer below it.
            if answer.status == "complete":
                for note in answer.notes:
                    self._aside(note)
            if self._live and answer.status != "running" and answer.parts:
                self._aside(answer.footer)
            self._printer.flush(last=True)

    def _take(self, event: StreamEvent) -> None:
        match event:
            case PartStart():
                self._kinds[event.index] = type(event.part)
                self._received[event.index] = 0
                self._complete(event.index, event.part)
            case PartDelta():
                self._received[event.index] += len(event.text)
                self._text(self._kinds[event.index], event.text)
            case PartEnd():
                self._complete(event.index, event.part)
                self._ended(event.part)
            case ToolStart() if self._terminal:
                self._calls[event.call.id] = format_call(event.call)
                self._aside(f"Running {format_call(event.call)} ...")
            case ToolEnd() if self._terminal:
                self._returned(event)
            case Retry() | Notice() if self._terminal:
                self._aside(self._fold.line)
            case ConfirmTool() if self._terminal:
                # The prompt is printed below everything else and stays there.
                self._switch_to(None)
                self._printer.flush(last=True)
            case _:
                pass

    def _complete(self, index: int, part: Part) -> None:
        """Print the text of a part that its deltas did not contain."""
        if isinstance(part, Text | Reasoning):
            rest = part.text[self._received[index] :]
            self._received[index] += len(rest)
            self._text(type(part), rest)

    def _ended(self, part: Part) -> None:
        """Print a description of a part that is not text."""
        if isinstance(part, Media):
            self._aside(describe(part))

    def _returned(self, end: ToolEnd) -> None:
        """Print the result of a call in one line."""
        result = end.result
        called = self._calls.pop(result.call_id, result.name)
        time = format_time(end.time_s) if self._live else ""
        self._aside(" · ".join(filter(None, (called, time, summarize_result(result)))))

    def _text(self, kind: type[Part], text: str) -> None:
        # A pipe or a file gets nothing but the answer.
        if text and (kind is Text or (kind is Reasoning and self._terminal)):
            self._switch_to(kind)
            if self._json is not None:
                text = self._json.feed(text)
            self._printer.text(self._filter.feed(text))
            self._shown_until_s = self._fold.elapsed_s

    def _switch_to(self, kind: type[Text | Reasoning] | None) -> None:
        """End the current text if another kind follows."""
        if kind is self._shown:
            return
        if self._shown is not None:
            if self._json is not None:
                self._printer.text(self._filter.feed(self._json.close()))
            self._printer.text(self._filter.close())
            self._printer.end(self._shown_until_s - self._shown_since_s)
        self._shown = kind
        self._json = JsonStream() if kind is Text and self._terminal else None
        if kind is not None:
            self._printer.begin(kind)
            self._shown_since_s = self._fold.elapsed_s

    def _aside(self, text: str) -> None:
        """Print a line that is not part of the answer."""
        self._switch_to(None)
        self._printer.aside(plain(text))

    def _flush(self) -> None:
        if self._live:
            self._printer.flush("" if self._began else waiting(self._fold.answer()))


def _printer(stream: TextIO, clock: Callable[[], float]) -> Printer:
    """Return the best printer that a stream supports."""
    if not stream.isatty() or os.environ.get("TERM", "").lower() in _WITHOUT_ESCAPES:
        return PlainPrinter(stream)
    # Imported when used: rich takes 60 ms, and a pipe does not need it.
    from stepmagic.display.terminal.live import LivePrinter  # noqa: PLC0415

    return LivePrinter(stream, colour=not os.environ.get("NO_COLOR"), clock=clock)
