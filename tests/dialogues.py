"""Turns of a dialogue, read to their end."""

from __future__ import annotations

from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.stream import TurnStream
from stepmagic.server.options import Options
from stepmagic.transcript import (
    Turn,
    user,
)
from stepmagic.transcript.events import StreamEvent


def drain(stream: TurnStream) -> list[StreamEvent]:
    """Return every event of a turn."""
    with stream:
        return list(stream)


def say(talk: Dialogue, prompt: str, options: Options) -> Turn:
    """Ask and return the closed turn."""
    stream = talk.send(user(prompt), options)
    drain(stream)
    return stream.result()
