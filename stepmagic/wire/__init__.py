"""Pure codecs for OpenRouter's three protocols.

Owns the form of requests and replies: ``encode(request) -> dict`` and a ``Decoder`` for
each stream. Must not do I/O, read settings or know who consumes the events.

    >>> from stepmagic.transcript import user
    >>> from stepmagic.wire import Request, codec
    >>> request = Request(model="stepfun/step-3.7-flash", messages=(user("Hi"),))
    >>> codec("chat").encode(request)["messages"]
    [{'role': 'user', 'content': 'Hi'}]
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepmagic.wire.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from stepmagic.transcript import Protocol
    from stepmagic.wire.decoder import Decoder

__all__ = ["PROTOCOLS", "Codec", "Request", "codec"]

PROTOCOLS: tuple[Protocol, ...] = ("chat", "responses", "messages")

_PATHS: dict[Protocol, str] = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "messages": "/messages",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One protocol: where requests go, how they are written, how replies are read."""

    path: str
    """Below the server's base URL."""
    encode: Callable[[Request], dict[str, Any]]
    decoder: Callable[[], Decoder]
    """Makes the decoder of one stream; it is never shared between streams."""


@functools.cache
def codec(protocol: Protocol) -> Codec:
    """Return the codec of a protocol; its module is imported only then."""
    module = importlib.import_module(f"stepmagic.wire.{protocol}")
    return Codec(path=_PATHS[protocol], encode=module.encode, decoder=module.Decoder)
