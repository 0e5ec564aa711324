"""A question made ready: the server that is asked, the request, its connection to be.

Whatever would fail without the server's help fails here, before a turn begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stepmagic.conversation.context import check_fits
from stepmagic.conversation.continuation import Broken, Resumed
from stepmagic.conversation.stream import Sending
from stepmagic.conversation.turn import Keep, Listen, Running
from stepmagic.keys import Key
from stepmagic.server.cassette.endpoint import Taped
from stepmagic.server.endpoint import Endpoint, find_endpoint, refuse_key
from stepmagic.server.options import Options, build_request
from stepmagic.transcript import Message, Turn
from stepmagic.transcript.events import Source
from stepmagic.wire import codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request that can go out."""

    options: Options
    """What it is asked with, as its server takes it."""
    messages: tuple[Message, ...]
    """What was said before, and the prompt."""
    exchange: Source
    endpoint: Endpoint | Taped
    whole: Callable[[Turn], Turn] = lambda turn: turn
    """Returns the turn as it is kept, where the one that is asked is the rest of it."""

    @property
    def key(self) -> Key | None:
        """What goes out with it, and nowhere else."""
        return self.endpoint.key

    def resuming(self, broken: Broken, before: tuple[Message, ...]) -> Prepared:
        """Return a request for the rest of an answer as one for the whole of it.

        Args:
            broken: The answer.
            before: What was said before its question.
        """
        resumed = Resumed(self.exchange, broken)
        messages = (*before, broken.turn.prompt, *broken.rounds)
        return replace(self, messages=messages, exchange=resumed, whole=resumed.whole)

    async def follow(self, replies: tuple[Message, ...], options: Options) -> Source:
        """Return the request that follows some replies, with what functions gave.

        Raises:
            StepError: It cannot be sent, such as for want of a form for part of it.
        """
        request = build_request(options, (*self.messages, *replies))
        body = codec(options.api).encode(request)
        exchange = self.endpoint.exchange(options, body)
        await exchange.ready()
        return exchange

    def running(
        self, turn: Turn, sending: Sending, *, listen: Listen, keep: Keep
    ) -> Running:
        """Return the turn to be run.

        Args:
            turn: As it begins.
            sending: Whose reader is asked before a function is called.
            listen: Called with each event but the last ``Finish``.
            keep: Called with the turn as it stands.
        """
        caller = None
        if self.options.tools:
            from stepmagic.conversation.tool_calls import Caller  # noqa: PLC0415 - with the first one

            caller = Caller(self.options, key=self.key, sending=sending, tell=listen)
        return Running(
            turn,
            self.exchange,
            self.options,
            listen=listen,
            keep=keep,
            whole=self.whole,
            ask=self.follow,
            caller=caller,
        )


async def prepare(
    prompt: Message,
    options: Options,
    before: tuple[Message, ...],
    report: Callable[[str], None],
) -> Prepared:
    """Return the request that asks a prompt after some messages.

    Args:
        prompt: The question.
        options: What the user asks it with.
        before: What was said.
        report: Takes a line where that takes a while, such as to start an engine.

    Raises:
        StepError: It cannot be sent; nothing was.
    """
    endpoint = await asyncio.to_thread(find_endpoint, options, report)
    refuse_key(endpoint.key, options.system, prompt)
    check_fits(options, before, prompt)
    asked = endpoint.adapt(options)
    exchange = endpoint.exchange(asked, encode(prompt, asked, before))
    await exchange.ready()
    return Prepared(
        options=asked,
        messages=(*before, prompt),
        exchange=exchange,
        endpoint=endpoint,
    )


def encode(
    prompt: Message, options: Options, before: tuple[Message, ...]
) -> dict[str, Any]:
    """Return the body of the request that asks a prompt after some messages.

    Raises:
        UnsupportedOption: The model or the protocol has no form for part of it.
    """
    return codec(options.api).encode(build_request(options, (*before, prompt)))
