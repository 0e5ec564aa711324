"""Serve streams again and again, at a steady pace, in a process of its own.

    python -m openrouter_server --tokens 5000 --rate 200

Run in the folder that holds the package. Prints one line of JSON, ``{"url": ..., "key":
..., "model": ..., "tokens": ...}``, and serves until its standard input closes, so that
it ends with whoever started it. It answers each line on standard input with a line:

    {"text": "...", "rate": 200}   serves a text too; where, as above
    {"url": "..."}                 when that stream was written: a list of pairs

``rate`` is in tokens a second, 0 for as fast as they are taken. ``delay_s`` may say how
long the headers take, and ``send_buffer`` is the server's. A pair has the times of the
first event and of the last byte of a reply by ``time.monotonic``, which on Linux has
one zero for all processes. Without ``--tokens`` nothing is served until a line asks.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from typing import Any

from openrouter_server.app import OpenRouterServer
from openrouter_server.content import DEFAULT_TEXT, split_tokens
from openrouter_server.models import STEPFUN
from openrouter_server.script import answer, prepared


def main() -> None:
    """Serve until standard input closes."""
    options = _options()
    with ExitStack() as running:
        streams = Streams(running)
        if options.tokens:
            _say(streams.serve(markdown(options.tokens), rate=options.rate))
        for line in sys.stdin:
            asked = json.loads(line)
            _say(streams.serve(**asked) if "text" in asked else streams.times(**asked))


class Streams:
    """The streams of this process, each on a server of its own."""

    def __init__(self, running: ExitStack) -> None:
        """Begin with none; ``running`` is what stops them."""
        self._running = running
        self._servers: dict[str, OpenRouterServer] = {}

    def serve(
        self,
        text: str,
        *,
        rate: float,
        delay_s: float = 0,
        send_buffer: int | None = None,
    ) -> dict[str, Any]:
        """Serve a text, and return where."""
        server = OpenRouterServer(send_buffer=send_buffer)
        self._running.enter_context(server)
        pace_s = 1 / rate if rate else 0
        reply = answer(text, reasoning="", pace_s=pace_s, delay_s=delay_s)
        server.default = prepared(reply)
        self._servers[server.url] = server
        return {
            "url": server.url,
            "key": server.key,
            "model": STEPFUN,
            "tokens": len(split_tokens(text)),
        }

    def times(self, url: str) -> list[tuple[float | None, float | None]]:
        """Return when each reply of a stream began and ended, once it has."""
        asked = list(self._servers[url].requests)
        for received in asked:
            received.wait_until_over()
        return [(received.began_at, received.answered_at) for received in asked]


def markdown(tokens: int) -> str:
    """Return Markdown that is streamed in exactly so many frames of one token."""
    # Copies share a token where they meet, so one copy more than a division gives.
    copies = 1 + tokens // (len(split_tokens(DEFAULT_TEXT)) - 1)
    return "".join(split_tokens(DEFAULT_TEXT * copies)[:tokens])


def _say(line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m openrouter_server")
    parser.add_argument("--tokens", type=int, default=0, help="of a first answer")
    parser.add_argument("--rate", type=float, default=200, help="its events a second")
    return parser.parse_args()


if __name__ == "__main__":
    main()
