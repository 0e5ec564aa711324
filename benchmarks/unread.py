"""Whether a front end that stops reading slows the stream from the server.

The server says when it wrote the first event and the last. The pause of the front end
is longer than the stream, which is longer than what sockets hold: a kernel that waited
for its front end would hold the last event back until the pause is over.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import answers
import ways
from kernel import Message
from look_alike import LookAlike, Stream, look_alike
from table import Row

_PAUSE_S = 5
_SIZE, _RATE = 20_000, 2000
_SEND_BUFFER = 16 * 1024
"""Bytes; by default a loopback takes in megabytes of which nobody reads."""

_MESSAGES = 8
"""That are read before the pause: the answer is on its way by then."""

_LIMIT = 1.05


def measure() -> Iterator[Row]:
    """Yield the time in which the server writes, with a pause and without."""
    with look_alike() as server:
        warm = server.serve(answers.mixed(500))
        text = answers.mixed(_SIZE)
        stream = server.serve(text, rate=_RATE, send_buffer=_SEND_BUFFER)
        for way in (ways.PATCHES, ways.WHOLE):
            # One message may wait in the client: more than that waits in the kernel.
            with ways.asker(way, warm, unread=1) as asking:
                read_s = _written_s(asking, server, stream, pause_s=0)
                unread_s = _written_s(asking, server, stream, pause_s=_PAUSE_S)
            yield Row(
                what=f"{way.name}: server writes, front end stops for {_PAUSE_S} s",
                measured=f"{unread_s:.2f} s",
                beside=f"{read_s:.2f} s without a stop",
                ratio=f"{unread_s / read_s:.2f}",
                limit=f"{_LIMIT}",
                good=unread_s / read_s < _LIMIT,
            )


def _written_s(
    asking: ways.Asker, server: LookAlike, stream: Stream, *, pause_s: float
) -> float:
    """Return how long the server wrote."""
    heard = 0

    def hear(_: Message) -> None:
        nonlocal heard
        heard += 1
        if heard == _MESSAGES:
            time.sleep(pause_s)

    asking.ask(stream, hear=hear)
    began, ended = server.times(stream)[-1]
    return ended - began
