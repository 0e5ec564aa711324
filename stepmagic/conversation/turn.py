"""A turn while it runs: its requests, what comes of them, and its end.

Runs on the background loop. An answer that calls functions is followed by a request
with their results, until one calls none. Whatever stops it, the turn is closed as
complete, interrupted or error, and handed on whole. Knows no tree and no reader:
``Listen`` gets each event but the last, ``Keep`` the turn whenever it has grown, and in
the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from stepmagic.errors import StepError
from stepmagic.server.options import Options, following
from stepmagic.storage.journal import EVERY_S
from stepmagic.transcript import (
    Cell,
    Message,
    Origin,
    Status,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
)
from stepmagic.transcript.events import (
    Assembly,
    Finish,
    Notice,
    PartEnd,
    Source,
    StreamEvent,
    UsageReport,
)
from stepmagic.transcript.usage import format_count

if TYPE_CHECKING:
    from stepmagic.conversation.tool_calls import Caller


def begun(
    prompt: Message, options: Options, *, parent: str | None, cell: Cell | None
) -> Turn:
    """Return a turn with an empty reply, as it stands before the first byte."""
    return Turn(
        parent=parent,
        prompt=prompt,
        replies=(_empty(options),),
        effort=options.effort,
        cell=cell,
    )


def side_by_side(turns: Iterable[Turn]) -> list[Turn]:
    """Return turns that are asked together, each knowing that; one alone as it is."""
    first, *others = turns
    if not others:
        return [first]
    return [replace(turn, beside=first.id) for turn in (first, *others)]


def asked_again(turn: Turn, options: Options) -> Turn:
    """Return a turn with one more reply, empty before its first byte."""
    return replace(turn, replies=(*turn.replies, _empty(options)))


def so_far(turn: Turn, assembly: Assembly, ends: Iterable[StreamEvent]) -> Turn:
    """Return a running turn with what came.

    Args:
        turn: As the round began.
        assembly: What came since.
        ends: How the parts that are open would end, were it stopped now.
    """
    parts = dict(enumerate(assembly.parts))
    for event in ends:
        if isinstance(event, PartEnd):
            parts[event.index] = event.part
    reply = replace(turn.replies[-1], parts=tuple(parts.values()))
    return _with_reply(turn, reply, assembly.usage)


def answered(turn: Turn, assembly: Assembly, finish: Finish, options: Options) -> Turn:
    """Return a turn whose last reply is whole, though the turn goes on."""
    reply = _reply(assembly, finish, options, "complete")
    return _with_reply(turn, reply, assembly.usage)


def with_results(turn: Turn, results: Iterable[ToolResult]) -> Turn:
    """Return a turn with what its last answer's functions gave."""
    return replace(
        turn, replies=(*turn.replies, Message(role="tool", parts=tuple(results)))
    )


def closed(turn: Turn, assembly: Assembly, finish: Finish, options: Options) -> Turn:
    """Return a turn with all that came; without a finish of its own it was stopped."""
    status: Status = "error" if finish.error else "complete"
    if assembly.finish is None:
        status = "interrupted"
    reply = _reply(assembly, finish, options, status)
    return replace(
        _with_reply(turn, reply, assembly.usage),
        status=status,
        finish_reason=finish.reason,
        native_reason=finish.native_reason,
        model=finish.model or options.model,
        generation_id=finish.id,
        error=str(finish.error) if finish.error else None,
        ended_at=time.time(),
    )


def _empty(options: Options) -> Message:
    origin = Origin(protocol=options.api, model=options.model)
    return Message(role="assistant", parts=(), origin=origin, status="running")


def _reply(
    assembly: Assembly, finish: Finish, options: Options, status: Status
) -> Message:
    origin = Origin(protocol=options.api, model=options.model, provider=finish.provider)
    return Message(role="assistant", parts=assembly.parts, origin=origin, status=status)


def _with_reply(turn: Turn, reply: Message, usage: Usage | None) -> Turn:
    """Return a turn with its open reply as it is now.

    None is open while functions run: then nothing came either.
    """
    *before, last = turn.replies
    if last.status != "running":
        return turn
    return replace(turn, replies=(*before, reply), usage=_added(turn.usage, usage))


def _added(before: Usage | None, usage: Usage | None) -> Usage | None:
    return before + usage if before and usage else before or usage


def priced(event: StreamEvent, options: Options) -> StreamEvent:
    """Return a usage report with the list price where the server names no cost."""
    if not isinstance(event, UsageReport) or options.entry is None:
        return event
    usage = event.usage
    if usage.cost_usd is not None:
        return event
    cost_usd = options.entry.cost_usd(usage)
    return UsageReport(usage=replace(usage, cost_usd=cost_usd))


