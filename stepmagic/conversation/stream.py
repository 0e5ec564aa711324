"""A turn under way, as its reader sees it.

The events are made on the background loop and read here, in the reader's own thread:
a slow reader never holds the socket back, and what it does cannot harm the turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from stepmagic.errors import Interrupted, StepError
from stepmagic.transcript import ToolCall, Turn
from stepmagic.transcript.events import ConfirmTool, Finish, Notice, StreamEvent
from stepmagic.transcript.usage import format_count

Result = TypeVar("Result")

_CLOSE_S = 0.5
"""How long an interrupt waits for the connection to close, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads the events of a turn, and what may be asked of them."""

    confirms: bool = False
    """Whether they answer each ``ConfirmTool``."""
    home: asyncio.AbstractEventLoop | None = None
    """The loop that reads, where one does: async functions run in it."""


NOBODY = Reader()
"""A reader who is asked nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand(Generic[Result]):
    """Work that the reader's own thread does between two events."""

    work: Callable[[], Result]
    context: contextvars.Context
    done: Future[Result] = field(default_factory=Future)

    def run(self) -> None:
        """Do it; it raises nothing but what stops the reader too."""
        if self.done.set_running_or_notify_cancel():
            self.done.set_result(self.context.run(self.work))


class Sending:
    """A turn under way: iterate over its events; leaving the block stops it.

    The last event is a ``Finish`` that does not go on. A ``KeyboardInterrupt`` in the
    block closes the connection, keeps what came and goes on as ``Interrupted``.
    """

    def __init__(
        self,
        find_turn: Callable[[str], Turn],
        reader: Reader = NOBODY,
        bell: queue.SimpleQueue[Sending] | None = None,
    ) -> None:
        """Prepare to receive events.

        Args:
            find_turn: Returns the turn of an id.
            reader: Who reads them.
            bell: Gets this sending whenever it has an event, for one who reads several.
        """
        self.reader = reader
        self._find_turn = find_turn
        self._bell = bell
        self._asked: dict[str, Future[bool]] = {}
        self._events: queue.SimpleQueue[StreamEvent | BaseException | _Errand[Any]] = (
            queue.SimpleQueue()
        )
        self._over = threading.Event()
        self._arrived = asyncio.Event()
        """Wakes the loop that reads, where one does."""
        self._ended = False
        self._cancelled = False
        self._task: Future[None] | None = None
        self._finish: Finish | None = None
        self.turn_id: str | None = None
        """Set when the turn is in the tree."""

    @property
    def turn(self) -> Turn | None:
        """The turn as it stands in the tree; None before it is there."""
        if self.turn_id is None:
            return None
        return self._find_turn(self.turn_id)

    def result(self) -> Turn:
        """Return the closed turn, once every event was read.

        Raises:
            StepError: It ended in an error.
        """
        if self._finish is not None and self._finish.error is not None:
            raise self._finish.error
        if self.turn is None or self._finish is None:
            message = "the turn is not finished; read its events first"
            raise StepError(message)
        return self.turn

    def __iter__(self) -> Iterator[StreamEvent]:
        return self

    def __next__(self) -> StreamEvent:
        if self._ended:
            raise StopIteration
        return self.take()

    def beats(self, every_s: float) -> Iterator[StreamEvent | None]:
        """Yield the events, and None whenever none came for ``every_s``."""
        while not self._ended:
            try:
                yield self.take(every_s)
            except queue.Empty:
                yield None

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        async for event in self.abeats(None):
            if event is not None:
                yield event

    async def abeats(self, every_s: float | None) -> AsyncIterator[StreamEvent | None]:
        """Yield the events in ``reader.home``, and None whenever none came in time."""
        while not self._ended:
            try:
                yield self.take(0)
            except queue.Empty:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(every_s):
                        await self._arrived.wait()
                if not self._arrived.is_set():
                    yield None
                self._arrived.clear()

    def rest(self) -> Iterator[StreamEvent]:
        """Yield the events that came but were not read, once the turn is stopped."""
        with contextlib.suppress(queue.Empty):
            while True:
                event = self._events.get_nowait()
                if not isinstance(event, BaseException | _Errand):
                    yield event

    @property
    def is_over(self) -> bool:
        """Whether its last event was read."""
        return self._ended

    def take(self, timeout_s: float | None = None) -> StreamEvent:
        """Return the next event; waits for it.

        Raises:
            queue.Empty: None came for ``timeout_s``.
        """
        while (event := self.take_one(timeout_s)) is None:
            pass
        return event

    def take_one(self, timeout_s: float | None = None) -> StreamEvent | None:
        """Return the next event, or None for work that was done in its place.

        Raises:
            queue.Empty: Nothing came for ``timeout_s``.
        """
        event = self._events.get(timeout=timeout_s)
        if isinstance(event, _Errand):
            event.run()
            return None
        if isinstance(event, BaseException):
            self._ended = True
            raise event
        if isinstance(event, Finish) and not event.goes_on:
            self._ended = True
            self._finish = event
        return event

    def cancel(self, wait_s: float = _CLOSE_S) -> None:
        """Stop the turn; returns when its connection is closed, or after ``wait_s``."""
        self._cancelled = True
        if self._task is not None and not self._over.is_set():
            self._task.cancel()
            self._over.wait(wait_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._ended:
            self.cancel()
        if isinstance(error, KeyboardInterrupt) and not isinstance(error, Interrupted):
            raise Interrupted(self._said()) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._ended:
            self.cancel(0)
            await asyncio.to_thread(self._over.wait, _CLOSE_S)

    def _said(self) -> str:
        turn = self.turn
        words = len(turn.text.split()) if turn else 0
        if words:
            kept = format_count(words, "word")
            return f"stopped after {kept}, which are kept. `%step continue` goes on."
        if turn is None or turn.is_empty:
            return "stopped before any text came. The conversation is as it was."
        return "stopped before any text came. `%step continue` asks for the answer."

    def run(self, task: Future[None]) -> None:
        """Take the task that produces the events."""
        self._task = task

    def put(self, event: StreamEvent | BaseException) -> None:
        """Hand an event to the reader; called on the background loop."""
        self._hand_over(event)

    def _hand_over(self, what: StreamEvent | BaseException | _Errand[Any]) -> None:
        self._events.put(what)
        if self._bell is not None:
            self._bell.put(self)
        if self.reader.home is not None:
            with contextlib.suppress(RuntimeError):  # the loop that read is closed
                self.reader.home.call_soon_threadsafe(self._arrived.set)

    def do(self, work: Callable[[], Result]) -> Future[Result]:
        """Let the reader's thread do some work; called on the background loop."""
        errand = _Errand(work=work, context=contextvars.copy_context())
        self._hand_over(errand)
        return errand.done

    def confirm(
        self, call: ToolCall, tell: Callable[[StreamEvent], None]
    ) -> Future[bool]:
        """Ask whether a function may be called; called on the background loop.

        Args:
            call: Which.
            tell: Gets the question, which ``answer`` answers. Where the reader answers
                none, the answer is no.
        """
        answer: Future[bool] = Future()
        if self.reader.confirms:
            self._asked[call.id] = answer
        else:
            answer.set_result(False)
        tell(ConfirmTool(call=call))
        return answer

    def answer(self, call_id: str, *, allowed: bool) -> None:
        """Answer a ``ConfirmTool``; called by the reader, once."""
        waiting = self._asked.pop(call_id, None)
        if waiting is not None and waiting.set_running_or_notify_cancel():
            waiting.set_result(allowed)

    def asks(self, event: StreamEvent) -> tuple[Sending, ToolCall] | None:
        """Return the call that an event asks about, and who takes the answer."""
        return (self, event.call) if isinstance(event, ConfirmTool) else None

    def report(self, text: str) -> None:
        """Show a line of progress; called by work that goes on before the request.

        Raises:
            CancelledError: The turn was stopped, and the work should be too.
        """
        if self._cancelled:
            raise CancelledError
        self.put(Notice(text=text))

    def close(self) -> None:
        """Say that nothing more comes; called on the background loop."""
        self._over.set()


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
