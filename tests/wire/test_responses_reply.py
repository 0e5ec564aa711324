"""Replies of the Responses protocol."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import HealthCheck, given, settings

from stepmagic.transcript.events import Finish
from stepmagic.wire.responses import Decoder
from wire_events import FIXTURES
from wire_requests import (
    frames,
)

KINDS = [
    "error",
    "response.completed",
    "response.failed",
    "response.function_call_arguments.delta",
    "response.incomplete",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.annotation.added",
    "response.output_text.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_text.delta",
    "response.refusal.delta",
]


def words() -> list[str]:
    """Return every word this protocol's fixtures hold: names, types and values."""
    text = "".join(path.read_text("utf-8") for path in FIXTURES.glob("responses/*"))
    return sorted(set(re.findall(r'"(\w+)"', text)))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(streamed=frames(KINDS, words()))
def test_whatever_comes_ends_in_one_finish(streamed: list[dict[str, Any]]) -> None:
    decoder = Decoder()
    events = [event for frame in streamed for event in decoder.feed(json.dumps(frame))]
    events += decoder.finish()
    assert [event for event in events if isinstance(event, Finish)] == events[-1:]
    for frame in streamed:
        assert isinstance(Decoder().decode(json.dumps(frame))[-1], Finish)
