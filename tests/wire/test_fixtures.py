"""Every fixture gives its events, however the bytes were cut."""

from __future__ import annotations

import json
from pathlib import Path

from stepmagic.transcript.events import (
    Assembly,
    assemble,
)
from wire_cases import REPLIES, STREAMS, either, stream
from wire_events import (
    FIXTURES,
    dumps,
    events_of,
    events_path,
    protocol_of,
    replay,
)

EVENT_STREAM = {"content-type": "text/event-stream"}


@either
def test_gives_the_expected_events(path: Path) -> None:
    expected = json.loads(events_path(path).read_text(encoding="utf-8"))
    assert json.loads(dumps(events_of(path))) == expected


def test_every_expectation_has_its_fixture_and_only_one() -> None:
    expected = sorted(FIXTURES.glob("*/*.events.json"))
    assert expected == sorted(events_path(path) for path in STREAMS + REPLIES)


@stream
def test_a_look_at_the_parts_so_far_changes_nothing(path: Path) -> None:
    """A look shows what was received until then, and the fold continues as before."""
    events = replay(protocol_of(path), [path.read_bytes()])
    every = max(1, len(events) // 5)
    looking = Assembly()
    for number, event in enumerate(events):
        looking.feed(event)
        if number % every == 0:
            assert looking.parts == assemble(events[: number + 1]).parts
    assert looking.parts == assemble(events).parts
