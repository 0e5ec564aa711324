"""Folding events into parts, in any order in which parts may grow."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepmagic.errors import StreamCut
from stepmagic.transcript import (
    Image,
    Opaque,
    Part,
    Reasoning,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Usage,
)
from stepmagic.transcript.events import (
    Assembly,
    ConfirmTool,
    Finish,
    Notice,
    PartDelta,
    PartEnd,
    PartStart,
    Retry,
    StreamEvent,
    ToolEnd,
    ToolStart,
    UsageReport,
    assemble,
)

CALL = ToolCall(id="1", name="f", arguments="")


@dataclass(frozen=True)
class Grown:
    """A part, how its text grows, and what it is then."""

    part: Part
    whole: Part
    fragments: tuple[str, ...]
    ended: Part | None


@st.composite
def growths(draw: st.DrawFn) -> Grown:
    fragments = tuple(draw(st.lists(st.text(max_size=5), max_size=4)))
    text = "".join(fragments)
    grown: list[tuple[Part, Part]] = [
        (Text(text="> "), Text(text="> " + text)),
        (Reasoning(text="hm "), Reasoning(text="hm " + text)),
        (CALL, ToolCall(id="1", name="f", arguments=text)),
    ]
    first, whole = draw(st.sampled_from(grown))
    ended = draw(st.sampled_from([None, Text(text="the whole of it")]))
    return Grown(first, whole, fragments, ended)


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[StreamEvent], list[Grown]]:
    """Return parts that grow at the same time, and their events in some order."""
    grown = draw(st.lists(growths(), max_size=4))
    waiting: list[list[StreamEvent]] = []
    for index, one in enumerate(grown):
        events: list[StreamEvent] = [PartStart(index=index, part=one.part)]
        events += [PartDelta(index=index, text=text) for text in one.fragments]
        if one.ended is not None:
            events.append(PartEnd(index=index, part=one.ended))
        waiting.append(events)
    mixed: list[StreamEvent] = []
    while any(waiting):
        stream = draw(st.sampled_from([events for events in waiting if events]))
        mixed.append(stream.pop(0))
    return mixed, grown


@given(interleaved())
def test_parts_that_grow_at_the_same_time_keep_apart(
    drawn: tuple[list[StreamEvent], list[Grown]],
) -> None:
    events, grown = drawn
    wanted = tuple(one.ended or one.whole for one in grown)
    assert assemble(events).parts == wanted


@given(interleaved())
def test_looking_on_the_way_changes_nothing(
    drawn: tuple[list[StreamEvent], list[Grown]],
) -> None:
    events, _ = drawn
    watched = Assembly()
    for event in events:
        watched.feed(event)
        assert watched.parts == watched.parts
    assert watched.parts == assemble(events).parts


def test_parts_stand_in_the_order_of_their_index() -> None:
    events = [
        PartStart(index=1, part=Text(text="b")),
        PartStart(index=0, part=Text(text="a")),
    ]
    assert assemble(events).parts == (Text(text="a"), Text(text="b"))


def test_end_replaces_what_came_before() -> None:
    assembly = assemble(
        [
            PartStart(index=0, part=Text(text="")),
            PartDelta(index=0, text="draft"),
            PartEnd(index=0, part=Text(text="final")),
            PartDelta(index=0, text=" late"),
        ]
    )
    assert assembly.part(0) == Text(text="final")


def test_logprobs_grow_with_the_text() -> None:
    one, two = (TokenLogprob(token=token, logprob=-1) for token in "ab")
    assembly = assemble(
        [
            PartStart(index=0, part=Text(text="")),
            PartDelta(index=0, text="a", logprobs=(one,)),
            PartDelta(index=0, text="", logprobs=(two,)),
        ]
    )
    assert assembly.parts == (Text(text="a", logprobs=(one, two)),)


@pytest.mark.parametrize(
    "part",
    [
        Image(url="https://example.org/a.png"),
        Opaque(kind="later"),
        ToolResult(call_id="1", name="f"),
    ],
)
def test_part_without_text_does_not_grow(part: Part) -> None:
    begun = PartStart(index=0, part=part)
    assert assemble([begun, PartDelta(index=0, text="x")]).parts == (part,)


def test_delta_needs_its_part() -> None:
    with pytest.raises(KeyError):
        Assembly().feed(PartDelta(index=0, text="x"))


def test_last_usage_stands() -> None:
    later = Usage(completion_tokens=2)
    events = [UsageReport(usage=Usage(completion_tokens=1)), UsageReport(usage=later)]
    assert assemble(events).usage == later


def test_finish_is_kept() -> None:
    finish = Finish(reason="error", error=StreamCut("cut"))
    assert assemble([finish]).finish is finish
    assert assemble([]).finish is None


def test_what_is_only_shown_leaves_no_part() -> None:
    events: list[StreamEvent] = [
        Retry(attempt=2, attempts=4, wait_s=0.5, error=StreamCut("cut")),
        Notice(text="waiting"),
        ConfirmTool(call=CALL),
        ToolStart(call=CALL),
        ToolEnd(result=ToolResult(call_id="1", name="f"), time_s=0.1),
    ]
    assembly = assemble(events)
    assert (assembly.parts, assembly.usage, assembly.finish) == ((), None, None)
