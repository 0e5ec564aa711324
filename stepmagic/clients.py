"""HTTP clients of one loop, so many that none has more than a few requests at a time.

For each request httpcore looks at every connection of its pool, and for each idle one
at all the others (``AsyncConnectionPool._assign_requests_to_connections`` of 1.0.9): at
a hundred requests at a time, that alone would be ten thousand looks a request.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import ssl

_AT_A_TIME = 4
"""Requests of one client."""

_IDLE_S = 10.0
"""What was not needed for so long is closed, but for the first client. Of no use are
its connections after 5 s (httpx, Resource Limits)."""


class Clients:
    """The clients for hosts that are reached in one way."""

    def __init__(self, *, trust_env: bool) -> None:
        """Begin with none; ``trust_env`` takes proxies from the environment."""
        self._trust_env = trust_env
        self._held: list[_Client] = []
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        content: bytes | None,
        headers: Mapping[str, str],
        timeout_s: Mapping[str, float | None],
    ) -> AsyncIterator[httpx.Response]:
        """Yield the reply to a POST, or to a GET where there is no content.

        Cookies are never sent: none of the three protocols has any.

        Args:
            url: Where it goes.
            content: The body.
            headers: What does not go with every request.
            timeout_s: For ``connect``, ``read``, ``write`` and ``pool``.

        Raises:
            httpx.RequestError: There is no reply, or no more of it.
            httpx.InvalidURL: There is no such address.
        """
        client = self._one()
        client.requests += 1
        try:
            request = client.request(url, content, headers, timeout_s)
            response = await client.inner.send(request, stream=True)
            try:
                yield response
            finally:
                await response.aclose()
        finally:
            client.requests -= 1
            client.idle_since = time.monotonic()
            self._close_idle()

    async def close(self) -> None:
        """Close all."""
        for client in self._held:
            await client.inner.aclose()
        self._held.clear()

    def _one(self) -> _Client:
        """Return the first client that has not too many requests."""
        for client in self._held:
            if client.requests < _AT_A_TIME:
                return client
        self._held.append(_Client(trust_env=self._trust_env))
        return self._held[-1]

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
        self._headers = dict(self.inner.headers)

    def request(
        self,
        url: str,
        content: bytes | None,
        headers: Mapping[str, str],
        timeout_s: Mapping[str, float | None],
    ) -> httpx.Request:
        """Return a request; see ``Clients.stream``."""
        # `build_request` of httpx merges URLs, cookies, parameters and headers anew
        # each time, which takes longer than to write down a short question.
        own = {name.lower(): value for name, value in headers.items()}
        return httpx.Request(
            "GET" if content is None else "POST",
            _parsed(url),
            content=content,
            headers={**self._headers, **own},
            extensions={"timeout": timeout_s},
        )


@functools.lru_cache(maxsize=8)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


@functools.lru_cache(maxsize=2)
def _trusted(*, trust_env: bool) -> ssl.SSLContext:
    """Return who is trusted; to read their certificates takes 20 ms."""
    return httpx.create_ssl_context(trust_env=trust_env)
