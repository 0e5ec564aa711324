"""Frames of a stream as events, however the bytes were cut."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepmagic.transcript import Reasoning, Text, ToolCall
from stepmagic.transcript.events import (
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
)
from wire_cases import REPLIES, either, stream
from wire_events import (
    byte_by_byte,
    case_name,
    dumps,
    events_of,
    protocol_of,
    random_chunks,
    replay,
    replay_whole,
)

reply = pytest.mark.parametrize("path", REPLIES, ids=case_name)


@stream
def test_stream_cut_anywhere_gives_the_same_events(path: Path) -> None:
    body, protocol = path.read_bytes(), protocol_of(path)
    whole = replay(protocol, [body])
    assert dumps(replay(protocol, byte_by_byte(body))) == dumps(whole)
    for seed in ("a", "b", "c"):
        chunks = random_chunks(body, path.stem + seed)
        assert dumps(replay(protocol, chunks)) == dumps(whole)


@stream
@pytest.mark.parametrize("ending", [b"\r\n", b"\r"], ids=["crlf", "cr"])
def test_every_line_ending_of_the_sse_standard_is_read(
    path: Path, ending: bytes
) -> None:
    body, protocol = path.read_bytes(), protocol_of(path)
    assert b"\r" not in body
    other = body.replace(b"\n", ending)
    whole = dumps(replay(protocol, [body]))
    assert dumps(replay(protocol, [other])) == whole
    assert dumps(replay(protocol, byte_by_byte(other))) == whole


@reply
def test_reply_cut_anywhere_gives_the_same_events(path: Path) -> None:
    body, protocol = path.read_bytes(), protocol_of(path)
    whole = replay_whole(protocol, [body])
    assert dumps(replay_whole(protocol, byte_by_byte(body))) == dumps(whole)


@either
def test_parts_begin_in_order_and_all_end_before_the_one_finish(path: Path) -> None:
    *before, last = events_of(path)
    assert isinstance(last, Finish)
    assert not any(isinstance(event, Finish) for event in before)
    started = [event.index for event in before if isinstance(event, PartStart)]
    ended = [event.index for event in before if isinstance(event, PartEnd)]
    assert started == list(range(len(started)))
    assert sorted(ended) == started


@either
def test_deltas_add_up_to_the_part_that_ends(path: Path) -> None:
    shown: dict[int, str] = {}
    for event in events_of(path):
        match event:
            case PartStart(part=Text(text=text) | Reasoning(text=text)):
                shown[event.index] = text
            case PartStart(part=ToolCall(arguments=text)):
                shown[event.index] = text
            case PartDelta():
                shown[event.index] += event.text
            case PartEnd(part=Text(text=text) | Reasoning(text=text)):
                assert shown[event.index] == text
            case PartEnd(part=ToolCall(arguments=text)):
                assert (shown[event.index] or "{}") == text
            case _:
                pass


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value inside a JSON value, itself included."""
    yield place
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, held in inside:
            yield from _places(held, (*place, key))


def _with(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    """Return a JSON value with another one at a place."""
    if not place:
        return other
    copied = copy.copy(value)
    copied[place[0]] = _with(value[place[0]], place[1:], other)
    return copied


_OTHERS: list[Any] = [None, True, 7, -1.5, "x", "", [], [None], ["x"], {}, {"a": 1}]


def _spoilt(form: str, rng: random.Random) -> str:
    """Return JSON in which one value is another, and of another type most often."""
    try:
        value = json.loads(form)
    except ValueError:
        return form
    place = rng.choice(list(_places(value)))
    return json.dumps(_with(value, place, rng.choice(_OTHERS)))


def _spoilt_stream(body: str, rng: random.Random) -> str:
    """Return a stream in which one frame is spoilt."""
    lines = body.split("\n")
    frames = [at for at, line in enumerate(lines) if line.startswith("data: {")]
    if frames:
        at = rng.choice(frames)
        lines[at] = "data: " + _spoilt(lines[at].removeprefix("data: "), rng)
    return "\n".join(lines)


@stream
def test_frame_with_a_wrong_value_still_ends_in_a_finish(path: Path) -> None:
    rng = random.Random(path.stem)
    text = path.read_text(encoding="utf-8")
    for _ in range(20):
        body = _spoilt_stream(text, rng)
        assert isinstance(replay(protocol_of(path), [body.encode()])[-1], Finish), body


@reply
def test_reply_with_a_wrong_value_still_ends_in_a_finish(path: Path) -> None:
    rng = random.Random(path.stem)
    text = path.read_text(encoding="utf-8")
    for _ in range(20):
        body = _spoilt(text, rng)
        events = replay_whole(protocol_of(path), [body.encode()])
        assert isinstance(events[-1], Finish), body
