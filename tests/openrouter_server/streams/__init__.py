"""How each protocol writes an answer: whole, as the frames of a stream, as an error."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from openrouter_server.content import Failure, Generation
from openrouter_server.sdk_types import Protocol
from openrouter_server.streams import chat, messages, responses


class Writer(typing.Protocol):
    """What the module of a protocol offers."""

    KEEP_ALIVE: bytes

    def frames(self, generation: Generation, /) -> Iterator[bytes]:
        """Yield the server-sent events of an answer."""

    def body(self, generation: Generation, /) -> dict[str, Any]:
        """Return an answer that is not streamed."""

    def error_frame(
        self, generation: Generation, failure: Failure, number: int, /
    ) -> bytes:
        """Return the event that ends a stream in an error, after ``number`` others."""

    def failed_body(self, generation: Generation, failure: Failure, /) -> Any:
        """Return the answer, not streamed, of a provider that failed on the way."""

    def error_body(self, failure: Failure, /) -> dict[str, Any]:
        """Return the body of an HTTP error."""


WRITERS: dict[Protocol, Writer] = {
    "chat": chat,
    "responses": responses,
    "messages": messages,
}