Listen: TypeAlias = Callable[[StreamEvent], None]
Keep: TypeAlias = Callable[[Turn], None]
Ask: TypeAlias = Callable[[tuple[Message, ...], Options], Awaitable[Source]]
"""Makes the request that follows some replies of this turn."""

_UNFINISHED = ("length", "content_filter", "error")
"""Reasons of an answer whose calls may not be whole, or not meant."""


class Running:
    """One turn in flight: ``run`` it once."""

    def __init__(
        self,
        turn: Turn,
        exchange: Source,
        options: Options,
        *,
        listen: Listen,
        keep: Keep,
        whole: Callable[[Turn], Turn] = lambda turn: turn,
        ask: Ask,
        caller: Caller | None = None,
    ) -> None:
        """Prepare to run.

        Args:
            turn: As it begins, with an empty reply.
            exchange: The request; nothing is sent yet.
            options: What it is asked with.
            listen: Called with each event but the last ``Finish``.
            keep: Called with the turn as it stands, now and then while it comes.
            whole: Returns the turn to hand on, where what runs is the rest of it.
            ask: Makes the requests after the first.
            caller: Calls the functions that the model asks for, if there are any.
        """
        self.turn = turn
        """As it stood when its last reply began; closed once ``run`` is over."""
        self.finish = Finish(reason="other", native_reason="interrupted")
        """How it ended, once it has; what goes wrong on the way is in there."""
        self._exchange = exchange
        self._options = options
        self._listen = listen
        self._keep = keep
        self._whole = whole
        self._ask = ask
        self._caller = caller
        self._rounds = 0
        self._assembly = Assembly()

    async def run(self) -> None:
        """Ask, and take what comes; whatever happens, ``turn`` is closed then."""
        try:
            async with self._noting():
                await self._take()
                while self._caller and (finish := self._calling()):
                    await self._call(self._caller, finish)
                    if await self._ask_again(finish):
                        await self._take()
        finally:
            self._close()

    async def _take(self) -> None:
        async with contextlib.aclosing(self._exchange.events()) as events:
            async for came in events:
                event = priced(came, self._options)
                self._assembly.feed(event)
                if not isinstance(event, Finish):
                    self._listen(event)

    def _calling(self) -> Finish | None:
        """Return how an answer ended that calls functions; None where it is the last.

        Calls are looked for in the parts: a finish reason may not tell of them.
        """
        finish = self._assembly.finish
        is_last = self._rounds == self._options.tool_rounds
        if finish is None or finish.reason in _UNFINISHED or is_last:
            return None
        return finish if self._calls() else None

    def _calls(self) -> list[ToolCall]:
        return [part for part in self._assembly.parts if isinstance(part, ToolCall)]

    async def _call(self, caller: Caller, finish: Finish) -> None:
        """Call the functions that the answer asks for; the turn has what they gave."""
        self._listen(replace(finish, goes_on=True))
        calls = self._calls()
        self.turn = before = answered(self.turn, self._assembly, finish, self._options)
        self._assembly = Assembly()
        self._rounds += 1

        def take(results: list[ToolResult]) -> None:
            self.turn = with_results(before, results)

        await caller.call_all(calls, take)

    async def _ask_again(self, finish: Finish) -> bool:
        """Make the request with the results; returns whether there is one."""
        is_last = self._rounds == self._options.tool_rounds
        if is_last:
            rounds = format_count(self._rounds, "round")
            text = f"{rounds} of functions, the most there may be: asked to answer now."
            self._listen(Notice(text=f"{text} `%config StepMagic.tool_rounds`."))
        options = following(self._options, finish.provider, is_last=is_last)
        try:
            self._exchange = await self._ask(self.turn.replies, options)
        except StepError as error:
            self._assembly.feed(Finish(reason="error", error=error))
            return False
        self.turn = asked_again(self.turn, self._options)
        return True

    def _close(self) -> None:
        ends = [] if self._assembly.finish else self._exchange.cut()
        for event in ends:
            self._assembly.feed(event)
        self.finish = self._assembly.finish or self.finish
        over = closed(self.turn, self._assembly, self.finish, self._options)
        self.turn = self._whole(over)
        for event in ends:
            self._listen(event)

    @contextlib.asynccontextmanager
    async def _noting(self) -> AsyncIterator[None]:
        """Hand on what came so far, now and then, while it comes."""

        async def note() -> None:
            last = self.turn
            while True:
                await asyncio.sleep(EVERY_S)
                now = so_far(self.turn, self._assembly, self._exchange.so_far())
                if now != last:
                    self._keep(self._whole(now))
                last = now

        noting = asyncio.create_task(note())
        try:
            yield
        finally:
            noting.cancel()
