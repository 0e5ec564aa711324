"""Recorded replies that call functions, through the whole loop to the next request.

The test server sends each as it was recorded, and is as strict with what follows as
with any request. Reads the recordings that ``test_recordings`` reads, and skips without
them.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from openrouter_server import OpenRouterServer, answer, raw
from recorded import ANSWERED, Recording, assembled, name, protocol
from stepmagic import step
from stepmagic.transcript import Reasoning, ToolCall, ToolResult

CALLING = [
    recording
    for recording in ANSWERED
    if any(isinstance(part, ToolCall) for part in assembled(recording).parts)
]

pytestmark = [
    pytest.mark.skipif(not CALLING, reason="no recordings"),
    pytest.mark.usefixtures("step"),
]


def functions(calls: list[ToolCall]) -> list[Callable[..., Any]]:
    """Return functions of the recorded names that take the recorded arguments."""
    names: dict[str, set[str]] = {}
    for call in calls:
        names.setdefault(call.name, set()).update(json.loads(call.arguments))
    return [function(called, arguments) for called, arguments in names.items()]


def function(called: str, arguments: set[str]) -> Callable[..., Any]:
    def take(**given: Any) -> Any:
        return given

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(each, kind, default=None) for each in sorted(arguments)
    ]
    take.__name__ = called
    take.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return take


@pytest.mark.parametrize("recording", CALLING, ids=name)
def test_a_recorded_round_is_answered_as_its_protocol_demands(
    server: OpenRouterServer, recording: Recording
) -> None:
    kind = "text/event-stream" if recording["stream"] else "application/json"
    server.enqueue(raw(recording["body"].encode(), content_type=kind), answer("Done."))
    parts = assembled(recording).parts
    calls = [part for part in parts if isinstance(part, ToolCall)]
    reply = step(
        "Go!",
        tools=functions(calls),
        api=protocol(recording),
        stream=recording["stream"],
    )
    assert reply.text.endswith("Done.")
    results = [part for part in reply.parts if isinstance(part, ToolResult)]
    assert [result.call_id for result in results] == [call.id for call in calls]
    assert not any(result.is_error for result in results)
    sent = json.dumps(server.requests[1].body, sort_keys=True)
    for part in parts:
        if isinstance(part, Reasoning):
            native = part.provider_metadata.get("native")
            assert native is None or json.dumps(native, sort_keys=True) in sent
