"""A turn while it runs: its request, what comes of it, and its end.

Runs on the background loop. Whatever stops it, the turn is closed as complete,
interrupted or error, and handed on whole. Knows no tree and no reader: ``Listen`` gets
each event but the last, ``Keep`` the turn whenever it has grown, and in the end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

from stepmagic.answering import closed, priced, so_far
from stepmagic.events import Assembly, Finish, Source, StreamEvent
from stepmagic.journal import EVERY_S
from stepmagic.options import Options
from stepmagic.transcript import Turn

Listen: TypeAlias = Callable[[StreamEvent], None]
Keep: TypeAlias = Callable[[Turn], None]


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
    ) -> None:
        """Prepare to run.

        Args:
            turn: As it begins, with an empty reply.
            exchange: The request; nothing is sent yet.
            options: What it is asked with.
            listen: Called with each event but the ``Finish``.
            keep: Called with the turn as it stands, now and then while it comes.
            whole: Returns the turn to hand on, where what runs is the rest of it.
        """
        self.turn = turn
        """As it began; closed once ``run`` is over."""
        self.finish = Finish(reason="other", native_reason="interrupted")
        """How it ended, once it has; what goes wrong on the way is in there."""
        self._exchange = exchange
        self._options = options
        self._listen = listen
        self._keep = keep
        self._whole = whole
        self._assembly = Assembly()

    async def run(self) -> None:
        """Ask, and take what comes; whatever happens, ``turn`` is closed then."""
        try:
            async with self._noting():
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
