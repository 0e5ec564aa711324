"""An endpoint behind a cassette: recorded answers are replayed, others are asked for.

The server, its key and the embedded engine are looked for only where an answer was not
recorded; so a replay needs none of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from stepmagic.errors import CassetteMiss, KeyMissing, StepError
from stepmagic.keys import Key, find_key
from stepmagic.server.cassette.file import Recording
from stepmagic.server.cassette.mode import Deck
from stepmagic.server.cassette.question import Question, question
from stepmagic.server.http import Call, Exchange, Opening
from stepmagic.server.options import Options
from stepmagic.settings import Limits
from stepmagic.transcript.events import (
    Finish,
    Notice,
    Source,
    SourceWrapper,
    StreamEvent,
    UsageReport,
)
from stepmagic.wire import codec

if TYPE_CHECKING:
    from stepmagic.wire.decoder import Decoder

Record = Callable[[], None]
"""Writes the complete answer; a ``StepError`` says why that failed."""


class ReplayedAnswer(SourceWrapper):
    """A recorded answer, without any network; it costs nothing now.

    Args:
        recording: The answer.
        make_decoder: Makes the decoder of its protocol.
        at_once: Leaves the pauses out.
    """

    def __init__(
        self,
        recording: Recording,
        make_decoder: Callable[[], Decoder],
        *,
        at_once: bool,
    ) -> None:
        from stepmagic.server.cassette.recording import Player  # noqa: PLC0415 - loads httpx

        player = Player(recording=recording, at_once=at_once)
        call = Call(url="", limits=Limits(retries=0))
        super().__init__(Exchange(call, make_decoder, opening=player.opened))

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield the events; what the server once charged stays in the metadata."""
        async with contextlib.aclosing(self._source.events()) as events:
            async for event in events:
                if isinstance(event, UsageReport):
                    yield UsageReport(usage=replace(event.usage, cost_usd=0.0))
                else:
                    yield event


class RecordedAnswer(SourceWrapper):
    """A server's answer, recorded once it is complete; a disk error costs no answer.

    Args:
        source: Where the events come from.
        record: Called before the ``Finish`` of an answer that is complete.
    """

    def __init__(self, source: Source, record: Record) -> None:
        super().__init__(source)
        self._record = record

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield the events; the last is a ``Finish``."""
        async with contextlib.aclosing(self._source.events()) as events:
            async for event in events:
                if isinstance(event, Finish) and event.error is None:
                    try:
                        await asyncio.to_thread(self._record)
                    except StepError as error:
                        text = f"Not recorded: {error}"
                        yield Notice(text=text, stays=True)
                yield event


class Server(Protocol):
    """The server that is asked for what is not on the cassette."""

    @property
    def key(self) -> Key | None:
        """The key that is sent with a request."""

    def adapt(self, options: Options) -> Options:
        """Return the options as this server takes them."""

    def exchange(
        self, asked: Options, body: Mapping[str, Any], *, opening: Opening | None = None
    ) -> Source:
        """Return the exchange of a request."""


class ReplayEndpoint:
    """A cassette in the place of an ``Endpoint``.

    Args:
        deck: The cassette, and whether to record or to replay.
        find: Looks for the server, which may take a while.
    """

    def __init__(self, deck: Deck, find: Callable[[], Server]) -> None:
        self._deck = deck
        self._find = find
        self._user_key = find_key()
        self._server: Server | None = None
        self._own: Mapping[str, Any] = {}
        """Fields that this server wants in every body."""

    @property
    def key(self) -> Key | None:
        """The key that must not be written anywhere, whoever answers."""
        return self._server.key if self._server else self._user_key

    def adapt(self, options: Options) -> Options:
        """Return the options unchanged: recordings are found by them."""
        return options

    def exchange(self, asked: Options, body: Mapping[str, Any]) -> Source:
        """Return the exchange of a request; nothing is looked for yet."""
        return _DeferredAnswer(self, asked, body)

    async def source(self, asked: Options, body: Mapping[str, Any]) -> Source:
        """Return where the answer to a request comes from.

        Raises:
            CassetteMiss: It is not on the cassette, and no server may be asked.
            CassetteError: The cassette cannot be read.
            StepError: It is not on the cassette, and the server cannot be asked.
        """
        deck = self._deck
        what, recording = await asyncio.to_thread(self._look_up, asked, body)
        if recording is not None:
            at_once = deck.is_at_once(is_watched=asked.is_watched)
            return ReplayedAnswer(recording, codec(asked.api).decoder, at_once=at_once)
        server = await self._asked(asked, what)
        from stepmagic.server.cassette.recording import Recorder  # noqa: PLC0415 - loads httpx

        recorder = Recorder()
        live = server.exchange(
            server.adapt(asked), {**body, **self._own}, opening=recorder.opened
        )
        keys = [key for key in (server.key, self._user_key) if key]
        return RecordedAnswer(
            live, lambda: deck.cassette.add(what, recorder.whole(), *keys)
        )

    def _look_up(self, asked: Options, body: Mapping[str, Any]) -> Any:
        what = question(asked.api, body)
        return what, self._deck.find(what)

    async def _asked(self, asked: Options, what: Question) -> Server:
        """Return the server, once it is found."""
        cassette = self._deck.cassette
        if self._deck.mode == "replay":
            message = (
                f"{cassette.describe_miss(what)}\n`%step cassette auto` asks, and "
                "records the answer."
            )
            raise CassetteMiss(message)
        if self._server is None:
            try:
                server = await asyncio.to_thread(self._find)
            except KeyMissing as error:
                message = f"{error}\n{cassette.describe_miss(what)}"
                raise KeyMissing(message) from error
            adapted = server.adapt(asked)
            added = adapted.parameters.keys() - asked.parameters.keys()
            self._own = {
                "model": adapted.model,
                **{name: adapted.parameters[name] for name in added},
            }
            self._server = server
        return self._server


class _DeferredAnswer:
    """An answer whose source, cassette or server, is found when it is asked for."""

    def __init__(
        self, endpoint: ReplayEndpoint, asked: Options, body: Mapping[str, Any]
    ) -> None:
        self._endpoint = endpoint
        self._asked = asked
        self._body = body
        self._source: Source | None = None

    async def ready(self) -> None:
        """Find out who answers; see ``ReplayEndpoint.source``."""
        if self._source is None:
            self._source = await self._endpoint.source(self._asked, self._body)
            await self._source.ready()

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield the events; the last is a ``Finish``, with any error."""
        try:
            await self.ready()
        except StepError as error:
            yield Finish(reason="error", error=error)
        if self._source is not None:
            async with contextlib.aclosing(self._source.events()) as events:
                async for event in events:
                    yield event

    def cut(self) -> list[StreamEvent]:
        """Return the ends of the parts that were open when the reading stopped."""
        return self._source.cut() if self._source else []
