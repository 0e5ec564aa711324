"""Answers that are played, and answers that are recorded while they come.

Both are a ``Source`` like any exchange. Only an answer that came to its end is
recorded: after an error or a stop, the question is asked anew the next time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from stepmagic.cassette.file import Recording
from stepmagic.errors import StepError
from stepmagic.events import Finish, Notice, Source, StreamEvent, UsageReport
from stepmagic.transport import Call, Exchange, Limits

if TYPE_CHECKING:
    from stepmagic.wire.decoder import Decoder

Keep = Callable[[], None]
"""Writes the answer that has come; a ``StepError`` says why it could not."""


class Played:
    """An answer that was recorded, without any network; it costs nothing now."""

    def __init__(
        self,
        recording: Recording,
        make_decoder: Callable[[], Decoder],
        *,
        at_once: bool,
    ) -> None:
        """Prepare to play.

        Args:
            recording: The answer.
            make_decoder: Makes the decoder of its protocol.
            at_once: Leaves the pauses out.
        """
        from stepmagic.cassette.tapes import Player  # noqa: PLC0415 - loads httpx

        player = Player(recording=recording, at_once=at_once)
        call = Call(url="", limits=Limits(retries=0))
        self._exchange = Exchange(call, make_decoder, opening=player.opened)

    async def ready(self) -> None:
        """Do nothing: the answer is at hand."""

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield the events; what the server once charged stays in the metadata."""
        async with contextlib.aclosing(self._exchange.events()) as events:
            async for event in events:
                if isinstance(event, UsageReport):
                    yield UsageReport(usage=replace(event.usage, cost_usd=0.0))
                else:
                    yield event

    def cut(self) -> list[StreamEvent]:
        """See ``Source``."""
        return self._exchange.cut()

    def so_far(self) -> list[StreamEvent]:
        """See ``Source``."""
        return self._exchange.so_far()


class Recorded:
    """A server's answer, kept once it is whole; what the disk does costs no answer."""

    def __init__(self, source: Source, keep: Keep) -> None:
        """Pass on what a source says.

        Args:
            source: Where the events come from.
            keep: Called before the ``Finish`` of an answer that is whole.
        """
        self._source = source
        self._keep = keep

    async def ready(self) -> None:
        """See ``Source``."""
        await self._source.ready()

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield the events; the last is a ``Finish``."""
        async with contextlib.aclosing(self._source.events()) as events:
            async for event in events:
                if isinstance(event, Finish) and event.error is None:
                    try:
                        await asyncio.to_thread(self._keep)
                    except StepError as error:
                        text = f"Not recorded: {error}"
                        yield Notice(text=text, stays=True)
                yield event

    def cut(self) -> list[StreamEvent]:
        """See ``Source``."""
        return self._source.cut()

    def so_far(self) -> list[StreamEvent]:
        """See ``Source``."""
        return self._source.so_far()
