"""How soon the first token is seen: from the server's socket to the front end.

Both ends read ``time.monotonic``, which is one clock for all processes of a machine.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import answers
import ways
from kernel import Message
from look_alike import LookAlike, Stream, look_alike
from table import Row

_TURNS = 25
_LIMIT_MS = 20
_FIRST = "Certainly"
"""Begins the answer and stands nowhere else in it."""

_SHOWING = ("display_data", "update_display_data", "comm_msg")


def measure() -> Iterator[Row]:
    """Yield the median of each way to the screen."""
    with look_alike() as server:
        text = f"{_FIRST}, {answers.one_paragraph(100)}"
        # A model thinks before it speaks: the kernel waits when the first token comes.
        stream = server.serve(text, rate=ways.SLOW, delay_s=0.3)
        for way in (ways.PATCHES, ways.WHOLE):
            yield _row(way, _delays_ms(way, server, stream))


def _row(way: ways.Way, delays_ms: list[float]) -> Row:
    median_ms = statistics.median(delays_ms)
    return Row(
        what=f"{way.name}: first token at the socket to first text on screen",
        measured=f"{median_ms:.1f} ms",
        beside=f"{min(delays_ms):.1f} to {max(delays_ms):.1f} ms in {_TURNS} turns",
        ratio=f"{median_ms / _LIMIT_MS:.2f}",
        limit=f"{_LIMIT_MS} ms",
        good=median_ms < _LIMIT_MS,
    )


def _delays_ms(way: ways.Way, server: LookAlike, stream: Stream) -> list[float]:
    """Return the delay of each turn, in milliseconds."""
    seen: list[float] = []
    with ways.asker(way, stream) as asking:
        for _ in range(_TURNS):
            shown: list[float] = []

            def hear(message: Message, shown: list[float] = shown) -> None:
                if message.kind in _SHOWING and _FIRST.encode() in message.content:
                    shown.append(message.came_at)

            asking.ask(stream, hear=hear)
            seen.append(shown[0])
    begun = [began for began, _ in server.times(stream)][-_TURNS:]
    return [1000 * (at - began) for at, began in zip(seen, begun, strict=True)]
