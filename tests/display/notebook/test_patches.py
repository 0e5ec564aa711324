"""Frames as patches, and what a page makes of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from front_ends import Clock, run_script
from page import Page
from patched_page import Reader, written
from stepmagic.display.answer import AnswerFold
from stepmagic.display.notebook.frames import Frame, Frames
from stepmagic.display.notebook.patches import (
    Patches,
    common_length,
    utf16_length,
    without_left_alignment,
)
from stepmagic.transcript import Image, Reasoning, Text, ToolCall, ToolResult
from stepmagic.transcript.events import (
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
    StreamEvent,
    ToolEnd,
    ToolStart,
)

RICH = """\
# On \U0001f600 and \U0001f40d

Text with *emphasis*, [a link][late] and `code`; $5 \U0001f4b6.

1. one \U0001f469\u200d\U0001f680
2. two

| a | b |
|---|--:|
| \U0001f600 | 2 |

```python
print("\U0001f600")
```

> quoted

[late]: https://example.org/
"""


def pieces_of(text: str, seed: int) -> Iterator[str]:
    """Cut a text at random."""
    chance = random.Random(seed)
    while text:
        size = chance.randint(1, 60)
        yield text[:size]
        text = text[size:]


def talk(seed: int) -> Iterator[StreamEvent]:
    """Yield the events of a turn with reasoning, a function, text and a picture."""
    yield PartStart(index=0, part=Reasoning())
    for piece in pieces_of(RICH, seed):
        yield PartDelta(index=0, text=piece)
    yield PartEnd(index=0, part=Reasoning(text=RICH))
    yield PartStart(index=1, part=ToolCall(id="1", name="f", arguments=""))
    yield PartDelta(index=1, text='{"a": ')
    call = ToolCall(id="1", name="f", arguments='{"a": 1}')
    yield PartEnd(index=1, part=call)
    yield Finish(reason="tool_calls")
    yield ToolStart(call=call)
    result = ToolResult(call_id="1", name="f", parts=(Text(text="\U0001f600"),))
    yield ToolEnd(result=result, time_s=0.1)
    yield PartStart(index=0, part=Text(text=""))
    for piece in pieces_of(RICH * 40, seed):
        yield PartDelta(index=0, text=piece)
    yield PartEnd(index=0, part=Text(text=RICH * 40))
    picture = Image(media_type="image/png", data=b"\x89PNG\r\n\x1a\n")
    yield PartStart(index=1, part=picture)
    yield PartEnd(index=1, part=picture)
    yield Finish(reason="stop")


def exchanged(events: Iterator[StreamEvent]) -> Iterator[tuple[Any, Frame]]:
    """Yield each frame of some events, and the message for it."""
    clock = Clock()
    fold = AnswerFold(model="m", clock=clock)
    frames, patches = Frames(fold), Patches()
    for event in events:
        fold.feed(event)
        clock.now_s += 0.05
        frame = frames.next()
        yield patches.message(frame), frame


@pytest.mark.parametrize("seed", range(3))
def test_a_page_shows_every_frame_as_it_was_drawn(seed: int) -> None:
    reader = Reader()
    repeats = 0
    for message, frame in exchanged(talk(seed)):
        if message is not None:
            reader.take(message)
            repeats += bool(message.get("complete"))
        assert reader.html == without_left_alignment(frame.to_bundle()["text/html"])
        assert not reader.lost
    assert Page(reader.html).faults == []
    assert repeats > 1


def test_a_page_that_lost_messages_is_right_again_after_a_whole() -> None:
    reader = Reader()
    chance = random.Random(1)
    right = repaired = 0
    for message, frame in exchanged(talk(1)):
        lost = reader.lost
        if message is None or (chance.random() < 0.01 and reader.seq > 0):
            continue
        reader.take(message)
        repaired += lost and not reader.lost
        if not reader.lost and message is not None:
            right += 1
            assert reader.html == without_left_alignment(frame.to_bundle()["text/html"])
    assert right
    assert repaired


def test_a_page_that_asks_gets_the_whole() -> None:
    fold = AnswerFold()
    frames, patches = Frames(fold), Patches()
    late = Reader()
    fold.feed(PartStart(index=0, part=Text(text="one")))
    patches.message(frames.next())
    fold.feed(PartDelta(index=0, text=" two"))
    message = patches.message(frames.next())
    assert message is not None
    late.take(message)
    assert late.lost
    patches.must_repeat = True
    frame = frames.next()
    message = patches.message(frame)
    assert message is not None
    late.take(message)
    assert late.html == without_left_alignment(frame.to_bundle()["text/html"])
    assert patches.message(frames.next()) is None


def test_a_part_that_ends_otherwise_is_drawn_anew() -> None:
    reader = Reader()
    events: list[StreamEvent] = [
        PartStart(index=0, part=Text(text="")),
        PartDelta(index=0, text="One.\n\nTwo.\n\nThree"),
        PartEnd(index=0, part=Text(text="Other.\n\nText.")),
        PartStart(index=1, part=Reasoning()),
        # Reasoning without a word is not shown once it is over.
        PartEnd(index=1, part=Reasoning()),
    ]
    for message, frame in exchanged(iter(events)):
        if message is not None:
            reader.take(message)
        assert reader.html == without_left_alignment(frame.to_bundle()["text/html"])
    assert "Three" not in reader.html
    assert "<details" not in reader.html


def test_pieces_that_go_are_gone() -> None:
    """No stream does this today; a page must not keep what no frame has."""
    fold = AnswerFold()
    frames, patches, reader = Frames(fold), Patches(), Reader()
    fold.feed(PartStart(index=0, part=Text(text="one")))
    fold.feed(PartStart(index=1, part=Image(url="https://example.org/")))
    for frame in (frames.next(), Frame(pieces=(), line="gone", parts=())):
        message = patches.message(frame)
        assert message is not None
        reader.take(message)
        assert reader.html == without_left_alignment(frame.to_bundle()["text/html"])


def test_repeats_cost_less_than_the_rest() -> None:
    whole = every = 0
    final = ""
    for message, frame in exchanged(talk(0)):
        size = len(json.dumps(message))
        every += size
        whole += size if message and message.get("complete") else 0
        final = frame.to_bundle()["text/html"]
    assert 0 < whole < 4 / 3 * len(json.dumps(final))
    assert whole < every / 2


@pytest.mark.parametrize(
    ("one", "other", "length"),
    [("", "", 0), ("a", "", 0), ("ab", "ac", 1), ("ab", "ab", 2), ("abc", "ab", 2)],
)
def test_common_beginnings(one: str, other: str, length: int) -> None:
    assert common_length(one, other) == length


def test_lengths_are_counted_as_javascript_does() -> None:
    assert utf16_length("a\U0001f600é") == 4
    assert utf16_length("abc") == 3


def test_the_script_makes_the_same_of_the_messages(tmp_path: Path) -> None:
    messages = [message for message, _ in exchanged(talk(2)) if message is not None]
    del messages[20], messages[5]
    reader = Reader()
    expected = []
    for message in messages:
        reader.take(message)
        expected.append([reader.lost, reader.html])
    code = """
        import { applyPatch, blankState } from "./view.js";
        const state = blankState();
        const states = given.map((message) => {
          applyPatch(state, message);
          return structuredClone(state);
        });
        console.log(JSON.stringify(states));
    """
    states = run_script(tmp_path, code, messages)
    seen = [[s["lost"], written(s["pieces"], s["line"])] for s in states]
    assert seen == expected
    assert {lost for lost, _ in seen} == {False, True}
