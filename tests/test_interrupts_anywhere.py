"""Streams of every protocol, stopped at random points: what was seen stays, in order.

The streams are those of the test server, of all that a model may send, and recorded
ones, which lie outside this repository (see `test_recordings`).
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from functools import cache

import httpx
import pytest
from httpx_sse import EventSource

from openrouter_server import SIGNED, STEPFUN, Call, answer
from openrouter_server.script import Asked
from openrouter_server.strictness import body_faults
from recorded import ANSWERED
from recorded import PROTOCOLS as ENDPOINTS
from stepmagic.conversation.continuation import ContinuedTurn, unfinished
from stepmagic.conversation.stream import TurnStream
from stepmagic.conversation.turn import TurnRun, new_turn
from stepmagic.display.answer import AnswerFold
from stepmagic.display.notebook.frames import Frames
from stepmagic.errors import UnsupportedOption
from stepmagic.server.options import Options
from stepmagic.transcript import (
    Message,
    Protocol,
    Turn,
    TurnTree,
    turn_from_dict,
    turn_to_dict,
)
from stepmagic.transcript import user as says
from stepmagic.transcript.events import StreamEvent
from stepmagic.wire import PROTOCOLS, Request, codec

POINTS = 40
"""For each protocol and kind of stream: 240 in all."""

SAID = "Here is *what* I found:\n\n```python\nprint('done')\n```\n\n- one\n- two\n"
THOUGHT = "The user asks for it. Let me see, step by step."
CALL = Call(name="add", arguments='{"a": 1, "b": 2}')
ANSWERS = [
    (STEPFUN, answer(SAID, reasoning=THOUGHT)),
    (STEPFUN, answer(SAID, reasoning="")),
    (SIGNED, answer(SAID, reasoning=THOUGHT, signature="c2lnbmVk")),
    (SIGNED, answer(SAID, reasoning="", encrypted="ZW5jcnlwdGVk")),
    (STEPFUN, answer(SAID, reasoning=THOUGHT, tool_calls=[CALL, CALL])),
    (STEPFUN, answer("", reasoning=THOUGHT, tool_calls=[CALL])),
    (STEPFUN, answer(SAID, reasoning=THOUGHT, finish_reason="length")),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A streamed answer, frame by frame."""

    protocol: Protocol
    model: str
    frames: tuple[str, ...]

    @property
    def options(self) -> Options:
        return Options(model=self.model, api=self.protocol, base_url="", system="")


def frames_of(body: bytes) -> tuple[str, ...]:
    headers = {"content-type": "text/event-stream"}
    response = httpx.Response(200, headers=headers, content=body)
    return tuple(frame.data for frame in EventSource(response).iter_sse())


@cache
def made_up(protocol: Protocol) -> list[Stream]:
    streams = []
    for model, reply in ANSWERS:
        body = {"model": model, "stream": True, "reasoning": {"effort": "low"}}
        asked = Asked(protocol=protocol, body=body, generation_id="gen-1-a")
        frames = frames_of(b"".join(reply.frames(asked)))
        streams.append(Stream(protocol=protocol, model=model, frames=frames))
    return streams


@cache
def recorded(protocol: Protocol) -> list[Stream]:
    return [
        Stream(
            protocol=protocol,
            model=recording["model"],
            frames=frames_of(recording["body"].encode()),
        )
        for recording in ANSWERED
        if recording["stream"] and ENDPOINTS[recording["endpoint"]] == protocol
    ]


class Played:
    """A stream up to a frame, behind which nothing comes any more."""

    def __init__(self, stream: Stream, stop: int) -> None:
        self._frames = stream.frames[:stop]
        self._decoder = codec(stream.protocol).decoder()
        self.is_waiting = asyncio.Event()

    async def ready(self) -> None:
        """Nobody is asked."""

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        for frame in self._frames:
            for event in self._decoder.feed(frame):
                yield event
        self.is_waiting.set()
        await asyncio.Event().wait()

    def cut(self) -> list[StreamEvent]:
        return self._decoder.cut()


async def interrupted(
    run: TurnRun, turn: Turn, played: Played, seen: list[StreamEvent]
) -> Turn:
    """Run a turn, and stop it where the stream has nothing more."""
    run.source = played
    run.begin(turn)
    task = asyncio.create_task(run.run())
    await played.is_waiting.wait()
    before = len(seen)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert run.turn.text.startswith(drawn(seen[:before]))
    # What the end of the stream brought to light is read and drawn too.
    assert run.turn.text == drawn(seen)
    return run.turn


def drawn(seen: list[StreamEvent]) -> str:
    """Return the text of the last frame, once it is sure that there is one."""
    fold = AnswerFold()
    for event in seen:
        fold.feed(event)
    answered = fold.answer(KeyboardInterrupt())
    assert Frames(fold).next().parts == answered.parts
    return answered.text


def check_next(history: tuple[Message, ...], stream: Stream) -> None:
    """Check the next request: at home, and over the other protocols."""
    for protocol in PROTOCOLS:
        request = Request(model=stream.model, messages=history)
        try:
            body = codec(protocol).encode(request)
        except UnsupportedOption:
            assert protocol != stream.protocol
            continue
        assert body_faults(protocol, body) == []


def watched() -> tuple[TurnStream, list[StreamEvent]]:
    """Return a stream, and a list that gets its events."""
    seen: list[StreamEvent] = []
    stream = TurnStream(TurnTree(), subscribers=[lambda _, event: seen.append(event)])
    return stream, seen


async def stop_and_go_on(stream: Stream, rng: random.Random) -> None:
    options = stream.options
    stop = rng.randint(0, len(stream.frames))
    turn = new_turn(says("Hi"), options, parent=None, cell=None)
    reader, seen = watched()
    run = TurnRun(reader, turn.prompt, options)
    turn = await interrupted(run, turn, Played(stream, stop), seen)
    assert turn.status in ("interrupted", "complete")
    assert turn_from_dict(turn_to_dict(turn)) == turn
    check_next((*turn.messages, says("Go on.")), stream)
    if turn.is_void:
        return
    broken = unfinished(turn)
    check_next(broken.asked, stream)
    played = Played(stream, rng.randint(0, len(stream.frames)))
    reader, seen = watched()
    run = ContinuedTurn(reader, broken, options)
    whole = await interrupted(run, turn, played, seen)
    assert whole.text.startswith(turn.text)
    check_next((*whole.messages, says("And?")), stream)


def points(streams: list[Stream], seed: str) -> Iterator[tuple[Stream, random.Random]]:
    """Yield streams in turn, each with its own chance."""
    for number, stream in zip(range(POINTS), itertools.cycle(streams), strict=False):
        yield stream, random.Random(f"{seed} {number}")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_streams_stopped_anywhere(protocol: Protocol) -> None:
    for stream, rng in points(made_up(protocol), protocol):
        asyncio.run(stop_and_go_on(stream, rng))


@pytest.mark.skipif(not ANSWERED, reason="there are no recordings")
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_recorded_streams_stopped_anywhere(protocol: Protocol) -> None:
    streams = recorded(protocol)
    assert streams
    for stream, rng in points(streams, protocol):
        asyncio.run(stop_and_go_on(stream, rng))
