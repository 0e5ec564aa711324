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
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from stepmagic.answering import (
    answered,
    asked_again,
    closed,
    priced,
    so_far,
    with_results,
)
from stepmagic.errors import StepError
from stepmagic.events import Assembly, Finish, Notice, Source, StreamEvent
from stepmagic.journal import EVERY_S
from stepmagic.options import Options, following
from stepmagic.transcript import Message, ToolCall, ToolResult, Turn
from stepmagic.usage import format_count

if TYPE_CHECKING:
    from stepmagic.calling import Caller

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
