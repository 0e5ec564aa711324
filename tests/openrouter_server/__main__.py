"""Serve one synthetic stream again and again, at a steady pace, in its own process.

    python -m openrouter_server --tokens 5000 --rate 200

Run in the folder that holds the package. Prints one line of JSON, ``{"url": ..., "key":
..., "model": ...}``, and serves until its standard input closes, so that it ends with
whoever started it.
"""

from __future__ import annotations

import argparse
import json
import sys

from openrouter_server.app import OpenRouterServer
from openrouter_server.content import DEFAULT_TEXT, split_tokens
from openrouter_server.models import STEPFUN
from openrouter_server.script import answer, prepared


def main() -> None:
    """Serve until standard input closes."""
    options = _options()
    text = markdown(options.tokens)
    with OpenRouterServer() as server:
        reply = answer(text, reasoning="", pace_s=1 / options.rate)
        server.default = prepared(reply)
        line = {"url": server.url, "key": server.key, "model": STEPFUN}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


def markdown(tokens: int) -> str:
    """Return Markdown that is streamed in exactly so many frames of one token."""
    # Copies share a token where they meet, so one copy more than a division gives.
    copies = 1 + tokens // (len(split_tokens(DEFAULT_TEXT)) - 1)
    return "".join(split_tokens(DEFAULT_TEXT * copies)[:tokens])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m openrouter_server")
    parser.add_argument("--tokens", type=int, default=5000, help="of the answer")
    parser.add_argument("--rate", type=float, default=200, help="events a second")
    return parser.parse_args()


if __name__ == "__main__":
    main()
