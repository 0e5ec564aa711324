"""An endpoint behind a cassette: what is on it is played, and nobody else is asked.

The server, its key and the embedded engine are looked for only where an answer is not
there; so a replay needs none of them.
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
from stepmagic.server.http import Call, Exchange, Limits, Opening
from stepmagic.server.options import Options
from stepmagic.transcript.events import Finish, Notice, Source, StreamEvent, UsageReport
from stepmagic.wire import codec

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
        from stepmagic.server.cassette.recording import Player  # noqa: PLC0415 - loads httpx

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


class Server(Protocol):
    """Who is asked what is not on the cassette."""

    @property
    def key(self) -> Key | None:
        """The key that goes along."""

    def adapt(self, options: Options) -> Options:
        """Return the options as this server takes them."""

    def exchange(
        self, asked: Options, body: Mapping[str, Any], *, opening: Opening | None = None
    ) -> Source:
        """Return the exchange of a request."""


class Taped:
    """A cassette in the place of an ``Endpoint``."""

    def __init__(self, deck: Deck, find: Callable[[], Server]) -> None:
        """Prepare; ``find`` looks for the server, which may take a while."""
        self._deck = deck
        self._find = find
        self._user_key = find_key()
        self._server: Server | None = None
        self._own: Mapping[str, Any] = {}
        """Fields of every body that are the server's own."""

    @property
    def key(self) -> Key | None:
        """What must not be written anywhere, whoever answers."""
        return self._server.key if self._server else self._user_key

    def adapt(self, options: Options) -> Options:
        """Return the options as they are: what is recorded is known by them."""
        return options

    def exchange(self, asked: Options, body: Mapping[str, Any]) -> Source:
        """Return the exchange of a request; nothing is looked for yet."""
        return _Asking(self, asked, body)

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
            return Played(recording, codec(asked.api).decoder, at_once=at_once)
        server = await self._asked(asked, what)
        from stepmagic.server.cassette.recording import Recorder  # noqa: PLC0415 - loads httpx

        recorder = Recorder()
        live = server.exchange(
            server.adapt(asked), {**body, **self._own}, opening=recorder.opened
        )
        keys = [key for key in (server.key, self._user_key) if key]
        return Recorded(live, lambda: deck.cassette.add(what, recorder.whole(), *keys))

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


class _Asking:
    """A request to which the cassette or the server has the answer."""

    def __init__(self, taped: Taped, asked: Options, body: Mapping[str, Any]) -> None:
        self._taped = taped
        self._asked = asked
        self._body = body
        self._source: Source | None = None

    async def ready(self) -> None:
        """Find out who answers; see ``Taped.source``."""
        if self._source is None:
            self._source = await self._taped.source(self._asked, self._body)
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

    def so_far(self) -> list[StreamEvent]:
        """Return what ``cut`` would now, and go on reading."""
        return self._source.so_far() if self._source else []
