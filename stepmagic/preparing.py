"""A question made ready: the server that is asked, the request, its connection to be.

Whatever would fail without the server's help fails here, before a turn begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stepmagic.context import check_fits
from stepmagic.endpoint import find_endpoint, refuse_key
from stepmagic.events import Source
from stepmagic.keys import Key
from stepmagic.options import Options, build_request
from stepmagic.transcript import Message, Turn
from stepmagic.wire import codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request that can go out."""

    options: Options
    """What it is asked with, as its server takes it."""
    exchange: Source
    key: Key | None
    whole: Callable[[Turn], Turn] = lambda turn: turn
    """Returns the turn as it is kept, where the one that is asked is the rest of it."""


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
    return Prepared(options=asked, exchange=exchange, key=endpoint.key)


def encode(
    prompt: Message, options: Options, before: tuple[Message, ...]
) -> dict[str, Any]:
    """Return the body of the request that asks a prompt after some messages.

    Raises:
        UnsupportedOption: The model or the protocol has no form for part of it.
    """
    return codec(options.api).encode(build_request(options, (*before, prompt)))
