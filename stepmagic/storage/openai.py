"""A conversation as the messages of OpenAI's chat completions.

What only a router or one provider knows is left out: reasoning, and pictures in an
answer. Media stay as this package sends them, though OpenAI takes no video.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from stepmagic.transcript import Image, Message, Opaque, Reasoning
from stepmagic.wire import Request, codec


def to_openai(
    messages: Iterable[Message], system: str | None = None
) -> list[dict[str, Any]]:
    """Return messages as the ``messages`` of a chat completion.

    Source: ChatCompletionMessageParam of the ``openai`` package.
    """
    request = Request(
        # Of no model: nothing goes back to where it came from.
        model="",
        messages=tuple(map(_told, messages)),
        system=system,
    )
    told: list[dict[str, Any]] = codec("chat").encode(request)["messages"]
    return told


def _told(message: Message) -> Message:
    if message.role != "assistant":
        return message
    parts = tuple(
        part
        for part in message.parts
        if not isinstance(part, Reasoning | Opaque | Image)
    )
    return replace(message, parts=parts)
