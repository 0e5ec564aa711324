"""Bytes of a stream, read a few at a time: waking for each token costs more than it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Self, cast

import httpx

_REST_S = 0.05
"""Between two reads; a display draws no more often than that."""


class Gathering(httpx.AsyncByteStream):
    """A response's bytes as they come; on ``gather``, with a rest after each read.

    What comes meanwhile waits in the socket and is read at once. A server that sends
    200 tokens a second thus wakes this process 20 times a second.
    """

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        """Wrap a stream that nobody has begun to read."""
        self._stream = stream
        self._gathers = False
        self._was_read = False

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """Put one between an ``AsyncClient``'s response and its stream."""
        found = cls(cast("httpx.AsyncByteStream", response.stream))
        response.stream = found
        return found

    def gather(self) -> None:
        """Begin to rest; called after the first words, which must not be kept back."""
        self._gathers = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        watch = loop.call_soon(self._note_read)
        async for chunk in self._stream:
            watch.cancel()
            yield chunk
            # One read may hold many chunks; those that follow the first are at hand.
            if self._was_read and self._gathers:
                await asyncio.sleep(_REST_S)
            self._was_read = False
            watch = loop.call_soon(self._note_read)
        watch.cancel()

    def _note_read(self) -> None:
        """Run by the loop, which goes round only where a chunk had to be waited for."""
        self._was_read = True

    async def aclose(self) -> None:
        """Close the connection, or give it back."""
        await self._stream.aclose()
