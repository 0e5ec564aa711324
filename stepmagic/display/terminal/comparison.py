"""Answers side by side in a terminal or a pipe: one after another.

They come together all the same: what comes of a later one waits here, with the moment
at which it came, so that each says how long it took itself.
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


class _Waiting:
    """One of the answers: what came of it, and the view that prints it in its turn."""

    def __init__(
        self, side: Side, *, live: bool, clock: Callable[[], float], stream: TextIO
    ) -> None:
        self._clock = clock
        self._came: deque[tuple[float, StreamEvent]] = deque()
        self._replayed_at: float | None = None
        self.finish: Finish | None = None
        """Its last event, once it was printed."""
        self.view = TerminalView(
            live=live,
            model=side.model,
            effort=side.effort,
            clock=self._now,
            stream=stream,
        )

    @property
    def has_events(self) -> bool:
        """Whether something waits to be printed."""
        return bool(self._came)

    def take(self, event: StreamEvent) -> None:
        """Keep an event for its turn."""
        self._came.append((self._clock(), event))

    def replay(self) -> None:
        """Print what has come."""
        while self._came:
            self._replayed_at, event = self._came.popleft()
            self.view.show(event)
            if isinstance(event, Finish) and not event.goes_on:
                # Its clock stands still from here on.
                self.finish = event
                return
        self._replayed_at = None

    def _now(self) -> float:
        return self._clock() if self._replayed_at is None else self._replayed_at


class TerminalComparison:
    """Prints the events of turns that were asked side by side."""

    def __init__(
        self,
        sides: Sequence[Side],
        *,
        live: bool,
        clock: Callable[[], float] = time.monotonic,
        stream: TextIO | None = None,
    ) -> None:
        """Prepare to print.

        Args:
            sides: Who is asked.
            live: Whether to print before the end, and to say time and cost.
            clock: Seconds that only grow.
            stream: Where to print; standard output by default.
        """
        self._stream = sys.stdout if stream is None else stream
        self._heads = headings(sides)
        self._sides = [
            _Waiting(side, live=live, clock=clock, stream=self._stream)
            for side in sides
        ]
        self._place = 0
        """Which is printed now."""
        self._is_headed = False
        self._below: list[str] = []

    def __enter__(self) -> Self:
        return self

    def show(self, event: SideEvent) -> None:
        """Take the next event of any of them; print it if it is its turn."""
        number, came = event
        if isinstance(came, Notice) and came.stays:
            self.conclude(came.text)
            return
        self._sides[number].take(came)
        if number == self._place:
            self._print()

    def tick(self) -> None:
        """Print what is due; called now and then while nothing comes."""
        if self._place < len(self._sides):
            self._head()
            self._sides[self._place].view.tick()

    def conclude(self, line: str) -> None:
        """Print a line below all of them, once."""
        if line and line not in self._below:
            self._below.append(line)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A second interrupt must not leave half an answer on the screen.
        with interrupts_ignored():
            self._print()
            while self._place < len(self._sides):
                side = self._sides[self._place]
                if self._is_headed or side.has_events:
                    self._head()
                    side.replay()
                    side.view.__exit__(kind, error, traceback)
                self._next()
            # A pipe or a file wants the answers alone.
            if self._stream.isatty():
                for line in self._below:
                    put(self._stream, f"\n{plain(line)}\n")

    def _print(self) -> None:
        """Print what has come of the answer that it is the turn of, and of the next."""
        while self._place < len(self._sides):
            side = self._sides[self._place]
            if not side.has_events:
                return
            self._head()
            side.replay()
            if side.finish is None:
                return
            with interrupts_held():
                side.view.__exit__(None, None, None)
                if side.finish.error is not None:
                    put(self._stream, f"{plain(str(side.finish.error))}\n")
                self._next()

    def _head(self) -> None:
        """Print the heading, once."""
        if not self._is_headed:
            self._is_headed = True
            gap = "\n" if self._place else ""
            put(self._stream, f"{gap}--- {plain(self._heads[self._place])} ---\n")

    def _next(self) -> None:
        self._place += 1
        self._is_headed = False
