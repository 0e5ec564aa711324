"""``batch`` on many rows, beside a bare ``httpx`` gather that asks the same."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Self

import httpx
import psutil

from look_alike import Stream, look_alike
from stepmagic import batch
from stepmagic.settings import current
from table import Row

_ROWS = 10_000
_CONCURRENCY = 16
_LEAST_SHARE = 0.8
_MOST_GROWTH_MB = 20
_QUESTION = "Is it good or bad? {{ text }}"
_SYSTEM = "Answer in one word."
_MEGA = 1_000_000


def measure() -> Iterator[Row]:
    """Yield the throughput of a batch, and how its memory grows."""
    rows = [f"review number {number}" for number in range(_ROWS)]
    half = _ROWS // 2
    with look_alike() as server:
        stream = server.serve("good")
        asyncio.run(_gather(rows[:100], stream))
        _ask(rows[:100], stream)
        # Half before and half after, so that a machine that slows is shared by both.
        bare_s = asyncio.run(_gather(rows[:half], stream))
        _tick()
        with _Memory() as memory:
            batch_s = _ask(rows, stream)
        _tick()
        bare_s += asyncio.run(_gather(rows[half:], stream))
    yield Row(
        what=f"batch, {_ROWS:,} rows, {_CONCURRENCY} at a time",
        measured=f"{_ROWS / batch_s:,.0f} rows/s",
        beside=f"{_ROWS / bare_s:,.0f} rows/s bare httpx gather",
        ratio=f"{bare_s / batch_s:.2f}",
        limit=f"{_LEAST_SHARE:.2f}",
        good=bare_s / batch_s >= _LEAST_SHARE,
    )
    grown_mb = memory.grown / _MEGA
    yield Row(
        what="memory of it, from a tenth to the end",
        measured=f"{grown_mb:+.1f} MB",
        beside=f"{memory.before / _MEGA:.0f} MB at a tenth",
        ratio=f"{1 + memory.grown / memory.before:.2f}",
        limit=f"+{_MOST_GROWTH_MB} MB",
        good=grown_mb <= _MOST_GROWTH_MB,
    )


class _Memory:
    """What this process holds, looked at while it works."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def before(self) -> int:
        """Bytes when a tenth of the time was over."""
        return self.sizes[len(self.sizes) // 10]

    @property
    def grown(self) -> int:
        """Bytes more at the most from then on."""
        return max(self.sizes[len(self.sizes) // 10 :]) - self.before

    def _watch(self) -> None:
        process = psutil.Process()
        while not self._over.wait(0.05):
            self.sizes.append(process.memory_info().rss)


def _ask(rows: Sequence[str], stream: Stream) -> float:
    """Return the seconds that a batch takes."""
    os.environ["OPENROUTER_API_KEY"] = stream.key
    current().base_url = stream.url
    begun = time.perf_counter()
    found = batch(
        rows,
        _QUESTION,
        system=_SYSTEM,
        model=stream.model,
        effort="low",
        concurrency=_CONCURRENCY,
        progress=False,
    )
    took_s = time.perf_counter() - begun
    _check(list(found["answer"]), rows, stream)
    return took_s


async def _gather(rows: Sequence[str], stream: Stream) -> float:
    """Return the seconds that the same questions take with nothing around them."""
    turns = asyncio.Semaphore(_CONCURRENCY)
    url = f"{stream.url}/chat/completions"

    async def ask(client: httpx.AsyncClient, row: str) -> str:
        body = {
            "model": stream.model,
            "reasoning": {"effort": "low"},
            "messages": [
                {"role": "system", "content": _SYSTEM},
                {"role": "user", "content": _QUESTION.replace("{{ text }}", row)},
            ],
        }
        async with turns:
            reply = await _posted(client, url, body)
        text: str = reply.json()["choices"][0]["message"]["content"]
        return text

    begun = time.perf_counter()
    headers = {"authorization": f"Bearer {stream.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        found = await asyncio.gather(*(ask(client, row) for row in rows))
    took_s = time.perf_counter() - begun
    _check(found, rows, stream)
    return took_s


async def _posted(client: httpx.AsyncClient, url: str, body: Any) -> httpx.Response:
    """Ask again where the server had closed a connection that was idle for long."""
    try:
        return await client.post(url, json=body)
    except httpx.TransportError:
        return await client.post(url, json=body)


def _check(found: list[str], rows: Sequence[str], stream: Stream) -> None:
    if found != [stream.text] * len(rows):
        message = "some rows have another answer"
        raise RuntimeError(message)


def _tick() -> None:
    sys.stderr.write(".")
    sys.stderr.flush()
