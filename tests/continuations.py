"""Answers that are cut, and what goes on with them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

import pytest

from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.stream import TurnStream
from stepmagic.errors import Interrupted
from stepmagic.server.options import Overrides
from stepmagic.session import session
from stepmagic.transcript import (
    Protocol,
    Turn,
    user,
)
from stepmagic.transcript.events import (
    PartDelta,
    StreamEvent,
)
from stepmagic.wire import PROTOCOLS

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


MORE = {"max_tokens": 5000}


def send(
    talk: Dialogue, prompt: str, protocol: Protocol, model: str | None = None
) -> TurnStream:
    first_line = Overrides(model=model, parameters={"api": protocol, **MORE})
    return talk.send(user(prompt), session().options(talk, first_line))


def rest(talk: Dialogue) -> TurnStream:
    options = session().options(talk, talk.unfinished_turn().overrides)
    return talk.continue_answer(options)


def closed(stream: TurnStream) -> Turn:
    """Read a turn to its end; returns it."""
    with stream:
        list(stream)
    assert stream.turn is not None
    return stream.turn


def stopped(stream: TurnStream, word: str) -> Turn:
    """Interrupt a turn once a word has come; returns it."""
    heard = ""
    with pytest.raises(Interrupted), stream:
        for event in stream:
            heard += event.text if isinstance(event, PartDelta) else ""
            if word in heard:
                raise KeyboardInterrupt
    assert stream.turn is not None
    return stream.turn


class Script:
    """A source of events that are written down."""

    def __init__(self, events: Iterable[StreamEvent]) -> None:
        self._events = list(events)
        self.is_ready = False
        self.ends: list[StreamEvent] = []

    async def ready(self) -> None:
        self.is_ready = True

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        for event in self._events:
            yield event

    def cut(self) -> list[StreamEvent]:
        return self.ends
