"""Several turns under way at once, side by side, as one reader sees them."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from stepmagic.errors import Interrupted, StepError
from stepmagic.events import StreamEvent
from stepmagic.sending import Reader, Sending
from stepmagic.transcript import ToolCall, Turn
from stepmagic.usage import format_count


class Together:
    """Turns that were sent as one: iterate over the events of all, as they come.

    Leaving the block stops them all. A ``KeyboardInterrupt`` in it closes the
    connections, keeps what came and goes on as ``Interrupted``.
    """

    def __init__(
        self, find_turn: Callable[[str], Turn], reader: Reader, count: int
    ) -> None:
        """Prepare to receive the events of some turns."""
        self._bell: queue.SimpleQueue[Sending] = queue.SimpleQueue()
        self.sendings = [Sending(find_turn, reader, self._bell) for _ in range(count)]
        """One a turn, in the order in which they were asked."""

    @property
    def turns(self) -> list[Turn]:
        """The turns as they stand in the tree; empty before they are there."""
        return [sending.turn for sending in self.sendings if sending.turn is not None]

    def result(self) -> list[Turn]:
        """Return the closed turns, once every event was read; some may have failed.

        Raises:
            StepError: All of them did; the error is the first one's.
        """
        faults: list[StepError] = []
        for sending in self.sendings:
            try:
                sending.result()
            except StepError as error:
                faults.append(error)
        if len(faults) == len(self.sendings):
            raise faults[0]
        return self.turns

    def beats(self, every_s: float) -> Iterator[tuple[int, StreamEvent] | None]:
        """Yield events with their turns' numbers from 0; None where none comes."""
        while not self._is_over:
            try:
                sending = self._bell.get(timeout=every_s)
            except queue.Empty:
                yield None
                continue
            if not sending.is_over:
                event = sending.take_one()
                number = self.sendings.index(sending)
                yield None if event is None else (number, event)

    def rest(self) -> Iterator[tuple[int, StreamEvent]]:
        """Yield the events that came but were not read, once the turns are stopped."""
        for number, sending in enumerate(self.sendings):
            for event in sending.rest():
                yield number, event

    def asks(self, event: tuple[int, StreamEvent]) -> tuple[Sending, ToolCall] | None:
        """Return the call that an event asks about, and who takes the answer."""
        number, came = event
        return self.sendings[number].asks(came)

    def cancel(self) -> None:
        """Stop the turns; returns when their connections are closed, or soon after."""
        # They are one task: whichever is told, all end.
        self.sendings[0].cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._is_over:
            self.cancel()
        if isinstance(error, KeyboardInterrupt) and not isinstance(error, Interrupted):
            raise Interrupted(self._said()) from None

    @property
    def _is_over(self) -> bool:
        return all(sending.is_over for sending in self.sendings)

    def _said(self) -> str:
        words = sum(len(turn.text.split()) for turn in self.turns)
        if not words:
            return "stopped before any text came."
        answers = format_count(len(self.turns), "answer")
        return f"stopped after {words} words in {answers}. They are kept."
