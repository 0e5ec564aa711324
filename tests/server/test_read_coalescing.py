"""Reading a stream a few tokens at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx

from stepmagic.server.connections import CoalescedStream

_MANY = 20
"""Turns of the loop; a read takes one or two, and a rest hundreds."""


class Socket(httpx.AsyncByteStream):
    """A stream whose reads bring several chunks each; counts how often it is read."""

    def __init__(self, *reads: tuple[bytes, ...]) -> None:
        self._reads = reads
        self.read = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunks in self._reads:
            await asyncio.sleep(0)  # a read goes through the loop
            self.read += 1
            for chunk in chunks:
                yield chunk

    async def aclose(self) -> None:
        self.closed = True


async def rests(
    stream: CoalescedStream, gathers_after: bytes
) -> list[tuple[bytes, bool]]:
    """Return each chunk, and whether the loop was left alone before it came."""
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    found, before = [], turns
    async for chunk in stream:
        found.append((chunk, turns - before > _MANY))
        if chunk == gathers_after:
            stream.coalesce()
        before = turns
    turning.cancel()
    return found


def test_rests_after_a_read_and_not_within_it() -> None:
    socket = Socket((b"1", b"2"), (b"3", b"4", b"5"), (b"6",))

    found = asyncio.run(rests(CoalescedStream(socket), gathers_after=b"1"))

    rested = [chunk for chunk, is_late in found if is_late]
    assert b"".join(chunk for chunk, _ in found) == b"123456"
    assert rested == [b"2", b"4"]
    assert socket.read == 3


def test_keeps_nothing_back_before_the_first_words() -> None:
    socket = Socket((b"1",), (b"2",), (b"3", b"4"))

    found = asyncio.run(rests(CoalescedStream(socket), gathers_after=b"4"))

    assert [chunk for chunk, is_late in found if is_late] == []


def test_closes_what_it_wraps() -> None:
    socket = Socket((b"1",))

    asyncio.run(CoalescedStream(socket).aclose())

    assert socket.closed
