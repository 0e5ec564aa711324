"""The reader's end of a turn: its events in a queue, and what stops it.

The events are made on the background loop and read here, in the reader's own thread: a
slow reader never blocks the connection, and an error of the reader cannot damage the
turn. ``TurnStream`` is one turn, ``TurnStreams`` several that were asked at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypeVar

from stepmagic.errors import Interrupted, StepError
from stepmagic.server.http import start
from stepmagic.transcript import ToolCall, Turn, TurnTree
from stepmagic.transcript.events import ConfirmTool, Finish, Notice, StreamEvent
from stepmagic.transcript.usage import format_count

Result = TypeVar("Result")
Read = TypeVar("Read")

Subscriber: TypeAlias = Callable[[str, StreamEvent], None]
"""Called on the background loop with a turn's id and its next event."""

_CLOSE_S = 0.5
"""How long an interrupt waits for the connection to close, in seconds."""

_LONGEST_WAIT_S = 0.25
"""No wait for an event is longer. CPython runs signal handlers between bytecodes: an
interrupt that arrives just before the reader blocks is raised only once it wakes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads the events of a turn, and what may be asked of them."""

    confirms: bool = False
    """Whether they answer each ``ConfirmTool``."""
    loop: asyncio.AbstractEventLoop | None = None
    """The event loop that reads, if one does: async functions run in it."""


UNATTENDED = Reader()
"""A reader who answers no questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job(Generic[Result]):
    """Work that the reader's own thread does between two events."""

    work: Callable[[], Result]
    context: contextvars.Context
    done: Future[Result] = field(default_factory=Future)

    def run(self) -> None:
        """Do it; it raises only what stops the reader too."""
        if self.done.set_running_or_notify_cancel():
            self.done.set_result(self.context.run(self.work))


_Item: TypeAlias = "StreamEvent | BaseException | _Job[Any]"
_Queue: TypeAlias = "queue.SimpleQueue[tuple[TurnStream, _Item]]"


