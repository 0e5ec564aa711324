"""Processor time of a kernel while 5,000 tokens stream in at 200 a second.

Beside ``%%step`` stand a bare ``httpx.AsyncClient`` that parses each event with
``json.loads``, and chatlas: the same stream, the same kind of kernel, one after the
other.
"""

from __future__ import annotations

from collections.abc import Iterator

import answers
import ways
from look_alike import Stream, look_alike
from table import Row

_SIZE = 20_100
"""Bytes, in 5,000 tokens."""

_LIMIT = 1.5


def measure() -> Iterator[Row]:
    """Yield the processor time a token of each way."""
    with look_alike() as server:
        warm = server.serve(answers.mixed(200))
        stream = server.serve(answers.mixed(_SIZE), rate=ways.SLOW)
        bare_us = _us_a_token(ways.BARE, warm, stream)
        for way in (ways.PATCHES, ways.CHATLAS):
            spent_us = _us_a_token(way, warm, stream)
            is_limited = way is ways.PATCHES
            yield Row(
                what=f"{way.name}: {stream.tokens:,} tokens at {ways.SLOW}/s, "
                "CPU a token",
                measured=f"{spent_us:.0f} us",
                beside=f"{bare_us:.0f} us {ways.BARE.name}",
                ratio=f"{spent_us / bare_us:.2f}",
                limit=f"{_LIMIT}" if is_limited else "",
                good=not is_limited or spent_us / bare_us <= _LIMIT,
            )


def _us_a_token(way: ways.Way, warm: Stream, stream: Stream) -> float:
    """Return microseconds of processor time."""
    with ways.asker(way, warm) as asking:
        return 1e6 * asking.ask(stream).cpu_s / stream.tokens
