"""Messages as the Chat Completions protocol sends them, and answers to send back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stepmagic.transcript import (
    Message,
    Origin,
    Part,
    Status,
    ToolCall,
    ToolResult,
    user,
)
from stepmagic.transcript.events import assemble
from stepmagic.wire import Request
from stepmagic.wire.chat import encode
from wire_events import FIXTURES, events_of

MODEL = "stepfun/step-3.7-flash"


def body(*messages: Message, **fields: Any) -> dict[str, Any]:
    return encode(Request(model=MODEL, messages=messages or (user("Hi"),), **fields))


def sent(*messages: Message) -> list[dict[str, Any]]:
    forms: list[dict[str, Any]] = body(*messages)["messages"]
    return forms


def answer(
    *parts: Part,
    protocol: Any = "chat",
    model: str = MODEL,
    provider: str | None = "StepFun",
    status: Status = "complete",
) -> Message:
    origin = Origin(protocol=protocol, model=model, provider=provider)
    return Message(role="assistant", parts=parts, origin=origin, status=status)


def decoded(case: str) -> tuple[Part, ...]:
    """Return the parts of the reply that a fixture holds."""
    return assemble(events_of(Path(FIXTURES, "chat", case))).parts


def results(*parts: ToolResult) -> Message:
    return Message(role="tool", parts=parts)


def replayed(case: str, **origin: Any) -> dict[str, Any]:
    """Return the answer of turn one as the request of turn two holds it."""
    parts = decoded(case)
    calls = [part for part in parts if isinstance(part, ToolCall)]
    given = [ToolResult(call_id=call.id, name=call.name) for call in calls]
    follow_up = results(*given) if given else user("And?")
    return sent(user("Hi"), answer(*parts, **origin), follow_up)[1]