class EventStream(ABC, Generic[Read]):
    """One queue of events, read in a ``with`` block that stops what is under way.

    A ``KeyboardInterrupt`` in the block closes the connections, keeps what was received
    and is raised as ``Interrupted``.
    """

    def __init__(self, events: _Queue | None = None) -> None:
        self._events: _Queue = queue.SimpleQueue() if events is None else events

    @property
    @abstractmethod
    def streams(self) -> Sequence[TurnStream]:
        """The streams of the single turns, in the order in which they were asked."""

    @abstractmethod
    def confirmation(self, event: Read) -> tuple[TurnStream, ToolCall] | None:
        """Return the call that an event asks about, and the stream to answer."""

    @abstractmethod
    def _read(self, stream: TurnStream, event: StreamEvent) -> Read:
        """Return an event as this reader gets it."""

    @property
    def is_over(self) -> bool:
        """Whether the last event was read."""
        return all(stream.has_ended for stream in self.streams)

    def __repr__(self) -> str:
        turns = [stream.turn for stream in self.streams]
        states = [turn.status if turn else "not begun" for turn in turns]
        return f"<{type(self).__name__}: {', '.join(states)}>"

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run on the background loop what produces the events; errors reach the reader.

        The turns of one question are one task: whichever is cancelled, all end.
        """
        task = start(self._produce(work))
        for stream in self.streams:
            stream.task = task

    async def _produce(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StepError as error:
            self.put(Finish(reason="error", error=error))
        except asyncio.CancelledError:
            self.put(CancelledError())
            raise
        except Exception as error:  # noqa: BLE001 - our own faults reach the reader too
            self.put(error)
        finally:
            for stream in self.streams:
                stream.close()

    def put(self, event: StreamEvent | BaseException) -> None:
        """Pass an event to the reader; called on the background loop."""
        for stream in self.streams:
            stream.put(event)

    def beats(self, every_s: float) -> Iterator[Read | None]:
        """Yield the events, and None whenever none has arrived for ``every_s``."""
        while not self.is_over:
            try:
                yield self.take(every_s)
            except queue.Empty:
                yield None

    def take(self, timeout_s: float | None = None) -> Read:
        """Return the next event; waits for it, and does jobs meanwhile.

        Raises:
            queue.Empty: None arrived for ``timeout_s``.
        """
        while True:
            try:
                stream, item = self._events.get(
                    timeout=_LONGEST_WAIT_S if timeout_s is None else timeout_s
                )
            except queue.Empty:
                if timeout_s is None:
                    continue
                raise
            if not stream.has_ended and (event := stream.receive(item)) is not None:
                return self._read(stream, event)

    def rest(self) -> Iterator[Read]:
        """Yield the events that were not read before the turn was stopped."""
        with contextlib.suppress(queue.Empty):
            while True:
                stream, item = self._events.get_nowait()
                if not isinstance(item, BaseException | _Job):
                    yield self._read(stream, item)

    def cancel(self, wait_s: float = _CLOSE_S) -> None:
        """Stop the turns; returns when the connections are closed, or after a while."""
        for stream in self.streams:
            stream.stop()
        self.streams[0].wait_until_closed(wait_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.is_over:
            self.cancel()
        if isinstance(error, KeyboardInterrupt) and not isinstance(error, Interrupted):
            raise Interrupted(self._interruption()) from None

    def _interruption(self) -> str:
        """Return what an interrupt has left, and what to do next."""
        turns = [stream.turn for stream in self.streams if stream.turn is not None]
        count = sum(len(turn.text.split()) for turn in turns)
        words = format_count(count, "word")
        if len(self.streams) > 1:
            if not count:
                return "stopped before any text arrived."
            answers = format_count(len(turns), "answer")
            return f"stopped after {words} in {answers}. They are kept."
        if count:
            kept = "They are kept; `%step continue` continues the answer."
            return f"stopped after {words}. {kept}"
        if all(turn.is_empty for turn in turns):
            return "stopped before any text arrived. The conversation is as it was."
        return "stopped before any text arrived. `%step continue` asks for the answer."


class TurnStream(EventStream[StreamEvent]):
    """A turn under way: iterate over its events; leaving the block stops it.

    The last event is the ``Finish`` whose ``continues`` is false. A
    ``KeyboardInterrupt`` in the block closes the connection, keeps what was received
    and is raised as ``Interrupted``.

    Args:
        tree: Where the turn is once it has begun.
        reader: Who reads the events.
        subscribers: Get each event of the turn as well.
        events: The queue, where several turns share one.
    """

    def __init__(
        self,
        tree: TurnTree,
        *,
        reader: Reader = UNATTENDED,
        subscribers: Sequence[Subscriber] = (),
        events: _Queue | None = None,
    ) -> None:
        super().__init__(events)
        self.reader = reader
        self.turn_id: str | None = None
        """Set when the turn is in the tree."""
        self.task: Future[None] | None = None
        """What produces the events."""
        self.has_ended = False
        """Whether its last event was read."""
        self._tree = tree
        self._subscribers = subscribers
        self._confirmations: dict[str, Future[bool]] = {}
        self._closed = threading.Event()
        self._arrived = asyncio.Event()
        """Wakes the event loop that reads, if one does."""
        self._is_cancelled = False
        self._finish: Finish | None = None

    @property
    def streams(self) -> Sequence[TurnStream]:
        """This one."""
        return (self,)

    @property
    def turn(self) -> Turn | None:
        """The turn as it is in the tree now; None before it has begun."""
        return None if self.turn_id is None else self._tree.turns[self.turn_id]

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
        if self.has_ended:
            raise StopIteration
        return self.take()

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        async for event in self.abeats(None):
            if event is not None:
                yield event

    async def abeats(self, every_s: float | None) -> AsyncIterator[StreamEvent | None]:
        """Yield the events in ``reader.loop``, and None where none arrives in time."""
        while not self.has_ended:
            try:
                yield self.take(0)
            except queue.Empty:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(every_s):
                        await self._arrived.wait()
                if not self._arrived.is_set():
                    yield None
                self._arrived.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.has_ended:
            self.stop()
            await asyncio.to_thread(self.wait_until_closed, _CLOSE_S)

    def receive(self, item: _Item) -> StreamEvent | None:
        """Return the event that was taken from the queue; None for a job, done now."""
        if isinstance(item, _Job):
            item.run()
            return None
        if isinstance(item, BaseException):
            self.has_ended = True
            raise item
        if isinstance(item, Finish) and not item.continues:
            self.has_ended = True
            self._finish = item
        return item

    def _read(self, _: TurnStream, event: StreamEvent) -> StreamEvent:
        return event

    def confirmation(self, event: StreamEvent) -> tuple[TurnStream, ToolCall] | None:
        """Return the call that an event asks about, and the stream to answer."""
        return (self, event.call) if isinstance(event, ConfirmTool) else None

    def answer(self, call_id: str, *, allowed: bool) -> None:
        """Answer a ``ConfirmTool``; called by the reader, once."""
        waiting = self._confirmations.pop(call_id, None)
        if waiting is not None and waiting.set_running_or_notify_cancel():
            waiting.set_result(allowed)

    def stop(self) -> None:
        """Cancel what produces the events; returns at once."""
        self._is_cancelled = True
        if self.task is not None and not self._closed.is_set():
            self.task.cancel()

    def wait_until_closed(self, timeout_s: float) -> None:
        """Wait until the turn is closed, if it has begun."""
        if self.task is not None:
            self._closed.wait(timeout_s)

    # What follows is called on the background loop.

    def put(self, event: StreamEvent | BaseException) -> None:
        """Pass an event to the reader only."""
        self._enqueue(event)

    def publish(self, event: StreamEvent) -> None:
        """Pass an event of the turn to its reader and to the subscribers."""
        self._enqueue(event)
        self.notify(event)

    def notify(self, event: StreamEvent) -> None:
        """Pass an event of the turn to the subscribers only."""
        if self.turn_id is not None:
            for subscriber in tuple(self._subscribers):
                subscriber(self.turn_id, event)

    def _enqueue(self, item: _Item) -> None:
        self._events.put((self, item))
        if self.reader.loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop that read is closed
                self.reader.loop.call_soon_threadsafe(self._arrived.set)

    def run_in_reader(self, work: Callable[[], Result]) -> Future[Result]:
        """Let the reader's thread do some work."""
        job = _Job(work=work, context=contextvars.copy_context())
        self._enqueue(job)
        return job.done

    def confirm(self, call: ToolCall) -> Future[bool]:
        """Ask whether a function may be called; no, where the reader cannot answer."""
        answer: Future[bool] = Future()
        if self.reader.confirms:
            self._confirmations[call.id] = answer
        else:
            answer.set_result(False)
        self.publish(ConfirmTool(call=call))
        return answer

    def report(self, text: str) -> None:
        """Show a line of progress of the work before the request.

        Raises:
            CancelledError: The turn was stopped, and the work should be too.
        """
        if self._is_cancelled:
            raise CancelledError
        self.put(Notice(text=text))

    def close(self) -> None:
        """Note that the task is over."""
        self._closed.set()


