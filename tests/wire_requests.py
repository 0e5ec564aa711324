"""What the tests of the codecs share: requests, answers, and judges of a body."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from openrouter_server.ordering import messages_faults, responses_faults
from openrouter_server.sdk_types import type_faults
from stepmagic.schema import FunctionSchema
from stepmagic.transcript import (
    Image,
    Message,
    Origin,
    Part,
    Protocol,
    Status,
    Text,
    ToolResult,
    user,
)
from stepmagic.transcript.events import assemble
from stepmagic.wire import Request, codec
from stepmagic.wire.parameters import check_parameter
from wire_events import FIXTURES, events_of

MODEL = "stepfun/step-3.7-flash"
HI = user("Hi")
ADD = FunctionSchema(
    name="add",
    description="Add two numbers",
    parameters={"type": "object", "properties": {"a": {"type": "number"}}},
    strict=True,
)
PNG = Image(media_type="image/png", data=b"png")
PNG_URL = "data:image/png;base64,cG5n"
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "a", "strict": True, "schema": {"type": "object"}},
}


def body(
    protocol: Protocol, *messages: Message, model: str = MODEL, **fields: Any
) -> dict[str, Any]:
    """Return the body of a request, whose parameters are checked like a user's."""
    for name, value in fields.get("parameters", {}).items():
        check_parameter(name, value)
    request = Request(model=model, messages=messages or (HI,), **fields)
    return codec(protocol).encode(request)


def faults(protocol: Protocol, form: Mapping[str, Any]) -> list[str]:
    """Return what the SDKs' types and the rules of order find wrong with a body."""
    ordering = responses_faults if protocol == "responses" else messages_faults
    return [*type_faults(protocol, form), *ordering(form)]


def answer(
    *parts: Part | str,
    protocol: Protocol,
    model: str = MODEL,
    status: Status = "complete",
) -> Message:
    """Return an assistant message from this protocol and model."""
    made = (Text(text=part) if isinstance(part, str) else part for part in parts)
    origin = Origin(protocol=protocol, model=model, provider="StepFun")
    return Message(role="assistant", parts=tuple(made), origin=origin, status=status)


def results(*parts: ToolResult) -> Message:
    return Message(role="tool", parts=parts)


def result(call_id: str, *parts: Any, is_error: bool = False) -> ToolResult:
    return ToolResult(call_id=call_id, name="add", parts=parts, is_error=is_error)


def decoded(protocol: Protocol, case: str) -> tuple[Part, ...]:
    """Return the parts of the reply that a fixture holds."""
    return assemble(events_of(Path(FIXTURES, protocol, case))).parts


def frames(kinds: list[str], words: list[str]) -> st.SearchStrategy[Any]:
    """Return lists of frames whose types are right and whose fields may be anything.

    Args:
        kinds: Types of a frame.
        words: Names and values that mean something to the decoder.
    """
    leaf = (
        st.none()
        | st.booleans()
        | st.integers(0, 2)
        | st.floats(allow_nan=False)
        | st.sampled_from(words)
    )
    names = st.sampled_from(words)
    anything = st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5)
        ),
        max_leaves=12,
    )
    fields = st.dictionaries(names, anything, max_size=6)
    typed = st.builds(
        lambda kind, rest: {**rest, "type": kind}, st.sampled_from(kinds), fields
    )
    return st.lists(typed, max_size=6)
