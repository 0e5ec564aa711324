"""Several answers to one question in a terminal or a pipe, one after the other.

They are received at the same time: the events of later answers are queued, with their
time, so that each answer shows how long it took.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TextIO

from stepmagic.display.answer import Side, SideEvent, headings
from stepmagic.display.interrupts import interrupts_held, interrupts_ignored
from stepmagic.display.terminal.plain import put
from stepmagic.display.terminal.view import TerminalView
from stepmagic.markdown import plain
from stepmagic.transcript.events import Finish, Notice, StreamEvent


class _QueuedAnswer:
    """One of the answers: a queue of its events, and the view that prints them."""

    def __init__(
        self, side: Side, *, live: bool, clock: Callable[[], float], stream: TextIO
    ) -> None:
        self._clock = clock
        self._queue: deque[tuple[float, StreamEvent]] = deque()
        self._replayed_at: float | None = None
        self.finish: Finish | None = None
        """Its last event, once that was printed."""
        self.view = TerminalView(
            live=live,
            model=side.model,
            effort=side.effort,
            clock=self._now,
            stream=stream,
        )

    @property
    def has_events(self) -> bool:
        """Whether events are waiting to be printed."""
        return bool(self._queue)

    def take(self, event: StreamEvent) -> None:
        """Put an event into the queue."""
        self._queue.append((self._clock(), event))

    def replay(self) -> None:
        """Print the events in the queue."""
        while self._queue:
            self._replayed_at, event = self._queue.popleft()
            self.view.show(event)
            if isinstance(event, Finish) and not event.continues:
                # Its clock stops here.
                self.finish = event
                return
        self._replayed_at = None

    def _now(self) -> float:
        return self._clock() if self._replayed_at is None else self._replayed_at


class TerminalComparison:
    """Prints the events of several turns.

    Args:
        sides: Which models are asked, and with which effort.
        live: Whether to print while the answers are being received, and to show time
            and cost.
        clock: A monotonic clock, in seconds.
        stream: Where to print; standard output by default.
    """

    def __init__(
        self,
        sides: Sequence[Side],
        *,
        live: bool,
        clock: Callable[[], float] = time.monotonic,
        stream: TextIO | None = None,
    ) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._headings = headings(sides)
        self._answers = [
            _QueuedAnswer(side, live=live, clock=clock, stream=self._stream)
            for side in sides
        ]
        self._place = 0
        """The index of the answer that is printed now."""
        self._has_heading = False
        self._below: list[str] = []

    def __enter__(self) -> Self:
        return self

    def show(self, event: SideEvent) -> None:
        """Take the next event of any answer; print it if that answer is printed now."""
        number, received = event
        if isinstance(received, Notice) and received.stays:
            self.conclude(received.text)
            return
        self._answers[number].take(received)
        if number == self._place:
            self._print()

    def tick(self) -> None:
        """Print what is due; called now and then while no event arrives."""
        if self._place < len(self._answers):
            self._head()
            self._answers[self._place].view.tick()

    def conclude(self, line: str) -> None:
        """Print a line below all answers; the same line only once."""
        if line and line not in self._below:
            self._below.append(line)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A second interrupt must not leave an incomplete answer on the screen.
        with interrupts_ignored():
            self._print()
            while self._place < len(self._answers):
                answer = self._answers[self._place]
                if self._has_heading or answer.has_events:
                    self._head()
                    answer.replay()
                    answer.view.__exit__(kind, error, traceback)
                self._next()
            # A pipe or a file gets nothing but the answers.
            if self._stream.isatty():
                for line in self._below:
                    put(self._stream, f"\n{plain(line)}\n")

    def _print(self) -> None:
        """Print the queued events of the current answer, and then of the next ones."""
        while self._place < len(self._answers):
            answer = self._answers[self._place]
            if not answer.has_events:
                return
            self._head()
            answer.replay()
            if answer.finish is None:
                return
            with interrupts_held():
                answer.view.__exit__(None, None, None)
                if answer.finish.error is not None:
                    put(self._stream, f"{plain(str(answer.finish.error))}\n")
                self._next()

    def _head(self) -> None:
        """Print the heading, once."""
        if not self._has_heading:
            self._has_heading = True
            gap = "\n" if self._place else ""
            put(self._stream, f"{gap}--- {plain(self._headings[self._place])} ---\n")

    def _next(self) -> None:
        self._place += 1
        self._has_heading = False