class TurnStreams(EventStream[tuple[int, StreamEvent]]):
    """Turns that were asked at once: iterate over the events of all, as they arrive.

    Each event has the number of its turn, from 0. Leaving the block stops all of them.

    Args:
        tree: Where the turns are once they have begun.
        reader: Who reads the events.
        subscribers: Get each event as well.
        count: How many turns there are.
    """

    def __init__(
        self,
        tree: TurnTree,
        *,
        reader: Reader = UNATTENDED,
        subscribers: Sequence[Subscriber] = (),
        count: int,
    ) -> None:
        super().__init__()
        self._streams = [
            TurnStream(
                tree, reader=reader, subscribers=subscribers, events=self._events
            )
            for _ in range(count)
        ]

    @property
    def streams(self) -> Sequence[TurnStream]:
        """One for each turn, in the order in which they were asked."""
        return self._streams

    @property
    def turns(self) -> list[Turn]:
        """The turns as they are in the tree now; empty before they have begun."""
        return [stream.turn for stream in self.streams if stream.turn is not None]

    def result(self) -> list[Turn]:
        """Return the closed turns, once every event was read; some may have failed.

        Raises:
            StepError: All of them did; the error is the first one's.
        """
        errors: list[StepError] = []
        for stream in self.streams:
            try:
                stream.result()
            except StepError as error:
                errors.append(error)
        if len(errors) == len(self.streams):
            raise errors[0]
        return self.turns

    def _read(self, stream: TurnStream, event: StreamEvent) -> tuple[int, StreamEvent]:
        return self._streams.index(stream), event

    def confirmation(
        self, event: tuple[int, StreamEvent]
    ) -> tuple[TurnStream, ToolCall] | None:
        """Return the call that an event asks about, and the stream to answer."""
        number, each = event
        return self.streams[number].confirmation(each)
