"""HTTP connections: enough clients that each has few requests, and batched reads.

For each request httpcore looks at every connection of its pool, and for each idle one
at all the others (``AsyncConnectionPool._assign_requests_to_connections`` of 1.0.9): at
a hundred concurrent requests, that would be ten thousand checks for each request.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, cast

import httpx

if TYPE_CHECKING:
    import ssl

_AT_A_TIME = 4
"""Requests of one client."""

_IDLE_S = 10.0
"""What was not needed for so long is closed, but for the first client. Of no use are
its connections after 5 s (httpx, Resource Limits)."""


class Clients:
    """The clients for hosts that are reached in the same way.

    Args:
        trust_env: Whether proxies are taken from the environment.
    """

    def __init__(self, *, trust_env: bool) -> None:
        self._trust_env = trust_env
        self._held: list[_Client] = []
        self._closing: set[asyncio.Task[None]] = set()

    @contextmanager
    def one(self) -> Iterator[httpx.AsyncClient]:
        """Lend the first client that has not too many requests, for one more."""
        client = next((c for c in self._held if c.requests < _AT_A_TIME), None)
        if client is None:
            client = _Client(trust_env=self._trust_env)
            self._held.append(client)
        client.requests += 1
        try:
            yield client.inner
        finally:
            client.requests -= 1
            client.idle_since = time.monotonic()
            self._close_idle()

    async def close(self) -> None:
        """Close all."""
        for client in self._held:
            await client.inner.aclose()
        self._held.clear()

    def _close_idle(self) -> None:
        long_ago = time.monotonic() - _IDLE_S
        for client in self._held[:0:-1]:
            if client.requests or client.idle_since > long_ago:
                return
            self._held.remove(client)
            task = asyncio.ensure_future(client.inner.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class _Client:
    """A client, and how much it has to do."""

    def __init__(self, *, trust_env: bool) -> None:
        # Idle connections are closed after seconds, however many there were.
        self.inner = httpx.AsyncClient(
            verify=_trusted(trust_env=trust_env),
            trust_env=trust_env,
            limits=httpx.Limits(),
        )
        self.requests = 0
        self.idle_since = 0.0


@functools.lru_cache(maxsize=2)
def _trusted(*, trust_env: bool) -> ssl.SSLContext:
    """Return who is trusted; to read their certificates takes 20 ms."""
    return httpx.create_ssl_context(trust_env=trust_env)


_REST_S = 0.05
"""Between two reads; a display draws no more often than that."""


class CoalescedStream(httpx.AsyncByteStream):
    """The bytes of a response; after ``coalesce``, with a pause after each read.

    What arrives meanwhile waits in the socket and is read in one go. A server that
    sends 200 tokens a second thus wakes this process 20 times a second.
    """

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream
        self._is_coalescing = False
        self._was_read = False

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """Put one between an ``AsyncClient``'s response and its stream."""
        found = cls(cast("httpx.AsyncByteStream", response.stream))
        response.stream = found
        return found

    def coalesce(self) -> None:
        """Start to pause; called after the first text, which must not be delayed."""
        self._is_coalescing = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        watch = loop.call_soon(self._note_read)
        async for chunk in self._stream:
            watch.cancel()
            yield chunk
            # One read may return many chunks; those after the first are available.
            if self._was_read and self._is_coalescing:
                await asyncio.sleep(_REST_S)
            self._was_read = False
            watch = loop.call_soon(self._note_read)
        watch.cancel()

    def _note_read(self) -> None:
        """Run by the loop, which goes round only where a chunk had to be waited for."""
        self._was_read = True

    async def aclose(self) -> None:
        """Close the connection, or return it to the pool."""
        await self._stream.aclose()
