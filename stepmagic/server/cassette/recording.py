"""A raw answer with its timing: recorded while it is read, and played.

Both stand where ``transport`` opens a request, so that what is played is decoded like
what a server sends. What was received is kept as text, cut only at line ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import httpx

from stepmagic.server.cassette.file import Piece, Recording
from stepmagic.server.http import Call, over_http

_LONGEST_PAUSE_S = 2.0
"""A longer silence, such as that of a model that thinks, is played so long."""

_KEPT_HEADERS = ("content-type",)
"""What decides how an answer is read; others may be secrets, such as cookies."""


class Recorder:
    """Opens a request over HTTP, and keeps the answer that is received."""

    def __init__(self) -> None:
        self.recording = Recording()
        """What was received in the last attempt."""
        self._chunks: list[tuple[float, bytes]] = []

    @contextlib.asynccontextmanager
    async def opened(self, call: Call) -> AsyncIterator[httpx.Response]:
        """Yield the reply of a call."""
        begun = time.monotonic()
        self._chunks = []
        async with over_http(call) as response:
            kept = {
                name: response.headers[name]
                for name in _KEPT_HEADERS
                if name in response.headers
            }
            self.recording = Recording(status=response.status_code, headers=kept)
            yield httpx.Response(
                response.status_code,
                headers=_decoded_headers(response),
                stream=_Kept(response, lambda chunk: self._keep(begun, chunk)),
            )

    def _keep(self, begun: float, chunk: bytes) -> None:
        self._chunks.append((time.monotonic() - begun, chunk))

    def whole(self) -> Recording:
        """Return the answer, once it is complete."""
        return replace(self.recording, pieces=tuple(_pieces(self._chunks)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """Opens a request with an answer that was recorded."""

    recording: Recording
    at_once: bool
    """Whether the pauses are left out."""

    @contextlib.asynccontextmanager
    async def opened(self, _: Call) -> AsyncIterator[httpx.Response]:
        """Yield the reply that was recorded."""
        pieces = self.recording.pieces
        if self.at_once:
            pieces = ((0.0, "".join(text for _, text in pieces)),)
        yield httpx.Response(
            self.recording.status,
            headers=dict(self.recording.headers),
            stream=_Played(pieces),
        )


class _Kept(httpx.AsyncByteStream):
    """The bytes of a reply, decompressed, each noted as it is passed on."""

    def __init__(self, response: httpx.Response, keep: Callable[[bytes], None]) -> None:
        self._response = response
        self._keep = keep

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_bytes():
            self._keep(chunk)
            yield chunk

    async def aclose(self) -> None:
        """Close the connection, or give it back."""
        await self._response.aclose()


class _Played(httpx.AsyncByteStream):
    """The pieces of a recorded reply, each at its time."""

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        due = time.monotonic()
        before_s = 0.0
        for at_s, text in self._pieces:
            due += min(max(0.0, at_s - before_s), _LONGEST_PAUSE_S)
            before_s = at_s
            if due > time.monotonic():
                await asyncio.sleep(due - time.monotonic())
            yield text.encode("utf-8", "replace")


def _decoded_headers(response: httpx.Response) -> list[tuple[str, str]]:
    """Return the headers of a reply whose bytes are no longer compressed."""
    return [
        (name, value)
        for name, value in response.headers.multi_items()
        if name not in ("content-encoding", "content-length", "transfer-encoding")
    ]


def _pieces(chunks: list[tuple[float, bytes]]) -> list[Piece]:
    """Return chunks as text in complete lines; a part of a line waits for its end.

    A secret is searched for line by line, since it may be split across two chunks.
    """
    pieces: list[Piece] = []
    waiting = b""
    last_s = 0.0
    for at_s, chunk in chunks:
        last_s = round(at_s, 3)
        lines, end, rest = (waiting + chunk).rpartition(b"\n")
        waiting = rest
        if end:
            pieces.append((last_s, (lines + end).decode("utf-8", "replace")))
    if waiting:
        pieces.append((last_s, waiting.decode("utf-8", "replace")))
    return pieces
