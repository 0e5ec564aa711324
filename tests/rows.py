"""A server that answers each row by what it was asked, and faults among its answers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from openrouter_server import (
    OpenRouterServer,
    Reply,
    answer,
    cut,
    error,
    mid_stream_error,
)
from openrouter_server.script import Asked


def question_of(body: Any) -> str:
    """Return the text of what a request to chat asks last."""
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def echo(*, delay_s: float = 0) -> Reply:
    """Return a reply that says what was asked, in capitals."""

    def frames(asked: Asked) -> Iterable[bytes]:
        text = question_of(asked.body).upper()
        return answer(text, reasoning="").frames(asked)

    return Reply(frames=frames, delay_s=delay_s)


def asked(server: OpenRouterServer) -> Counter[str]:
    """Return how often each question was asked."""
    return Counter(question_of(received.body) for received in server.requests)


def faulty(count: int, *, share: float, seed: int = 7) -> Iterator[Reply]:
    """Yield replies of which some are refusals, server faults and cut streams."""
    chance = random.Random(seed)
    faults = (
        error(429, headers={"retry-after": "0.01"}),
        error(502, headers={"retry-after": "0"}),
        cut(echo(), after=2),
        mid_stream_error(echo(), after=2),
    )
    for _ in range(count):
        yield chance.choice(faults) if chance.random() < share else echo()
